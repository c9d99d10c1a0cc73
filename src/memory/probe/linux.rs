//! Linux: `/proc/self/statm`, `/proc/meminfo` and the cgroup files.
//!
//! Cost of a sample: three or four short reads. The limits of the cgroup
//! hierarchy, two files per level, are read again only every
//! [`CGROUP_LIMITS_TTL_MS`], what of its charge is reclaimable every
//! [`CGROUP_STAT_TTL_MS`]. Where the group lies is found out at the start, and
//! again (that sample costs more) only when it cannot be read. So a process that
//! is moved to another group, while its old one lives on, keeps reporting the
//! old one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::{CgroupMemory, Detail, Probe, ProbeError, RawSample};
use crate::base::clock::Clock;
use crate::memory::cgroup::{CgroupLimits, CgroupReader};
use crate::memory::kernel_text::{parse_kib_field, read_lines, read_pressure, read_start};

/// Limits change when an operator resizes a container, which nobody expects to
/// be seen at once, but who resizes a group that is nearly full; 1 s keeps the many reads out of most samples.
const CGROUP_LIMITS_TTL_MS: u64 = 1_000;

/// For `memory.stat` the kernel adds up figures of all processors. Page cache
/// nobody uses comes and goes with files that are read, not within a moment.
const CGROUP_STAT_TTL_MS: u64 = 500;

/// `statm` is seven numbers; this holds seven of the longest.
const STATM_BUFFER: usize = 160;

/// What is read of `meminfo` is on its first 25 lines, of 28 bytes each.
const MEMINFO_BUFFER: usize = 1024;

/// `smaps_rollup` is about 25 lines of 28 bytes; `Pss` is the third or fourth.
const ROLLUP_BUFFER: usize = 512;

/// Reads the figures of this process and machine.
pub struct SystemProbe {
    clock: Arc<dyn Clock>,
    root: PathBuf,
    statm: PathBuf,
    meminfo: PathBuf,
    rollup: PathBuf,
    pressure: PathBuf,
    page_size: u64,
    cgroup: Mutex<CgroupCache>,
}

struct CgroupCache {
    reader: Option<CgroupReader>,
    limits: CgroupLimits,
    /// When `limits` were read, monotonic ms; `None` before the first read.
    read_at: Option<u64>,
    reclaimable: Option<u64>,
    /// When `reclaimable` was read; likewise.
    stat_at: Option<u64>,
}

/// What is read of `meminfo`, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Meminfo {
    total: u64,
    available: u64,
    swap_total: u64,
    swap_free: u64,
}

