//! The limits on memory, and how full each of them is.
//!
//! Each limit has its own figure to be compared with: of the process, of its
//! group, of the machine, of the V8 heap. So the lowest limit is not always the
//! one that is reached first; both can be asked for.

use serde::Serialize;

use super::probe::{CgroupMemory, CgroupVersion, RawSample};
use super::stats::V8Heap;

/// Where a limit comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum LimitSource {
    /// `max_memory_usage` of the configuration, for the resident set.
    Config,
    /// The hard limit of a cgroup (`memory.max`, v1 `limit_in_bytes`): beyond
    /// it the kernel kills.
    Cgroup,
    /// The v2 `memory.high` of a cgroup: beyond it the kernel slows the
    /// process down. The v1 soft limit is not counted, for it only acts while
    /// the whole machine is short of memory.
    CgroupHigh,
    /// What this process could have of the machine's memory: what it has, and what is available.
    System,
    /// What the V8 heap may grow to: beyond it V8 ends the process.
    Heap,
}

impl LimitSource {
    /// As it is serialised.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Cgroup => "cgroup",
            Self::CgroupHigh => "cgroupHigh",
            Self::System => "system",
            Self::Heap => "heap",
        }
    }

    /// Whether the process ends there, by V8 or by the kernel.
    pub(crate) const fn is_hard(self) -> bool {
        matches!(self, Self::Cgroup | Self::System | Self::Heap)
    }

    /// What it is, after "the limit of".
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Config => "maxMemoryUsage",
            Self::Cgroup => "the cgroup",
            Self::CgroupHigh => "memory.high of the cgroup",
            Self::System => "the machine",
            Self::Heap => "the V8 heap",
        }
    }
}

/// The lowest limit that is known, also if its use is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EffectiveLimit {
    /// The limit in bytes, never zero.
    pub(crate) bytes: u64,
    /// Where it comes from; of equal limits the configured one is named.
    pub(crate) source: LimitSource,
}

/// A limit and what counts against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LimitFigure {
    /// Where the limit comes from.
    pub(crate) source: LimitSource,
    /// The limit in bytes, never zero.
    pub(crate) limit: u64,
    /// Bytes that count against it; may exceed it.
    pub(crate) used: u64,
}

impl LimitFigure {
    /// `used` in percent of `limit`; may exceed 100, always finite.
    #[must_use]
    pub(crate) fn percentage(&self) -> f64 {
        to_f64(self.used) / to_f64(self.limit) * 100.0
    }
}

/// One place for each [`LimitSource`].
pub(crate) const SOURCES: usize = 5;

/// The limits of one moment.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Figures {
    all: [Option<LimitFigure>; SOURCES],
    effective: Option<EffectiveLimit>,
}

impl Figures {
    /// Those of which both limit and use are known, in the order of
    /// [`LimitSource`].
    pub(crate) fn iter(&self) -> impl Iterator<Item = &LimitFigure> {
        self.all.iter().flatten()
    }

    /// The lowest limit, also if its use is not known; of equal limits the
    /// configured one.
    pub(crate) fn effective(&self) -> Option<EffectiveLimit> {
        self.effective
    }

    /// The fullest; of equally full ones the first in the order of
    /// [`LimitSource`].
    pub(crate) fn tightest(&self) -> Option<LimitFigure> {
        // Backwards, for of equals the one looked at last is taken.
        let mut all = self.all.iter().rev().flatten();
        let first = all.next()?;
        Some(*all.fold(
            first,
            |fullest, next| {
                if next.percentage() >= fullest.percentage() { next } else { fullest }
            },
        ))
    }
}

