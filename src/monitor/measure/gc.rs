//! Pauses for garbage collection, as JavaScript's `PerformanceObserver` tells of them.

use parking_lot::Mutex;

/// Kinds by the names that OpenTelemetry has for them (`v8js.gc.type`), and V8's bits for each (`GCType` in
/// `v8-callbacks.h`; Node.js hands them on as `detail.kind`). A kind that is not known here is `other`.
const KINDS: [(&str, u32); 5] =
    [("minor", 1 | 2), ("major", 4), ("incremental", 8), ("weakcb", 16), ("other", u32::MAX)];

/// Collections of one kind since the start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GcKind {
    /// `minor`, `major`, `incremental`, `weakcb` or `other`.
    pub kind: &'static str,
    /// How many.
    pub count: u64,
    /// How long they took together.
    pub time_ms: f64,
}

/// All collections.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GcFigures {
    /// How many since the start.
    pub count: u64,
    /// How long they took together.
    pub time_ms: f64,
    /// The longest since the last look; `None` if there was none.
    pub max_ms: Option<f64>,
}

#[derive(Debug, Default)]
struct State {
    is_watched: bool,
    kinds: [(u64, f64); KINDS.len()],
    max_ms: Option<f64>,
}

/// Counts pauses. Figures are absent until somebody watches: none seen is not none happened.
#[derive(Debug, Default)]
pub struct GcPauses(Mutex<State>);

impl GcPauses {
    /// JavaScript tells of every collection from now on.
    pub fn watched(&self) {
        self.0.lock().is_watched = true;
    }

    /// A collection ended. `kind` is `detail.kind` of the entry. A duration that is no time is not counted.
    pub fn record(&self, kind: u32, duration_ms: f64) {
        if !duration_ms.is_finite() || duration_ms < 0.0 {
            return;
        }
        let other = KINDS.len() - 1;
        let at =
            KINDS.iter().position(|(_, bits)| kind.is_power_of_two() && bits & kind != 0).unwrap_or(other);
        let mut state = self.0.lock();
        state.is_watched = true;
        state.kinds[at].0 += 1;
        state.kinds[at].1 += duration_ms;
        state.max_ms = Some(state.max_ms.map_or(duration_ms, |max| max.max(duration_ms)));
    }

    /// By kind, those that happened.
    pub fn kinds(&self) -> Vec<GcKind> {
        let counted = self.0.lock().kinds;
        let rows = KINDS.iter().zip(counted).filter(|(_, (count, _))| *count > 0);
        rows.map(|((kind, _), (count, time_ms))| GcKind { kind, count, time_ms }).collect()
    }

    /// All of them, and begins a new longest one. `None` while nobody watches.
    pub fn take(&self) -> Option<GcFigures> {
        let mut state = self.0.lock();
        let (count, time_ms) =
            state.kinds.iter().fold((0, 0.0), |(count, time_ms), kind| (count + kind.0, time_ms + kind.1));
        let max_ms = state.max_ms.take();
        state.is_watched.then_some(GcFigures { count, time_ms, max_ms })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_counted_by_kind_and_the_longest_begins_anew() {
        let pauses = GcPauses::default();
        assert_eq!(pauses.take(), None, "nobody watches");
        pauses.watched();
        assert_eq!(pauses.take(), Some(GcFigures { count: 0, time_ms: 0.0, max_ms: None }));
        for (kind, ms) in [(1, 1.0), (2, 2.0), (4, 8.0), (8, 0.5), (16, 0.25), (32, 0.125), (0, 0.125)] {
            pauses.record(kind, ms);
        }
        for no_time in [f64::NAN, f64::INFINITY, -1.0] {
            pauses.record(4, no_time);
        }
        assert_eq!(pauses.take(), Some(GcFigures { count: 7, time_ms: 12.0, max_ms: Some(8.0) }));
        assert_eq!(pauses.take(), Some(GcFigures { count: 7, time_ms: 12.0, max_ms: None }));
        let kinds: Vec<_> = pauses.kinds().iter().map(|row| (row.kind, row.count, row.time_ms)).collect();
        let expected = [
            ("minor", 2, 3.0),
            ("major", 1, 8.0),
            ("incremental", 1, 0.5),
            ("weakcb", 1, 0.25),
            ("other", 2, 0.25),
        ];
        assert_eq!(kinds, expected);
    }
}
