//! Deserializes with any deserializer so that failures are [`ReadError`]s.
//!
//! A deserializer fails with an error type of its own; that of `serde_json` keeps only a message. The wrappers here stand
//! between the deserializer and the types being read, and give those types [`ReadError`] as their error type. Such an
//! error cannot pass through the deserializer, so it is stored in [`Aside`] meanwhile.
//!
//! The wrappers know the expected type from the method that is called, refuse values of other types, and add two rules
//! to serde's: a struct is a JSON object, never an array; and `3.0` is a whole number.

use std::cell::Cell;
use std::fmt;

use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_path_to_error::Path;

use super::read_error::{JsonType, ReadError, Wanted};
use crate::domain::number::whole_number;

/// Reads a value; if it cannot be read, says where and why.
pub(super) fn deserialize<'de, T: Deserialize<'de>>(inner: impl Deserializer<'de>) -> Result<T, (Path, ReadError)> {
    let aside = Aside::default();
    serde_path_to_error::deserialize(Typed { inner, aside: &aside })
        .map_err(|error| (error.path().clone(), error.into_inner()))
}

/// The error that is on its way through the inner deserializer.
#[derive(Default)]
struct Aside(Cell<Option<ReadError>>);

impl Aside {
    /// Hands an outcome to the inner deserializer.
    fn put<T, E: Error>(&self, outcome: Result<T, ReadError>) -> Result<T, E> {
        match outcome {
            Ok(value) => {
                // An error within it that did not matter after all.
                self.0.set(None);
                Ok(value)
            }
            Err(error) => {
                self.0.set(Some(error));
                Err(E::custom("put aside"))
            }
        }
    }

    /// Takes an outcome from the inner deserializer. What it fails for by itself is the format of the text.
    fn take<T, E: Error>(&self, outcome: Result<T, E>) -> Result<T, ReadError> {
        outcome.map_err(|error| self.0.take().unwrap_or_else(|| ReadError::Malformed(error.to_string())))
    }
}

/// A deserializer whose errors are values.
struct Typed<'a, D> {
    inner: D,
    aside: &'a Aside,
}

impl<'de, D: Deserializer<'de>> Typed<'_, D> {
    fn read<V: Visitor<'de>>(self, visitor: V, wanted: Option<Wanted>) -> Result<V::Value, ReadError> {
        let Self { inner, aside } = self;
        aside.take(inner.deserialize_any(Reading { visitor, wanted, aside }))
    }
}