/// The limits that are known and how full they are. Zero is no limit that a
/// running process can be under, so it is left out.
///
/// - [`LimitSource::Config`] is compared with the resident set;
/// - [`LimitSource::Cgroup`] and [`LimitSource::CgroupHigh`] with the working
///   set of the group, with the resident set where that is not known;
/// - [`LimitSource::System`], the resident set and what can be had beside it without swapping, with the resident set:
///   how much of the machine others take is not this process's doing, how little they leave is its limit;
/// - [`LimitSource::Heap`] with what of the heap is in use.
pub(crate) fn figures(config_bytes: u64, raw: Option<&RawSample>, heap: Option<&V8Heap>) -> Figures {
    use LimitSource::{Cgroup, CgroupHigh, Config, Heap, System};
    let rss = raw.map(|raw| raw.rss);
    let group = raw.and_then(|raw| raw.cgroup.as_ref());
    let in_group = group.and_then(CgroupMemory::working_set).or(rss);
    let high = group.filter(|group| group.version == CgroupVersion::V2).and_then(|group| group.high);
    let of_machine = raw.map(|raw| raw.rss.saturating_add(raw.system_available));
    let known = [
        (Config, Some(config_bytes), rss),
        (Cgroup, group.and_then(|group| group.max), in_group),
        (CgroupHigh, high, in_group),
        (System, of_machine, rss),
        (Heap, heap.map(|heap| heap.heap_limit), heap.map(|heap| heap.heap_used)),
    ]
    .map(|(source, limit, used)| (source, limit.filter(|limit| *limit > 0), used));
    Figures {
        all: known.map(|(source, limit, used)| Some(LimitFigure { source, limit: limit?, used: used? })),
        effective: known
            .into_iter()
            .filter_map(|(source, limit, _)| Some(EffectiveLimit { bytes: limit?, source }))
            // `min_by_key` keeps the first of equals, hence the order above.
            .min_by_key(|limit| limit.bytes),
    }
}

/// A byte count as a float.
#[expect(
    clippy::cast_precision_loss,
    reason = "exact up to 2^53 bytes; beyond that the lost digits do not matter"
)]
pub(crate) fn to_f64(bytes: u64) -> f64 {
    bytes as f64
}

#[cfg(test)]
mod tests {
    use LimitSource::{Cgroup, CgroupHigh, Config, Heap, System};
    use proptest::prelude::*;

    use super::*;

    fn group(version: CgroupVersion, max: Option<u64>, high: Option<u64>) -> CgroupMemory {
        CgroupMemory { version, max, high, current: None, reclaimable: None }
    }

    /// A process of 10 on a machine where 400 can be had besides.
    fn raw(cgroup: Option<CgroupMemory>) -> RawSample {
        RawSample { rss: 10, system_total: 1000, system_available: 400, swap_total: 0, swap_free: 0, cgroup }
    }

    fn heap(used: u64, limit: u64) -> V8Heap {
        V8Heap { heap_total: 0, heap_used: used, external: 0, heap_limit: limit }
    }

    fn effective(config: u64, cgroup: Option<CgroupMemory>, heap_limit: u64) -> (u64, LimitSource) {
        let limit = figures(config, Some(&raw(cgroup)), Some(&heap(0, heap_limit))).effective().unwrap();
        (limit.bytes, limit.source)
    }

    fn of(figures: &Figures, source: LimitSource) -> Option<LimitFigure> {
        figures.iter().find(|figure| figure.source == source).copied()
    }

    fn told(figures: &Figures) -> Vec<(LimitSource, u64, u64)> {
        figures.iter().map(|figure| (figure.source, figure.limit, figure.used)).collect()
    }

    #[test]
    fn the_lowest_limit_wins_and_names_its_source() {
        let both = Some(group(CgroupVersion::V2, Some(50), Some(40)));
        let hard = Some(group(CgroupVersion::V2, Some(50), None));
        assert_eq!(effective(100, None, 0), (100, Config));
        assert_eq!(effective(2000, None, 0), (410, System));
        assert_eq!(effective(100, hard, 90), (50, Cgroup));
        assert_eq!(effective(100, both, 90), (40, CgroupHigh));
        assert_eq!(effective(100, both, 39), (39, Heap));
        assert_eq!(effective(30, both, 90), (30, Config));
    }

    #[test]
    fn of_equal_limits_the_configured_one_is_named() {
        let both = Some(group(CgroupVersion::V2, Some(410), Some(410)));
        assert_eq!(effective(410, both, 410), (410, Config));
        assert_eq!(effective(411, both, 410), (410, Cgroup));
        assert_eq!(effective(411, None, 410), (410, System));
    }

    #[test]
    fn each_limit_is_compared_with_its_own_figure() {
        let cgroup = CgroupMemory {
            current: Some(70),
            reclaimable: Some(20),
            ..group(CgroupVersion::V2, Some(300), Some(200))
        };
        let all = figures(100, Some(&raw(Some(cgroup))), Some(&heap(5, 80)));
        assert_eq!(
            told(&all),
            [(Config, 100, 10), (Cgroup, 300, 50), (CgroupHigh, 200, 50), (System, 410, 10), (Heap, 80, 5)]
        );
        assert_eq!(of(&all, CgroupHigh).unwrap().used, 50);
    }

