//! How long acknowledgements took.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Buckets an octave: a percentile is off by at most one part in sixteen.
const STEPS: u64 = 16;
const STEP_BITS: u32 = STEPS.trailing_zeros();
/// Enough buckets for 2^36 µs, 19 hours; longer counts as that.
const OCTAVES: u32 = 36;

/// Counts of durations in logarithmic buckets, which many tasks may add to at once: a
/// bucket is an octave of microseconds cut into [`STEPS`] equal parts, as in
/// HdrHistogram.
#[derive(Debug)]
pub(crate) struct Histogram {
    buckets: Vec<AtomicU64>,
}

impl Default for Histogram {
    fn default() -> Self {
        let buckets = u64::from(OCTAVES - STEP_BITS + 1) * STEPS;
        Self { buckets: (0..buckets).map(|_| AtomicU64::new(0)).collect() }
    }
}

impl Histogram {
    pub(crate) fn record(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        if let Some(bucket) = self.buckets.get(index(micros)).or(self.buckets.last()) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The duration that a share `q` of those recorded did not exceed; `None` of nothing.
    pub(crate) fn quantile(&self, q: f64) -> Option<Duration> {
        let counts: Vec<u64> = self.buckets.iter().map(|b| b.load(Ordering::Relaxed)).collect();
        let total: u64 = counts.iter().sum();
        let wanted = (q.clamp(0.0, 1.0) * total as f64).max(1.0);
        let mut seen = 0;
        counts
            .iter()
            .position(|count| {
                seen += count;
                total > 0 && seen as f64 >= wanted
            })
            .map(|bucket| Duration::from_micros(upper_edge(bucket as u64)))
    }
}

fn index(micros: u64) -> usize {
    let octave = micros.max(1).ilog2();
    let bucket = if octave < STEP_BITS {
        micros
    } else {
        let shift = octave - STEP_BITS;
        u64::from(shift) * STEPS + (micros >> shift)
    };
    usize::try_from(bucket).unwrap_or(usize::MAX)
}

fn upper_edge(bucket: u64) -> u64 {
    if bucket < 2 * STEPS {
        return bucket;
    }
    let shift = bucket / STEPS - 1;
    ((bucket % STEPS + STEPS + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_a_sixteenth() {
        let histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.5), None);
        for micros in 1..=100_000 {
            histogram.record(Duration::from_micros(micros));
        }
        for q in [0.001, 0.01, 0.5, 0.9, 0.99, 1.0] {
            let micros = histogram.quantile(q).unwrap().as_micros() as f64;
            let exact = q * 100_000.0;
            assert!(micros >= exact - 1.0 && micros <= exact * (1.0 + 1.0 / 16.0) + 1.0, "{q}: {micros} for {exact}");
        }
    }

    #[test]
    fn the_longest_wait_still_has_a_bucket() {
        let histogram = Histogram::default();
        histogram.record(Duration::from_secs(1_000_000));
        histogram.record(Duration::ZERO);
        assert_eq!(histogram.quantile(0.5), Some(Duration::ZERO));
        assert!(histogram.quantile(1.0).unwrap() >= Duration::from_mins(1000));
    }
}
