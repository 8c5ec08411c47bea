//! A part of everything.

/// A part of everything.
#[derive(Clone, Copy, Debug)]
pub(super) struct Portion {
    percent: usize,
    /// Processors that requests may use; as many again may read the database.
    processors: f64,
}

impl Portion {
    /// A portion in percent on a machine with so many processors.
    pub(super) fn new(percent: u32, processors: usize) -> Self {
        let all = u32::try_from(processors).map_or(f64::MAX, f64::from);
        // A third of the time is for requests and one for reads, so that neither delays the other; one is left to the writer.
        Self { percent: usize::try_from(percent).unwrap_or(100), processors: all * f64::from(percent) / 300.0 }
    }

    /// A portion in percent of what there is one of.
    pub(super) fn of_one(percent: u32) -> Self {
        Self { processors: f64::from(percent) / 100.0, ..Self::new(percent, 1) }
    }

    /// Seconds of processor time within a second.
    pub(super) fn processors(self) -> f64 {
        self.processors
    }

    /// Seconds to wait for a second of processor time.
    pub(super) fn wait_per_time(self) -> f64 {
        1.0 / self.processors
    }

    /// A number that stands for another portion, in the proportion of this one to it.
    pub(super) fn in_proportion(self, to: Self, number: u64) -> u64 {
        let percent = |portion: Self| u64::try_from(portion.percent).unwrap_or(100);
        number.saturating_mul(percent(self)) / percent(to).max(1)
    }

    /// The portion of a number, at least one of it where there are any.
    pub(super) fn of(self, all: usize) -> usize {
        (all.saturating_mul(self.percent) / 100).max(all.min(1))
    }
}