    #[test]
    fn what_others_take_of_the_machine_is_its_limit_and_not_our_use() {
        let of_system = |rss, system_available| {
            let machine = RawSample { rss, system_available, ..raw(None) };
            let figure = of(&figures(5000, Some(&machine), None), System).unwrap();
            (figure.limit, figure.used)
        };
        assert_eq!(of_system(100, 400), (500, 100));
        assert_eq!(of_system(100, 0), (100, 100));
        assert_eq!(of_system(u64::MAX, 400), (u64::MAX, u64::MAX));
    }

    #[test]
    fn a_group_without_a_charge_is_compared_with_the_resident_set() {
        let unknown = Some(group(CgroupVersion::V2, Some(300), None));
        let all = figures(100, Some(&raw(unknown)), None);
        assert_eq!(of(&all, Cgroup), Some(LimitFigure { source: Cgroup, limit: 300, used: 10 }));
    }

    #[test]
    fn the_v1_soft_limit_does_not_count() {
        let soft = Some(group(CgroupVersion::V1, Some(90), Some(5)));
        assert_eq!(effective(100, soft, 0), (90, Cgroup));
        assert_eq!(of(&figures(100, Some(&raw(soft)), None), CgroupHigh), None);
    }

    #[test]
    fn zero_is_not_a_limit() {
        let zero = Some(group(CgroupVersion::V2, Some(0), Some(0)));
        let machine = RawSample { rss: 0, system_available: 0, ..raw(zero) };
        assert_eq!(figures(0, Some(&machine), Some(&heap(1, 0))), Figures::default());
        assert_eq!(told(&figures(7, Some(&machine), None)), [(Config, 7, 0)]);
    }

    #[test]
    fn without_figures_the_configured_limit_is_known_but_not_its_use() {
        let blind = figures(100, None, None);
        assert_eq!((told(&blind), blind.tightest()), (Vec::new(), None));
        assert_eq!(blind.effective(), Some(EffectiveLimit { bytes: 100, source: Config }));
        assert_eq!(told(&figures(100, None, Some(&heap(5, 80)))), [(Heap, 80, 5)]);
    }

    #[test]
    fn the_tightest_is_the_fullest_and_not_the_lowest() {
        let all = figures(100, Some(&raw(None)), Some(&heap(5, 80)));
        assert_eq!(all.tightest().unwrap().source, Config);
        assert_eq!(all.effective().unwrap().source, Heap);
        let equal = figures(100, Some(&raw(None)), Some(&heap(10, 100)));
        assert_eq!(equal.tightest().unwrap().source, Config);
        let over = figures(1, Some(&raw(None)), Some(&heap(5, 80))).tightest().unwrap();
        assert_eq!((over.source, over.percentage()), (Config, 1000.0));
    }

    proptest! {
        #[test]
        fn figures_of_any_size_are_in_order_and_finite(
            config in any::<u64>(),
            numbers in any::<[u64; 5]>(),
            max in any::<Option<u64>>(),
            high in any::<Option<u64>>(),
            current in any::<Option<u64>>(),
            reclaimable in any::<Option<u64>>(),
        ) {
            let cgroup = CgroupMemory { current, reclaimable, ..group(CgroupVersion::V2, max, high) };
            let [rss, system_total, system_available, used, limit] = numbers;
            let raw = RawSample { rss, system_total, system_available, ..raw(Some(cgroup)) };
            let all = figures(config, Some(&raw), Some(&heap(used, limit)));
            prop_assert!(all.iter().all(|figure| figure.limit > 0 && figure.percentage().is_finite()));
            let fullest = all.iter().map(LimitFigure::percentage).fold(0.0, f64::max);
            prop_assert!(all.iter().all(|figure| figure.percentage() <= fullest));
            prop_assert!(all.tightest().is_some_and(|figure| figure.percentage() >= fullest) || fullest <= 0.0);
            prop_assert_eq!(all.effective().map(|limit| limit.bytes), all.iter().map(|figure| figure.limit).min());
        }
    }
}