impl SystemProbe {
    /// A probe for this process. Finds its cgroup and cannot fail; `clock` only
    /// tells when cgroup limits are due to be read again.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::at_root(clock, Path::new("/"))
    }

    /// A probe that takes `root` for `/`.
    fn at_root(clock: Arc<dyn Clock>, root: &Path) -> Self {
        Self {
            clock,
            root: root.to_path_buf(),
            statm: root.join("proc/self/statm"),
            meminfo: root.join("proc/meminfo"),
            rollup: root.join("proc/self/smaps_rollup"),
            pressure: root.join("proc/pressure/memory"),
            page_size: u64::try_from(rustix::param::page_size())
                .expect("invariant: a page size fits 64 bits"),
            cgroup: Mutex::new(CgroupCache {
                // Here rather than in the first sample, which it would make dear.
                reader: CgroupReader::discover(root),
                limits: CgroupLimits::default(),
                read_at: None,
                reclaimable: None,
                stat_at: None,
            }),
        }
    }

    fn rss(&self) -> Result<u64, ProbeError> {
        const WHAT: &str = "/proc/self/statm";
        let mut buffer = [0; STATM_BUFFER];
        let text =
            read_start(&self.statm, &mut buffer).map_err(|source| ProbeError::Read { what: WHAT, source })?;
        parse_statm_resident(text)
            .and_then(|pages| pages.checked_mul(self.page_size))
            .ok_or(ProbeError::Malformed { what: WHAT })
    }

    fn system(&self) -> Result<Meminfo, ProbeError> {
        const WHAT: &str = "/proc/meminfo";
        let mut buffer = [0; MEMINFO_BUFFER];
        let text = read_lines(&self.meminfo, &mut buffer)
            .map_err(|source| ProbeError::Read { what: WHAT, source })?;
        parse_meminfo(text).ok_or(ProbeError::Malformed { what: WHAT })
    }

    fn cgroup(&self) -> Option<CgroupMemory> {
        let now = self.clock.now_ms();
        let mut cache = self.cgroup.lock();
        let due = |at: Option<u64>, ttl_ms| at.is_none_or(|at| now.saturating_sub(at) >= ttl_ms);
        let mut charge = cache.reader.as_ref().and_then(CgroupReader::charge);
        if due(cache.read_at, CGROUP_LIMITS_TTL_MS) {
            cache.read_at = Some(now);
            if charge.is_none() {
                cache.reader = CgroupReader::discover(&self.root);
                cache.stat_at = None;
                charge = cache.reader.as_ref().and_then(CgroupReader::charge);
            }
            cache.limits = cache.reader.as_ref().map(CgroupReader::limits).unwrap_or_default();
        }
        if due(cache.stat_at, CGROUP_STAT_TTL_MS) {
            cache.stat_at = Some(now);
            cache.reclaimable =
                cache.reader.as_ref().zip(charge).and_then(|(reader, charge)| reader.reclaimable(charge));
        }
        cache.reader.as_ref()?.memory(cache.limits, charge, cache.reclaimable)
    }
}

impl Probe for SystemProbe {
    fn sample(&self) -> Result<RawSample, ProbeError> {
        let rss = self.rss()?;
        let Meminfo { total, available, swap_total, swap_free } = self.system()?;
        Ok(RawSample {
            rss,
            system_total: total,
            system_available: available,
            swap_total,
            swap_free,
            cgroup: self.cgroup(),
        })
    }

    fn pss(&self) -> Option<u64> {
        let mut buffer = [0; ROLLUP_BUFFER];
        parse_kib_field(read_lines(&self.rollup, &mut buffer).ok()?, "Pss")
    }

    fn detail(&self) -> Detail {
        let cache = self.cgroup.lock();
        let group = cache.reader.as_ref();
        Detail {
            psi: group.and_then(CgroupReader::pressure).or_else(|| read_pressure(&self.pressure)),
            cgroup_events: group.and_then(CgroupReader::events),
        }
    }
}

