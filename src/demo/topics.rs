//! The topics of random streams: streams of different topics are independent.

pub(super) const TOPIC_COMPANY: u64 = 1;
pub(super) const TOPIC_PERSON: u64 = 2;
pub(super) const TOPIC_EMPLOYEE: u64 = 3;
pub(super) const TOPIC_RANK: u64 = 4;
pub(super) const TOPIC_DAY: u64 = 5;
pub(super) const TOPIC_WEEK: u64 = 6;
pub(super) const TOPIC_COLLECTOR: u64 = 7;
pub(super) const TOPIC_ACQUAINTANCE: u64 = 8;
pub(super) const TOPIC_MEETING: u64 = 9;
