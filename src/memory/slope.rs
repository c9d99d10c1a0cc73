//! How fast a figure grows, and when it will be at a limit.
//!
//! Knows nothing of what the figure is and takes no samples. A growth says what
//! was, not what will be: who asks long after the last point was pushed gets
//! the growth of then.

/// Points kept; 496 pairs of them are looked at in some µs.
const CAPACITY: usize = 32;

/// What is older than this says nothing about now.
const WINDOW_MS: u64 = 10_000;

/// The part of the window that counts alone if it holds enough, see
/// [`Series::growth`].
const RECENT_MS: u64 = 2_000;

/// Fewer points, or points closer together, show the noise of single
/// allocations and collections rather than a trend.
const MIN_POINTS: usize = 4;
const MIN_SPAN_MS: u64 = 1_000;

/// Points closer than this are thinned, so that the ones kept span
/// [`RECENT_MS`] however often one is pushed.
const MIN_STEP_MS: u64 = RECENT_MS.div_ceil(CAPACITY as u64 - 1);

const PAIRS: usize = CAPACITY * (CAPACITY - 1) / 2;

/// What takes longer than a day is no news.
const HORIZON_MS: f64 = 86_400_000.0;

const MS_PER_S: f64 = 1_000.0;

/// A figure at a moment.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Point {
    at_ms: u64,
    bytes: u64,
}

/// A figure over the last 10 s: at most 32 points, each later than the one
/// before it. Allocates nothing.
#[derive(Debug, Default, Clone)]
pub(crate) struct Series {
    /// Oldest first; only the first `len` are points.
    points: [Point; CAPACITY],
    len: usize,
}

impl Series {
    /// Adds the figure at `at_ms`, a monotonic time. One of the same time as
    /// the last replaces it, an earlier one is ignored.
    pub(crate) fn push(&mut self, at_ms: u64, bytes: u64) {
        let point = Point { at_ms, bytes };
        match *self.points() {
            [.., last] if at_ms < last.at_ms => return,
            [.., last] if at_ms == last.at_ms => self.len -= 1,
            // The newest always stays; it gives way if it came too soon after
            // the one before it.
            [.., before, last] if last.at_ms - before.at_ms < MIN_STEP_MS => self.len -= 1,
            _ => {}
        }
        let kept = self.points();
        let old = kept.iter().take_while(|point| at_ms - point.at_ms > WINDOW_MS).count();
        let dropped = old.max((kept.len() + 1).saturating_sub(CAPACITY));
        self.points.copy_within(dropped..self.len, 0);
        self.len -= dropped;
        self.points[self.len] = point;
        self.len += 1;
    }

    /// Bytes per second, negative for shrinking; always finite. `None` before
    /// there are four points that span a second.
    ///
    /// This is the Theil–Sen estimator, the median of the slopes between all
    /// pairs of points (H. Theil 1950; P. K. Sen, "Estimates of the regression
    /// coefficient based on Kendall's tau", Journal of the American Statistical
    /// Association 63, 1968): up to 29 % of the points may be anything, so the
    /// drop after a garbage collection or a short-lived buffer does not look
    /// like a trend, as it would in a least-squares line.
    ///
    /// That robustness is slow: a leak that begins after a long rest would be
    /// an outlier until it fills a third of the window. So the points of the
    /// last 2 s count alone if they are four and span a second.
    pub(crate) fn growth(&self) -> Option<f64> {
        let points = self.points();
        let newest = points.last()?.at_ms;
        let recent = points.partition_point(|point| newest - point.at_ms > RECENT_MS);
        [&points[recent..], points].into_iter().find(|points| suffices(points)).map(theil_sen)
    }

    /// Bytes per second that the last two steps both had at least: growth that has just begun, and was seen twice.
    pub(crate) fn burst(&self) -> Option<f64> {
        match *self.points() {
            [.., first, second, third] => Some(slope(first, second).min(slope(second, third))),
            _ => None,
        }
    }

    /// Bytes per second of the last step.
    pub(crate) fn last_step(&self) -> Option<f64> {
        match *self.points() {
            [.., first, second] => Some(slope(first, second)),
            _ => None,
        }
    }

    fn points(&self) -> &[Point] {
        &self.points[..self.len]
    }
}

/// Milliseconds until what is at `used` and grows by `growth` bytes per second
/// is at `limit`, rounded down: 0 if it is there already, `None` if it does not
/// grow or would take more than 24 hours.
pub(crate) fn time_to(limit: u64, used: u64, growth: f64) -> Option<u64> {
    if used >= limit {
        return Some(0);
    }
    let ms = (limit - used) as f64 / growth * MS_PER_S;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 24 h")]
    (growth > 0.0 && ms <= HORIZON_MS).then_some(ms as u64)
}

fn suffices(points: &[Point]) -> bool {
    match points {
        [first, .., last] => points.len() >= MIN_POINTS && last.at_ms - first.at_ms >= MIN_SPAN_MS,
        _ => false,
    }
}

/// The median slope, of at least two points.
fn theil_sen(points: &[Point]) -> f64 {
    let mut slopes = [0.0; PAIRS];
    let mut count = 0;
    for (index, first) in points.iter().enumerate() {
        for second in &points[index + 1..] {
            slopes[count] = slope(*first, *second);
            count += 1;
        }
    }
    let slopes = &mut slopes[..count];
    let (below, middle, _) = slopes.select_nth_unstable_by(count / 2, f64::total_cmp);
    if count % 2 == 1 {
        return *middle;
    }
    // Of an even count the median lies halfway between the middle two.
    let other = below.iter().copied().max_by(f64::total_cmp).unwrap_or(*middle);
    f64::midpoint(other, *middle)
}

/// Bytes per second from one point to a later one.
fn slope(first: Point, second: Point) -> f64 {
    // Subtracted as integers: floats of large figures would lose the difference.
    let size = second.bytes.abs_diff(first.bytes) as f64;
    let change = if second.bytes < first.bytes { -size } else { size };
    change / (second.at_ms - first.at_ms) as f64 * MS_PER_S
}

#[cfg(test)]
mod tests;
