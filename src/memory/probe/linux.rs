//! Linux: `/proc/self/statm`, `/proc/meminfo` and the cgroup files.
//!
//! Cost: three or four short reads per sample. The limits of the cgroup
//! hierarchy, two files per level, are read again only every
//! [`CGROUP_LIMITS_TTL_MS`]. Where the group lies is found out at the start, and
//! again (that sample costs more) only when it cannot be read. So a process that
//! is moved to another group, while its old one lives on, keeps reporting the
//! old one.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::{CgroupMemory, Probe, ProbeError, RawSample};
use crate::base::clock::Clock;
use crate::memory::cgroup::{CgroupLimits, CgroupReader};

/// Limits change when an operator resizes a container, which nobody expects to
/// be seen at once; 5 s keeps the many reads out of nearly every sample.
const CGROUP_LIMITS_TTL_MS: u64 = 5_000;

/// `statm` is seven numbers; this holds seven of the longest.
const STATM_BUFFER: usize = 160;

/// `MemTotal` and `MemAvailable` are on the first three lines of `meminfo`.
const MEMINFO_BUFFER: usize = 512;

const KIB: u64 = 1024;

/// Reads the figures of this process and machine.
pub struct SystemProbe {
    clock: Arc<dyn Clock>,
    root: PathBuf,
    statm: PathBuf,
    meminfo: PathBuf,
    page_size: u64,
    cgroup: Mutex<CgroupCache>,
}

struct CgroupCache {
    reader: Option<CgroupReader>,
    limits: CgroupLimits,
    /// Monotonic ms; `None` before the first read.
    read_at: Option<u64>,
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
            page_size: u64::try_from(rustix::param::page_size())
                .expect("invariant: a page size fits 64 bits"),
            cgroup: Mutex::new(CgroupCache {
                // Here rather than in the first sample, which it would make dear.
                reader: CgroupReader::discover(root),
                limits: CgroupLimits::default(),
                read_at: None,
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

    fn system(&self) -> Result<(u64, u64), ProbeError> {
        const WHAT: &str = "/proc/meminfo";
        let mut buffer = [0; MEMINFO_BUFFER];
        let text = read_start(&self.meminfo, &mut buffer)
            .map_err(|source| ProbeError::Read { what: WHAT, source })?;
        parse_meminfo(text).ok_or(ProbeError::Malformed { what: WHAT })
    }

    fn cgroup(&self) -> Option<CgroupMemory> {
        let now = self.clock.now_ms();
        let mut cache = self.cgroup.lock();
        let due = cache.read_at.is_none_or(|at| now.saturating_sub(at) >= CGROUP_LIMITS_TTL_MS);
        let mut current = cache.reader.as_ref().and_then(CgroupReader::current);
        if due {
            cache.read_at = Some(now);
            if current.is_none() {
                cache.reader = CgroupReader::discover(&self.root);
                current = cache.reader.as_ref().and_then(CgroupReader::current);
            }
            cache.limits = cache.reader.as_ref().map(CgroupReader::limits).unwrap_or_default();
        }
        cache.reader.as_ref()?.memory(cache.limits, current)
    }
}

impl Probe for SystemProbe {
    fn sample(&self) -> Result<RawSample, ProbeError> {
        let rss = self.rss()?;
        let (system_total, system_available) = self.system()?;
        Ok(RawSample { rss, system_total, system_available, cgroup: self.cgroup() })
    }
}

/// Fills `buffer` from the start of the file, without allocating, and closes it.
fn read_start<'b>(path: &Path, buffer: &'b mut [u8]) -> io::Result<&'b [u8]> {
    let mut file = File::open(path)?;
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(&buffer[..filled])
}

/// The second number: resident pages.
fn parse_statm_resident(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// Total and available bytes; `None` unless both are there and plausible.
fn parse_meminfo(text: &[u8]) -> Option<(u64, u64)> {
    // The buffer may end inside a later line, never inside one that matters;
    // whatever does not parse there is not looked at.
    let text = std::str::from_utf8(text).ok()?;
    let field = |name: &str| -> Option<u64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
        kib.checked_mul(KIB)
    };
    let total = field("MemTotal").filter(|total| *total > 0)?;
    let available = field("MemAvailable")?;
    // Some container file systems show the host's available beside their own total.
    Some((total, available.min(total)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::memory::probe::CgroupVersion;
    use crate::memory::test_support::{Fixture, manual_clock};

    const MEMINFO: &str =
        "MemTotal:        8000 kB\nMemFree:  100 kB\nMemAvailable:    3000 kB\nBuffers: 1 kB\n";

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
    fn available_never_exceeds_total() {
        assert_eq!(parse_meminfo(b"MemTotal: 5 kB\nMemAvailable: 9 kB\n"), Some((5 * KIB, 5 * KIB)));
    }

    #[test]
    fn cgroup_current_is_fresh_and_limits_are_at_most_five_seconds_old() {
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
}
