//! Figures of the machine: load, memory, processors. What cannot be read is `None`.

use crate::monitor::host_cpu::CpuTimes;

/// Memory of the machine, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SystemMemory {
    /// All of it.
    pub total: u64,
    /// What can be had without swapping; at most `total`.
    pub available: u64,
}

impl SystemMemory {
    /// What cannot be had.
    pub fn used(self) -> u64 {
        self.total - self.available
    }
}

/// Share of the processors' time that was busy between two readings, 0–100; `None` when none has passed.
pub(super) fn busy_percent(before: CpuTimes, after: CpuTimes) -> Option<f64> {
    let total = after.total.checked_sub(before.total).filter(|total| *total > 0)?;
    let busy = after.busy.saturating_sub(before.busy).min(total);
    Some(busy as f64 / total as f64 * 100.0)
}

/// Processors that the process may use: affinity and, on Linux, the quota of its cgroup.
pub(super) fn cores() -> Option<usize> {
    std::thread::available_parallelism().ok().map(std::num::NonZero::get)
}

/// Load of the last 1, 5 and 15 minutes.
#[cfg(target_os = "linux")]
pub(super) fn load_averages() -> Option<[f64; 3]> {
    parse_loadavg(&std::fs::read_to_string("/proc/loadavg").ok()?)
}

/// Memory as it is now.
#[cfg(target_os = "linux")]
pub(super) fn memory() -> Option<SystemMemory> {
    parse_meminfo(&std::fs::read_to_string("/proc/meminfo").ok()?)
}

/// Load of the last 1, 5 and 15 minutes; Windows has none.
#[cfg(not(target_os = "linux"))]
pub(super) fn load_averages() -> Option<[f64; 3]> {
    let load = sysinfo::System::load_average();
    cfg!(unix).then_some([load.one, load.five, load.fifteen])
}

/// Memory as it is now.
#[cfg(not(target_os = "linux"))]
pub(super) fn memory() -> Option<SystemMemory> {
    let mut system = sysinfo::System::new();
    system.refresh_memory_specifics(sysinfo::MemoryRefreshKind::nothing().with_ram());
    // It says zero for what it cannot read.
    let total = Some(system.total_memory()).filter(|total| *total > 0)?;
    Some(SystemMemory { total, available: system.available_memory().min(total) })
}

/// `0.20 0.18 0.12 1/80 11206` (`proc_loadavg(5)`).
#[cfg(any(target_os = "linux", test))]
fn parse_loadavg(text: &str) -> Option<[f64; 3]> {
    let mut fields = text.split_ascii_whitespace().map(|field| {
        // `parse` takes signs, exponents and words for infinity, which the kernel never writes.
        let is_plain = field.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        is_plain.then(|| field.parse::<f64>().ok()).flatten().filter(|load| load.is_finite())
    });
    Some([fields.next()??, fields.next()??, fields.next()??])
}

/// Lines `MemTotal:       16384 kB` (`proc_meminfo(5)`).
#[cfg(any(target_os = "linux", test))]
fn parse_meminfo(text: &str) -> Option<SystemMemory> {
    let field = |name: &str| -> Option<u64> {
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        let digits = value.trim().strip_suffix(" kB")?;
        let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        is_plain.then(|| digits.parse::<u64>().ok()).flatten()?.checked_mul(1024)
    };
    let total = field("MemTotal").filter(|total| *total > 0)?;
    Some(SystemMemory { total, available: field("MemAvailable")?.min(total) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn figures_are_read_as_the_kernel_writes_them() {
        assert_eq!(parse_loadavg("0.20 0.18 11.12 1/80 11206\n"), Some([0.20, 0.18, 11.12]));
        let text = "MemTotal:       16384 kB\nMemFree:          100 kB\nMemAvailable:    8192 kB\n";
        let memory = parse_meminfo(text).expect("whole");
        assert_eq!((memory.total, memory.available, memory.used()), (16 << 20, 8 << 20, 8 << 20));
        let more_available = parse_meminfo("MemTotal: 5 kB\nMemAvailable: 9 kB\n").expect("whole");
        assert_eq!(more_available.used(), 0);
    }

    #[test]
    fn what_is_garbled_is_absent() {
        for text in ["", "0.1", "0.1 0.2", "0.1 x 0.3", "nan inf 0.1", "1e5 1 1", "-1 1 1", "+1 1 1", ". . ."]
        {
            assert_eq!(parse_loadavg(text), None, "{text:?}");
        }
        for text in [
            "",
            "MemTotal: 5 kB\n",
            "MemTotal: 0 kB\nMemAvailable: 0 kB\n",
            "MemTotal: -5 kB\nMemAvailable: 1 kB\n",
            "MemTotal: 5 MB\nMemAvailable: 1 kB\n",
            "MemTotalish: 5 kB\nMemAvailable: 1 kB\n",
            "MemTotal: 18446744073709551615 kB\nMemAvailable: 1 kB\n",
        ] {
            assert_eq!(parse_meminfo(text), None, "{text:?}");
        }
    }

    #[test]
    fn busy_is_a_share_of_what_passed() {
        let times = |busy, total| CpuTimes { busy, total };
        for (before, after, expected) in [
            (times(10, 100), times(40, 140), Some(75.0)),
            (times(10, 100), times(10, 100), None),
            (times(10, 100), times(5, 90), None),
            (times(10, 100), times(5, 110), Some(0.0)),
            (times(0, 0), times(9, 4), Some(100.0)),
        ] {
            assert_eq!(busy_percent(before, after), expected);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_machine_has_plausible_figures() {
        let memory = memory().expect("readable");
        assert!(memory.available > 0 && memory.used() > 0 && memory.total > 64 << 20, "{memory:?}");
        assert!(load_averages().expect("readable").iter().all(|load| (0.0..1e5).contains(load)));
        assert!(cores().expect("known") >= 1);
    }

    proptest! {
        #[test]
        fn no_text_makes_a_parser_panic(text in "\\PC*", tail in "[ 0-9.kB:\\n-]{0,60}") {
            parse_loadavg(&text);
            parse_loadavg(&tail);
            if let Some(memory) = parse_meminfo(&format!("MemTotal:{tail}\nMemAvailable:{tail}\n{text}")) {
                prop_assert!(memory.available <= memory.total);
            }
        }
    }
}
