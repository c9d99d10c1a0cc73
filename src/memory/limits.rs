//! Which limit on memory counts, and how full it is.
//!
//! The V8 heap limit is deliberately not a candidate: it bounds the JS heap
//! only, while the process figure measured against the limit is the resident
//! set, which also holds native memory. It is reported beside the others.

use serde::Serialize;

use super::probe::{CgroupMemory, CgroupVersion};

/// Where the effective limit comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum LimitSource {
    /// `max_memory_usage` of the configuration.
    Config,
    /// The hard limit of a cgroup (`memory.max`, v1 `limit_in_bytes`): beyond
    /// it the kernel kills.
    Cgroup,
    /// The v2 `memory.high` of a cgroup: beyond it the kernel slows the
    /// process down. The v1 soft limit is not counted, for it only acts while
    /// the whole machine is short of memory.
    CgroupHigh,
    /// The memory of the machine.
    System,
}

/// The lowest limit that applies to the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EffectiveLimit {
    /// The limit in bytes, never zero.
    pub bytes: u64,
    /// Where it comes from; of equal limits the configured one is named.
    pub source: LimitSource,
}

impl EffectiveLimit {
    /// The lowest of the limits that are known; `None` when there is none.
    ///
    /// Zero is no limit a running process can be under, so it is left out.
    pub(crate) fn find(
        config_bytes: u64,
        cgroup: Option<&CgroupMemory>,
        system_bytes: Option<u64>,
    ) -> Option<Self> {
        let cgroup_max = cgroup.and_then(|group| group.max);
        let cgroup_high =
            cgroup.filter(|group| group.version == CgroupVersion::V2).and_then(|group| group.high);
        [
            (Some(config_bytes), LimitSource::Config),
            (cgroup_max, LimitSource::Cgroup),
            (cgroup_high, LimitSource::CgroupHigh),
            (system_bytes, LimitSource::System),
        ]
        .into_iter()
        .filter_map(|(bytes, source)| Some(Self { bytes: bytes?, source }))
        .filter(|limit| limit.bytes > 0)
        // `min_by_key` keeps the first of equals, hence the order above.
        .min_by_key(|limit| limit.bytes)
    }

    /// `used_bytes` in percent of the limit; may exceed 100.
    pub(crate) fn percentage(self, used_bytes: u64) -> f64 {
        to_f64(used_bytes) / to_f64(self.bytes) * 100.0
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
    use super::*;

    fn group(version: CgroupVersion, max: Option<u64>, high: Option<u64>) -> CgroupMemory {
        CgroupMemory { version, max, high, current: None }
    }

    fn found(config: u64, group: Option<CgroupMemory>, system: Option<u64>) -> Option<(u64, LimitSource)> {
        EffectiveLimit::find(config, group.as_ref(), system).map(|limit| (limit.bytes, limit.source))
    }

    #[test]
    fn the_lowest_limit_wins_and_names_its_source() {
        let both = Some(group(CgroupVersion::V2, Some(50), Some(40)));
        let hard = Some(group(CgroupVersion::V2, Some(50), None));
        assert_eq!(found(100, None, None), Some((100, LimitSource::Config)));
        assert_eq!(found(100, None, Some(90)), Some((90, LimitSource::System)));
        assert_eq!(found(100, hard, Some(90)), Some((50, LimitSource::Cgroup)));
        assert_eq!(found(100, both, Some(90)), Some((40, LimitSource::CgroupHigh)));
        assert_eq!(found(30, both, Some(90)), Some((30, LimitSource::Config)));
    }

    #[test]
    fn of_equal_limits_the_configured_one_is_named() {
        let hard = Some(group(CgroupVersion::V2, Some(100), None));
        assert_eq!(found(100, hard, Some(100)), Some((100, LimitSource::Config)));
    }

    #[test]
    fn the_v1_soft_limit_does_not_count() {
        let soft = Some(group(CgroupVersion::V1, Some(90), Some(10)));
        assert_eq!(found(100, soft, None), Some((90, LimitSource::Cgroup)));
    }

    #[test]
    fn zero_is_not_a_limit() {
        assert_eq!(found(0, None, Some(0)), None);
        assert_eq!(found(0, None, Some(7)), Some((7, LimitSource::System)));
    }

    #[test]
    fn percentage_may_exceed_one_hundred() {
        let limit = EffectiveLimit { bytes: 200, source: LimitSource::Config };
        assert!((limit.percentage(300) - 150.0).abs() < 1e-9);
    }
}
