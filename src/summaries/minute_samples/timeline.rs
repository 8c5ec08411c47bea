//! The samples in memory: by minute for a day, by hour for a month.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::cache::{CacheSample, DAY_MINUTES, HOUR_MINUTES, Minute, Window};

/// Days for which samples are kept, in memory by hours and in the database by minutes.
pub(super) const KEPT_DAYS: i64 = 31;

/// The most minutes in memory: a day. Some hundred bytes each on a busy server.
const MINUTES_MAX: usize = 1_440;

/// The most hours in memory: all that are kept. Some kilobytes each on a busy server, three megabytes at most.
const HOURS_MAX: usize = 31 * 24;

/// Samples by their start. They are shared, so that a window can be added up without the lock.
type Samples = BTreeMap<Minute, Arc<CacheSample>>;

/// Samples by the minute that the wall clock showed.
///
/// The wall clock may jump. A sample keeps its minute; one that lies in the future is counted with the current step
/// until the clock gets there, so that no count is missing from a window.
#[derive(Clone, Debug, Default)]
pub(super) struct Timeline {
    /// By minute, those nearest to now.
    minutes: Samples,
    /// The same samples by the first minute of their hour.
    hours: Samples,
}

impl Timeline {
    /// Adds a sample.
    pub(super) fn add(&mut self, minute: Minute, sample: &CacheSample, now: Minute) {
        add(&mut self.minutes, minute, sample, now, MINUTES_MAX);
        add(&mut self.hours, minute.floor(HOUR_MINUTES), sample, now, HOURS_MAX);
    }

    /// Adds all samples of a later timeline.
    pub(super) fn append(&mut self, later: &Self, now: Minute) {
        for (minute, sample) in &later.minutes {
            add(&mut self.minutes, *minute, sample, now, MINUTES_MAX);
        }
        for (hour, sample) in &later.hours {
            add(&mut self.hours, *hour, sample, now, HOURS_MAX);
        }
    }

    /// The samples of each step of a window, oldest first.
    pub(super) fn steps(&self, window: Window, now: Minute) -> Vec<Vec<Arc<CacheSample>>> {
        let samples = if window.minutes() <= DAY_MINUTES { &self.minutes } else { &self.hours };
        let first = window.first_minute(now);
        let count = usize::try_from(window.minutes() / window.step_minutes()).unwrap_or(1);
        let mut steps = vec![Vec::new(); count];
        for (minute, sample) in samples.range(first..=now.plus(window.minutes())) {
            let step = (minute.number() - first.number()) / window.step_minutes();
            steps[usize::try_from(step).unwrap_or(0).min(count - 1)].push(Arc::clone(sample));
        }
        steps
    }

    /// The earliest minute of a window with a sample, to the hour in long windows.
    pub(super) fn first_known(&self, window: Window, now: Minute) -> Option<Minute> {
        let samples = if window.minutes() <= DAY_MINUTES { &self.minutes } else { &self.hours };
        samples.range(window.first_minute(now)..=now).next().map(|(minute, _)| *minute)
    }
}

/// Adds to the sample of a minute. If there are too many, removes the one furthest from now, which is at the end if the
/// clock was set back.
fn add(samples: &mut Samples, minute: Minute, sample: &CacheSample, now: Minute, samples_max: usize) {
    *Arc::make_mut(samples.entry(minute).or_default()) += sample;
    while samples.len() > samples_max {
        let distance = |minute: &Minute| minute.number().abs_diff(now.number());
        let first = samples.first_key_value().map(|(minute, _)| distance(minute));
        let last = samples.last_key_value().map(|(minute, _)| distance(minute));
        if last > first {
            samples.pop_last()
        } else {
            samples.pop_first()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::cache::RequestCounters;

    fn hits(hits: u64) -> CacheSample {
        CacheSample { requests: RequestCounters { hits, ..RequestCounters::default() }, ..CacheSample::default() }
    }

    fn hits_by_step(timeline: &Timeline, window: Window, now: Minute) -> Vec<u64> {
        let sum = |samples: &Vec<Arc<CacheSample>>| samples.iter().map(|sample| sample.requests.hits).sum();
        timeline.steps(window, now).iter().map(sum).collect()
    }

    #[test]
    fn every_window_has_its_steps_and_each_sample_is_in_one() {
        let now = Minute::from_number(29_000_017);
        let mut timeline = Timeline::default();
        for back in 0..KEPT_DAYS * DAY_MINUTES {
            timeline.add(now.plus(-back), &hits(1), now);
        }
        let check = |window: Window, steps: usize| {
            let by_step = hits_by_step(&timeline, window, now);
            assert_eq!(by_step.len(), steps, "{window:?}");
            let full = u64::try_from(window.step_minutes()).unwrap();
            assert!(by_step[..steps - 1].iter().all(|hits| *hits == full), "{window:?}: {by_step:?}");
            let running = u64::try_from(now.number() - now.floor(window.step_minutes()).number() + 1).unwrap();
            assert_eq!(by_step[steps - 1], running, "{window:?}");
            assert_eq!(timeline.first_known(window, now), Some(window.first_minute(now)));
        };
        check(Window::Hour, 60);
        check(Window::Day, 144);
        check(Window::Week, 168);
        check(Window::Month, 180);
    }

    #[test]
    fn the_number_of_samples_is_bounded_and_the_furthest_from_now_is_removed() {
        let mut timeline = Timeline::default();
        let start = Minute::from_number(28_999_920);
        for minute in 0..100 {
            timeline.add(start.plus(minute), &hits(1), start.plus(minute));
        }
        // The clock is set back by a year.
        let earlier = start.plus(-365 * DAY_MINUTES);
        for minute in 0..40 * DAY_MINUTES {
            timeline.add(earlier.plus(minute), &hits(1), earlier.plus(minute));
        }
        assert_eq!((timeline.minutes.len(), timeline.hours.len()), (MINUTES_MAX, HOURS_MAX));
        let now = earlier.plus(40 * DAY_MINUTES - 1);
        assert_eq!(hits_by_step(&timeline, Window::Hour, now), [1; 60]);
        assert_eq!(hits_by_step(&timeline, Window::Day, now), [10; 144]);
        assert_eq!(hits_by_step(&timeline, Window::Month, now), [240; 180]);
    }

    #[test]
    fn samples_in_the_future_are_counted_with_the_current_step() {
        let mut timeline = Timeline::default();
        let now = Minute::from_number(29_000_000);
        timeline.add(now.plus(10), &hits(5), now.plus(10));
        timeline.add(now, &hits(1), now);
        timeline.add(now.plus(61), &hits(7), now);
        for (window, expected) in [(Window::Hour, 6), (Window::Day, 13), (Window::Month, 13)] {
            assert_eq!(hits_by_step(&timeline, window, now).last(), Some(&expected), "{window:?}");
        }
        assert_eq!(hits_by_step(&timeline, Window::Hour, now.plus(10))[49..], [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12]);
    }
}