/// The second number: resident pages.
fn parse_statm_resident(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// `None` unless total and available are there and plausible; swap that is
/// not told is none.
fn parse_meminfo(text: &[u8]) -> Option<Meminfo> {
    let total = parse_kib_field(text, "MemTotal").filter(|total| *total > 0)?;
    let available = parse_kib_field(text, "MemAvailable")?;
    let swap_total = parse_kib_field(text, "SwapTotal").unwrap_or(0);
    let swap_free = parse_kib_field(text, "SwapFree").unwrap_or(0);
    // Some container file systems show the host's available beside their own total.
    Some(Meminfo { total, available: available.min(total), swap_total, swap_free: swap_free.min(swap_total) })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::memory::probe::{CgroupVersion, Psi};
    use crate::memory::test_support::{Fixture, manual_clock};

    const KIB: u64 = 1024;

    const MEMINFO: &str = "MemTotal:        8000 kB\nMemFree:  100 kB\nMemAvailable:    3000 kB\nBuffers: 1 kB\n\
         SwapCached: 5 kB\nSwapTotal:   700 kB\nSwapFree:    600 kB\n";

    fn machine() -> Fixture {
        let fixture = Fixture::new();
        fixture.write("proc/self/statm", "765 434 406 5 0 123 0\n");
        fixture.write("proc/meminfo", MEMINFO);
        fixture
    }

    #[test]
    fn figures_come_from_statm_and_meminfo() {
        let machine = machine();
        let sample = SystemProbe::at_root(manual_clock(), machine.root()).sample().unwrap();
        assert_eq!(sample.rss, 434 * rustix::param::page_size() as u64);
        assert_eq!(sample.system_total, 8000 * KIB);
        assert_eq!(sample.system_available, 3000 * KIB);
        assert_eq!((sample.swap_total, sample.swap_free), (700 * KIB, 600 * KIB));
        assert_eq!(sample.cgroup, None);
    }

    #[test]
    fn the_real_machine_gives_plausible_figures() {
        let sample = SystemProbe::new(manual_clock()).sample().unwrap();
        assert!(sample.rss > 100 * KIB && sample.rss < sample.system_total);
        assert!(sample.system_available <= sample.system_total);
    }

    #[test]
    fn missing_or_garbled_files_are_errors_not_numbers() {
        for (file, content) in [
            ("proc/self/statm", None),
            ("proc/meminfo", None),
            ("proc/self/statm", Some("")),
            ("proc/self/statm", Some("12 many")),
            ("proc/self/statm", Some("12 18446744073709551615")),
            ("proc/meminfo", Some("MemTotal: 8000 kB\n")),
            ("proc/meminfo", Some("MemTotal: 0 kB\nMemAvailable: 0 kB\n")),
            ("proc/meminfo", Some("MemTotal: -1 kB\nMemAvailable: 3 kB\n")),
            ("proc/meminfo", Some("MemTotalish: 1 kB\nMemAvailable: 3 kB\n")),
        ] {
            let machine = machine();
            match content {
                Some(content) => machine.write(file, content),
                None => fs::remove_file(machine.root().join(file)).unwrap(),
            }
            let result = SystemProbe::at_root(manual_clock(), machine.root()).sample();
            let error = result.expect_err(&format!("{file}: {content:?}"));
            assert!(error.to_string().contains(&format!("/{file}")), "{error}");
        }
    }

    #[test]
    fn what_is_free_never_exceeds_its_total_and_swap_may_be_missing() {
        let parsed = |text: &str| {
            let Meminfo { total, available, swap_total, swap_free } = parse_meminfo(text.as_bytes()).unwrap();
            [total, available, swap_total, swap_free].map(|bytes| bytes / KIB)
        };
        let memory = "MemTotal: 5 kB\nMemAvailable: 9 kB\n";
        assert_eq!(parsed(memory), [5, 5, 0, 0]);
        assert_eq!(parsed(&format!("{memory}SwapTotal: 3 kB\nSwapFree: 4 kB\n")), [5, 5, 3, 3]);
        assert_eq!(parsed(&format!("{memory}SwapTotal: -3 kB\nSwapFree: 4 kB\n")), [5, 5, 0, 0]);
        assert_eq!(parsed(&format!("{memory}SwapTotal: 3 kB\nSwapFree: \n")), [5, 5, 3, 0]);
    }

    #[test]
    fn cgroup_current_is_fresh_and_limits_are_at_most_a_second_old() {
        let machine = machine();
        machine.v2("/app", "/app");
        machine.write("sys/fs/cgroup/app/memory.max", "1000\n");
        machine.write("sys/fs/cgroup/app/memory.current", "10\n");
        let clock = manual_clock();
        let probe = SystemProbe::at_root(clock.clone(), machine.root());
        let read = || {
            let group = probe.sample().unwrap().cgroup.unwrap();
            assert_eq!(group.version, CgroupVersion::V2);
            (group.max, group.current)
        };
        assert_eq!(read(), (Some(1000), Some(10)));

        machine.write("sys/fs/cgroup/app/memory.max", "2000\n");
        machine.write("sys/fs/cgroup/app/memory.current", "20\n");
        clock.advance(CGROUP_LIMITS_TTL_MS - 1);
        assert_eq!(read(), (Some(1000), Some(20)));
        clock.advance(1);
        assert_eq!(read(), (Some(2000), Some(20)));
    }

    #[test]
    fn a_cgroup_that_disappears_is_looked_for_again() {
        let machine = machine();
        machine.v2("/", "/old");
        machine.write("sys/fs/cgroup/old/memory.current", "10\n");
        let clock = manual_clock();
        let probe = SystemProbe::at_root(clock.clone(), machine.root());
        assert_eq!(probe.sample().unwrap().cgroup.unwrap().current, Some(10));

        fs::remove_dir_all(machine.root().join("sys/fs/cgroup/old")).unwrap();
        machine.v2("/", "/new");
        machine.write("sys/fs/cgroup/new/memory.current", "30\n");
        assert_eq!(probe.sample().unwrap().cgroup, None);
        clock.advance(CGROUP_LIMITS_TTL_MS);
        assert_eq!(probe.sample().unwrap().cgroup.unwrap().current, Some(30));
    }

    #[test]
    fn reclaimable_is_at_most_half_a_second_old_and_at_most_the_charge() {
        let machine = machine();
        machine.v2("/app", "/app");
        machine.write("sys/fs/cgroup/app/memory.current", "1000\n");
        machine.write("sys/fs/cgroup/app/memory.stat", "inactive_file 300\n");
        let clock = manual_clock();
        let probe = SystemProbe::at_root(clock.clone(), machine.root());
        let read = || {
            let group = probe.sample().unwrap().cgroup.unwrap();
            (group.current.unwrap(), group.reclaimable, group.working_set().unwrap())
        };
        assert_eq!(read(), (1000, Some(300), 700));

        machine.write("sys/fs/cgroup/app/memory.stat", "inactive_file 500\n");
        machine.write("sys/fs/cgroup/app/memory.current", "2000\n");
        clock.advance(CGROUP_STAT_TTL_MS - 1);
        assert_eq!(read(), (2000, Some(300), 1700));
        machine.write("sys/fs/cgroup/app/memory.current", "200\n");
        assert_eq!(read(), (200, Some(200), 0));
        machine.write("sys/fs/cgroup/app/memory.current", "2000\n");
        clock.advance(1);
        assert_eq!(read(), (2000, Some(500), 1500));

        machine.write("sys/fs/cgroup/app/memory.stat", "inactive_file -1\n");
        clock.advance(CGROUP_STAT_TTL_MS);
        assert_eq!(read(), (2000, None, 2000));
    }

    const PRESSURE: &str = "some avg10=2.50 avg60=0.00 avg300=0.00 total=0\n\
                            full avg10=1.25 avg60=0.00 avg300=0.00 total=0\n";

    #[test]
    fn detail_is_of_the_group_and_its_pressure_else_of_the_machine() {
        let machine = machine();
        machine.v2("/app", "/app");
        machine.write("proc/self/smaps_rollup", "1-2 ---p 0 00:00 0 [rollup]\nRss: 9 kB\nPss:  7 kB\n");
        machine.write("proc/pressure/memory", PRESSURE);
        machine.write("sys/fs/cgroup/app/memory.events", "low 0\nhigh 3\nmax 2\noom 1\noom_kill 1\n");
        let probe = SystemProbe::at_root(manual_clock(), machine.root());
        let detail = probe.detail();
        assert_eq!(probe.pss(), Some(7 * KIB));
        assert_eq!(detail.psi, Some(Psi { some_avg10: 2.5, full_avg10: 1.25 }));
        assert_eq!(detail.cgroup_events.unwrap().high, Some(3));

        machine.write("sys/fs/cgroup/app/memory.pressure", "some avg10=80.00\nfull avg10=40.00\n");
        assert_eq!(probe.detail().psi, Some(Psi { some_avg10: 80.0, full_avg10: 40.0 }));
        machine.write("sys/fs/cgroup/app/memory.pressure", "garbage");
        assert_eq!(probe.detail().psi, detail.psi);
    }

    #[test]
    fn detail_that_cannot_be_read_is_none() {
        let machine = machine();
        let probe = SystemProbe::at_root(manual_clock(), machine.root());
        assert_eq!((probe.detail(), probe.pss()), (Detail::default(), None));
        machine.write("proc/self/smaps_rollup", "Pss: many kB\n");
        machine.write("proc/pressure/memory", "some avg10=1.00\n");
        assert_eq!((probe.detail(), probe.pss()), (Detail::default(), None));
    }
}
