//! What a trace consists of: one record for what happened to one key within one second, in segments.

/// Records in a segment, 20 KiB. A snapshot copies at most one segment, and old records are dropped by segments.
pub(super) const SEGMENT_RECORDS: usize = 1_024;

/// What a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RecordKind {
    /// The key with this id.
    Key(u32),
    /// Every entry was removed.
    Cleared,
    /// Nothing is fresh from here on, until [`RecordKind::Resumed`].
    Suspended,
    /// What is loaded from here on is fresh again.
    Resumed,
    /// A UTC day began this many seconds before.
    Day(u32),
    /// Expired entries were removed.
    Swept,
}

/// What happened to one key within one second, or to all of them.
///
/// However often a key is requested, invalidated and loaded within a second, it is one record: the number of accesses,
/// how many of them could not be hits under any settings, and the state at the beginning and the end of the second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    pub(super) kind: RecordKind,
    /// Seconds since the recording began.
    pub(super) second: u32,
    /// Accesses for the key.
    pub(super) accesses: u32,
    /// How many of the accesses, not counting the first, came right after an invalidation.
    pub(super) forced_misses: u16,
    /// How many of the accesses, the first of them, loaded nothing: a 304 without a load, or a load that failed or
    /// found nothing.
    pub(super) without_load: u16,
    flags: u8,
}

/// The key was invalidated before anything else.
const INVALIDATED_FIRST: u8 = 1;
/// The key was warmed before the first request.
const WARMED: u8 = 1 << 1;
/// The key was invalidated, and nothing happened after that.
const INVALIDATED_LAST: u8 = 1 << 2;
/// The load that a request of an earlier second had started failed, before anything else.
const EARLIER_LOAD_FAILED: u8 = 1 << 3;

impl Record {
    pub(super) fn new(kind: RecordKind, second: u32) -> Self {
        Self { kind, second, accesses: 0, forced_misses: 0, without_load: 0, flags: 0 }
    }

    /// The same record after its key has got another id.
    pub(super) fn with_id(self, id: u32) -> Self {
        Self { kind: RecordKind::Key(id), ..self }
    }

    pub(super) fn invalidated_first(&self) -> bool {
        self.has(INVALIDATED_FIRST)
    }

    pub(super) fn warmed(&self) -> bool {
        self.has(WARMED)
    }

    pub(super) fn invalidated_last(&self) -> bool {
        self.has(INVALIDATED_LAST)
    }

    pub(super) fn earlier_load_failed(&self) -> bool {
        self.has(EARLIER_LOAD_FAILED)
    }

    /// A request that starts or joins a load if there is no fresh entry.
    pub(super) fn access(&mut self) {
        self.count_access();
        self.clear(INVALIDATED_LAST);
    }

    /// A request that was answered 304 without a load: if there was no entry, there is still none.
    pub(super) fn revalidate(&mut self) {
        let nothing_loaded = self.nothing_loaded();
        self.count_access();
        if nothing_loaded {
            self.without_load = u16::try_from(self.accesses).unwrap_or(u16::MAX);
        }
    }

    fn count_access(&mut self) {
        if self.has(INVALIDATED_LAST) && self.accesses > 0 {
            self.forced_misses = self.forced_misses.saturating_add(1);
        } else if self.has(INVALIDATED_LAST) {
            self.set(INVALIDATED_FIRST);
            self.clear(WARMED);
        }
        self.accesses = self.accesses.saturating_add(1);
    }

    fn nothing_loaded(&self) -> bool {
        u32::from(self.without_load) == self.accesses && !self.has(WARMED)
    }

    /// Whether [`Self::warm`] keeps the order of events in this record.
    pub(super) fn can_be_warmed(&self) -> bool {
        self.accesses == 0 || !(self.has(INVALIDATED_LAST) || self.nothing_loaded())
    }

    /// The key was loaded without a request, if it had no fresh entry.
    pub(super) fn warm(&mut self) {
        if self.accesses == 0 {
            if self.has(INVALIDATED_LAST) {
                self.set(INVALIDATED_FIRST);
            }
            self.set(WARMED);
            self.clear(INVALIDATED_LAST);
        }
    }

    /// The key's entry was removed, if there was one.
    pub(super) fn invalidate(&mut self) {
        self.set(INVALIDATED_LAST);
    }

    /// A load ended without a value: that of the accesses, of the warming, or of an earlier second.
    pub(super) fn load_without_value(&mut self) {
        if self.forced_misses > 0 && !self.nothing_loaded() {
            self.set(INVALIDATED_LAST);
        } else if self.accesses > 0 {
            self.without_load = u16::try_from(self.accesses).unwrap_or(u16::MAX);
        } else if self.has(WARMED) {
            self.clear(WARMED);
        } else {
            self.set(EARLIER_LOAD_FAILED);
        }
    }

    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    fn set(&mut self, flags: u8) {
        self.flags |= flags;
    }

    fn clear(&mut self, flags: u8) {
        self.flags &= !flags;
    }
}

/// A part of the trace.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    /// When it began, in seconds since the recording began.
    pub(super) from: u32,
    /// Whether the cache was suspended when the segment began.
    pub(super) suspended: bool,
    /// All accesses, those for keys outside the sample included.
    pub(super) accesses: u64,
    /// Records in the order of their first event.
    pub(super) records: Vec<Record>,
}

impl Segment {
    pub(super) fn new(from: u32, suspended: bool) -> Self {
        Self { from, suspended, accesses: 0, records: Vec::new() }
    }

    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + size_of::<Record>() * self.records.capacity()
    }
}
