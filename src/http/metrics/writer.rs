//! How a metric is written: its names, its labels, its buckets.

use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::{
    DescriptorEncoder, EncodeGaugeValue, EncodeLabelSet, EncodeMetric, MetricEncoder, NoLabelSet,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Unit;

use crate::telemetry::Counted;

/// What a scrape reads, in the making. Each method writes one family whole: its help, its type and its series.
///
/// A family is called by its full name, without the `_total` and `_info` that the encoder adds.
pub(super) struct MetricsWriter<'a>(pub(super) DescriptorEncoder<'a>);

/// A histogram as it is written: the end of each bucket with the count in it alone, infinity the last, and the sum.
pub(super) struct HistogramBuckets {
    buckets: Vec<(f64, u64)>,
    sum: f64,
}

impl MetricsWriter<'_> {
    fn family(&mut self, name: &'static str, help: &str, kind: MetricType) -> Result<MetricEncoder<'_>, fmt::Error> {
        const UNITS: [(&str, Unit); 2] = [("_seconds", Unit::Seconds), ("_bytes", Unit::Bytes)];
        // The encoder takes the unit by itself and adds it to the name again.
        for (suffix, unit) in &UNITS {
            if let Some(stem) = name.strip_suffix(suffix) {
                return self.0.encode_descriptor(stem, help, Some(unit), kind);
            }
        }
        self.0.encode_descriptor(name, help, None, kind)
    }

    /// A number that only grows.
    pub(super) fn counter(&mut self, name: &'static str, help: &str, value: u64) -> fmt::Result {
        ConstCounter::new(value).encode(self.family(name, help, MetricType::Counter)?)
    }

    /// Seconds that only grow.
    pub(super) fn counter_of_seconds(&mut self, name: &'static str, help: &str, value: Duration) -> fmt::Result {
        ConstCounter::new(value.as_secs_f64()).encode(self.family(name, help, MetricType::Counter)?)
    }

    /// Numbers that only grow, one for each of some labels.
    pub(super) fn counters<L: EncodeLabelSet>(
        &mut self,
        name: &'static str,
        help: &str,
        rows: impl IntoIterator<Item = (L, u64)>,
    ) -> fmt::Result {
        let mut family = self.family(name, help, MetricType::Counter)?;
        for (labels, value) in rows {
            ConstCounter::new(value).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    /// A number that goes up and down.
    pub(super) fn gauge(&mut self, name: &'static str, help: &str, value: impl EncodeGaugeValue + Copy) -> fmt::Result {
        self.family(name, help, MetricType::Gauge)?.encode_gauge(&value)
    }

    /// Numbers that go up and down, one for each of some labels.
    pub(super) fn gauges<L: EncodeLabelSet>(
        &mut self,
        name: &'static str,
        help: &str,
        rows: impl IntoIterator<Item = (L, u64)>,
    ) -> fmt::Result {
        let mut family = self.family(name, help, MetricType::Gauge)?;
        for (labels, value) in rows {
            family.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    /// How many of something; counts of this program are far from what a gauge cannot hold.
    pub(super) fn count(&mut self, name: &'static str, help: &str, count: usize) -> fmt::Result {
        self.gauge(name, help, u64::try_from(count).unwrap_or(u64::MAX))
    }

    /// How values are spread.
    pub(super) fn histogram(&mut self, name: &'static str, help: &str, buckets: &HistogramBuckets) -> fmt::Result {
        buckets.write(&mut self.family(name, help, MetricType::Histogram)?)
    }

    /// How values are spread, for each of some labels.
    pub(super) fn histograms<L: EncodeLabelSet>(
        &mut self,
        name: &'static str,
        help: &str,
        rows: impl IntoIterator<Item = (L, HistogramBuckets)>,
    ) -> fmt::Result {
        let mut family = self.family(name, help, MetricType::Histogram)?;
        for (labels, buckets) in rows {
            buckets.write(&mut family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    /// Texts that stay as they are while the process runs.
    pub(super) fn info(
        &mut self,
        name: &'static str,
        help: &str,
        labels: &[(&'static str, &'static str)],
    ) -> fmt::Result {
        Info::new(labels.to_vec()).encode(self.family(name, help, MetricType::Info)?)
    }
}

impl HistogramBuckets {
    /// Values that are written as they are.
    pub(super) fn of_numbers(counted: &Counted) -> Self {
        Self::scaled(counted, 1.0)
    }

    /// Nanoseconds, written as seconds.
    pub(super) fn of_nanos(counted: &Counted) -> Self {
        Self::scaled(counted, 1e9)
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "what is written is a float; it holds 104 days of nanoseconds exactly"
    )]
    fn scaled(counted: &Counted, divisor: f64) -> Self {
        let buckets = counted.buckets.iter().map(|(end, count)| (*end as f64 / divisor, *count));
        let buckets = buckets.chain([(f64::INFINITY, counted.above)]).collect();
        Self { buckets, sum: counted.sum as f64 / divisor }
    }

    fn write(&self, encoder: &mut MetricEncoder<'_>) -> fmt::Result {
        // The count comes from the buckets, so that they agree while others go on counting.
        let count = self.buckets.iter().map(|(_, count)| count).sum();
        encoder.encode_histogram::<NoLabelSet>(self.sum, count, &self.buckets, None)
    }
}
