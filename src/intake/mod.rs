//! Whole files of contacts into the store and out of it.
