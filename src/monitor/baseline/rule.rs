//! When a series is worse than usual: the numbers, and the scale on which values are compared.

/// How a series is compared with what is usual for it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Scale {
    /// Large values are bad, by their ratio: latencies vary by factors.
    HighByRatio,
    /// Small values are bad, by the difference.
    LowByDifference,
}

/// When a series is worse than usual. See `docs/decisions/0020-degradations.md` for how the numbers were chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rule {
    pub(super) scale: Scale,
    /// Beyond so many standard deviations.
    pub(super) sigmas: f64,
    /// And beyond this share of the median.
    pub(super) share: f64,
    /// And beyond this much, in the unit of the series.
    pub(super) least: f64,
    /// For so many values in a row.
    pub(super) in_a_row: u32,
}

impl Rule {
    /// Where differences are what counts, and more is worse.
    pub(super) fn scaled(&self, value: f64) -> f64 {
        // A nanosecond, of ms: there is no ratio to nothing.
        const NEXT_TO_NOTHING: f64 = 1e-6;
        match self.scale {
            Scale::HighByRatio => value.max(NEXT_TO_NOTHING).ln(),
            Scale::LowByDifference => -value,
        }
    }

    pub(super) fn unscaled(&self, scaled: f64) -> f64 {
        match self.scale {
            Scale::HighByRatio => scaled.exp(),
            Scale::LowByDifference => -scaled,
        }
    }

    /// How far from `center` is worse by this much.
    pub(super) fn scaled_distance(&self, center: f64, worse_by: f64) -> f64 {
        let limit = match self.scale {
            Scale::HighByRatio => center + worse_by,
            Scale::LowByDifference => center - worse_by,
        };
        self.scaled(limit) - self.scaled(center)
    }
}

/// Latency, ms. Less than 5 ms is nothing that a user of an LLM feels.
pub(super) const LATENCY: Rule =
    Rule { scale: Scale::HighByRatio, sigmas: 4.5, share: 0.4, least: 5.0, in_a_row: 5 };

/// Hit rate, %: ten points, however steady it was.
pub(super) const HIT_RATE: Rule =
    Rule { scale: Scale::LowByDifference, sigmas: 4.5, share: 0.0, least: 10.0, in_a_row: 5 };