/// Methods that read any value and say what was wanted.
macro_rules! wanting {
    ($($method:ident($($argument:ident: $type:ty),*) wants $wanted:expr;)+) => {$(
        fn $method<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value, ReadError> {
            self.read(visitor, $wanted)
        }
    )+};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Typed<'_, D> {
    type Error = ReadError;

    wanting! {
        deserialize_any() wants None;
        deserialize_bool() wants Some(Wanted::Boolean);
        deserialize_u8() wants Some(Wanted::Count);
        deserialize_u16() wants Some(Wanted::Count);
        deserialize_u32() wants Some(Wanted::Count);
        deserialize_u64() wants Some(Wanted::Count);
        deserialize_i8() wants Some(Wanted::WholeNumber);
        deserialize_i16() wants Some(Wanted::WholeNumber);
        deserialize_i32() wants Some(Wanted::WholeNumber);
        deserialize_i64() wants Some(Wanted::WholeNumber);
        deserialize_f32() wants Some(Wanted::Number);
        deserialize_f64() wants Some(Wanted::Number);
        deserialize_char() wants Some(Wanted::Text);
        deserialize_str() wants Some(Wanted::Text);
        deserialize_string() wants Some(Wanted::Text);
        deserialize_identifier() wants Some(Wanted::Text);
        deserialize_bytes() wants None;
        deserialize_byte_buf() wants None;
        deserialize_unit() wants Some(Wanted::Null);
        deserialize_unit_struct(_name: &'static str) wants Some(Wanted::Null);
        deserialize_seq() wants Some(Wanted::Array);
        deserialize_tuple(_len: usize) wants Some(Wanted::Array);
        deserialize_tuple_struct(_name: &'static str, _len: usize) wants Some(Wanted::Array);
        deserialize_map() wants Some(Wanted::Object);
        deserialize_struct(_name: &'static str, _fields: &'static [&'static str]) wants Some(Wanted::Object);
        deserialize_enum(_name: &'static str, variants: &'static [&'static str]) wants Some(Wanted::OneOf(variants));
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let Self { inner, aside } = self;
        aside.take(inner.deserialize_option(Reading { visitor, wanted: None, aside }))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let Self { inner, aside } = self;
        aside.take(inner.deserialize_ignored_any(Reading { visitor, wanted: None, aside }))
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// A type's visitor, which the inner deserializer calls with what it finds.
struct Reading<'a, V> {
    visitor: V,
    wanted: Option<Wanted>,
    aside: &'a Aside,
}

impl<'de, V: Visitor<'de>> Reading<'_, V> {
    /// Whether a variant of an enum is wanted, which serde visits in a way of its own.
    fn wants_choice(&self) -> bool {
        matches!(self.wanted, Some(Wanted::OneOf(_)))
    }

    /// Lets the type look at a value that was found, if it is of the type that is wanted.
    fn visit<E: Error>(
        self,
        found: JsonType,
        visit: impl FnOnce(V) -> Result<V::Value, ReadError>,
    ) -> Result<V::Value, E> {
        // An error of an array or object may be that of a value within it, which wants something else.
        let is_own = !matches!(found, JsonType::Array | JsonType::Object) || self.wants_choice();
        let Self { visitor, wanted, aside } = self;
        aside.put(match wanted {
            Some(wanted) if !wanted.takes(found) => Err(ReadError::Mismatch { wanted, found: Some(found) }),
            Some(wanted) if is_own => visit(visitor).map_err(|error| error.wanting(wanted)),
            _ => visit(visitor),
        })
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Reading<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.visit(JsonType::Null, Visitor::visit_unit)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<V::Value, E> {
        self.visit(JsonType::Boolean, |visitor| visitor.visit_bool(value))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<V::Value, E> {
        self.visit(JsonType::Number, |visitor| visitor.visit_i64(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<V::Value, E> {
        self.visit(JsonType::Number, |visitor| visitor.visit_u64(number))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<V::Value, E> {
        match whole_number(number) {
            Some(whole) if self.wanted == Some(Wanted::Count) => self.visit_u64(whole),
            _ => self.visit(JsonType::Number, |visitor| visitor.visit_f64(number)),
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<V::Value, E> {
        let is_choice = self.wants_choice();
        self.visit(JsonType::Text, |visitor| {
            if is_choice { visitor.visit_enum(StrDeserializer::new(text)) } else { visitor.visit_str(text) }
        })
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<V::Value, E> {
        let is_choice = self.wants_choice();
        self.visit(JsonType::Text, |visitor| {
            if is_choice { visitor.visit_enum(StrDeserializer::new(text)) } else { visitor.visit_borrowed_str(text) }
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        let parts = Parts { inner, aside: self.aside };
        self.visit(JsonType::Array, |visitor| visitor.visit_seq(parts))
    }

    fn visit_map<A: MapAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        let is_choice = self.wants_choice();
        let parts = Parts { inner, aside: self.aside };
        self.visit(JsonType::Object, |visitor| {
            if is_choice { visitor.visit_enum(MapAccessDeserializer::new(parts)) } else { visitor.visit_map(parts) }
        })
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.aside.put(self.visitor.visit_none())
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        let Self { visitor, aside, .. } = self;
        aside.put(visitor.visit_some(Typed { inner, aside }))
    }
}

/// The items of an array or the fields of an object.
struct Parts<'a, A> {
    inner: A,
    aside: &'a Aside,
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Parts<'_, A> {
    type Error = ReadError;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, ReadError> {
        self.aside.take(self.inner.next_element_seed(Part { seed, aside: self.aside }))
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Parts<'_, A> {
    type Error = ReadError;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, ReadError> {
        self.aside.take(self.inner.next_key_seed(Part { seed, aside: self.aside }))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, ReadError> {
        self.aside.take(self.inner.next_value_seed(Part { seed, aside: self.aside }))
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

/// One of them, to be read as its type wants.
struct Part<'a, S> {
    seed: S,
    aside: &'a Aside,
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Part<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<S::Value, D::Error> {
        let aside = self.aside;
        aside.put(self.seed.deserialize(Typed { inner, aside }))
    }
}
