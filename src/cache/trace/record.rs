//! What the trace is made of: one record for what happened to one key within one second, in segments.

/// What a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// The key with this id.
    Key(u32),
    /// Every entry went.
    Cleared,
    /// Nothing is fresh from here on, until [`About::Trusted`].
    Distrusted,
    /// What is loaded from here on is fresh again.
    Trusted,
    /// A UTC day began this many seconds before.
    Day(u32),
    /// What was overdue went.
    Swept,
}

/// What happened to one key within one second, or to all of them.
///
/// However often a key is asked for, invalidated and loaded within a second, it is one record: how many requests there
/// were, how many of them could be no hit under any settings, and how the second began and ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    pub(super) about: About,
    /// Seconds since the recording began.
    pub(super) second: u32,
    /// Requests for the key.
    pub(super) accesses: u32,
    /// The part of the requests, not counting the first, that came right after an invalidation.
    pub(super) forced: u16,
    /// The part of the requests, the first of them, that loaded nothing: a 304 without a load, or a load that failed or found
    /// nothing.
    pub(super) idle: u16,
    flags: u8,
}

/// The key was invalidated before anything else.
const BEGAN_WITHOUT: u8 = 1;
/// The key was warmed before the first request.
const WARMED: u8 = 1 << 1;
/// The key was invalidated, and then nothing else happened.
const ENDED_WITHOUT: u8 = 1 << 2;
/// The load that an earlier second had asked for failed, before anything else.
const EARLIER_FAILED: u8 = 1 << 3;

impl Record {
    pub(super) fn new(about: About, second: u32) -> Self {
        Self { about, second, accesses: 0, forced: 0, idle: 0, flags: 0 }
    }

    /// The same of a key whose id is another one now.
    pub(super) fn with_id(self, id: u32) -> Self {
        Self { about: About::Key(id), ..self }
    }

    pub(super) fn began_without(&self) -> bool {
        self.has(BEGAN_WITHOUT)
    }

    pub(super) fn warmed(&self) -> bool {
        self.has(WARMED)
    }

    pub(super) fn ended_without(&self) -> bool {
        self.has(ENDED_WITHOUT)
    }

    pub(super) fn earlier_failed(&self) -> bool {
        self.has(EARLIER_FAILED)
    }

    /// A request, which loads what is not there.
    pub(super) fn access(&mut self) {
        self.ask();
        self.clear(ENDED_WITHOUT);
    }

    /// A request that was answered from the scope's row: what is not there stays away.
    pub(super) fn revalidated(&mut self) {
        let nothing_loaded = self.nothing_loaded();
        self.ask();
        if nothing_loaded {
            self.idle = u16::try_from(self.accesses).unwrap_or(u16::MAX);
        }
    }

    fn ask(&mut self) {
        if self.has(ENDED_WITHOUT) && self.accesses > 0 {
            self.forced = self.forced.saturating_add(1);
        } else if self.has(ENDED_WITHOUT) {
            self.set(BEGAN_WITHOUT);
            self.clear(WARMED);
        }
        self.accesses = self.accesses.saturating_add(1);
    }

    fn nothing_loaded(&self) -> bool {
        u32::from(self.idle) == self.accesses && !self.has(WARMED)
    }

    /// Whether a record that is warmed now still says what came first.
    pub(super) fn may_be_warmed(&self) -> bool {
        self.accesses == 0 || !(self.has(ENDED_WITHOUT) || self.nothing_loaded())
    }

    /// Nobody asked, but what is not there is loaded.
    pub(super) fn warm(&mut self) {
        if self.accesses == 0 {
            if self.has(ENDED_WITHOUT) {
                self.set(BEGAN_WITHOUT);
            }
            self.set(WARMED);
            self.clear(ENDED_WITHOUT);
        }
    }

    /// What is there of the key goes.
    pub(super) fn invalidate(&mut self) {
        self.set(ENDED_WITHOUT);
    }

    /// A load brought nothing: that of the requests, of the warming, or of an earlier second.
    pub(super) fn bring_nothing(&mut self) {
        if self.forced > 0 && !self.nothing_loaded() {
            self.set(ENDED_WITHOUT);
        } else if self.accesses > 0 {
            self.idle = u16::try_from(self.accesses).unwrap_or(u16::MAX);
        } else if self.has(WARMED) {
            self.clear(WARMED);
        } else {
            self.set(EARLIER_FAILED);
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

/// A stretch of the trace.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    /// When it began, in seconds since the recording began.
    pub(super) from: u32,
    /// Whether nothing was fresh when it began.
    pub(super) distrusted: bool,
    /// All requests, those for keys outside the sample included.
    pub(super) accesses: u64,
    /// The records of the sampled keys, in the order in which their first event came.
    pub(super) records: Vec<Record>,
}

impl Segment {
    pub(super) fn new(from: u32, distrusted: bool) -> Self {
        Self { from, distrusted, accesses: 0, records: Vec::new() }
    }

    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + size_of::<Record>() * self.records.capacity()
    }
}
