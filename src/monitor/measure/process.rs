//! Processor time and memory of this process.

/// User and system time of all its threads since it began, s. Finer than the hundredths of `/proc/self/stat`, and the same
/// sum.
#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "other systems may not say")]
pub(super) fn cpu_time_s() -> Option<f64> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(time.tv_sec as f64 + time.tv_nsec as f64 / 1e9)
}

/// The same by the crate `sysinfo`, to the ms.
#[cfg(not(unix))]
pub(super) fn cpu_time_s() -> Option<f64> {
    use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};
    let pid = Pid::from_u32(std::process::id());
    let mut system = System::new();
    let what = ProcessRefreshKind::nothing().with_cpu();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, what);
    system.process(pid).map(|process| process.accumulated_cpu_time() as f64 / 1e3)
}

/// User and system time, s: hundredths, of `/proc/self/stat`.
#[cfg(target_os = "linux")]
pub fn cpu_modes_s() -> Option<(f64, f64)> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name in parentheses may hold anything; after it come the third field and so on.
    let mut fields = text.get(text.rfind(')')? + 2..)?.split(' ').skip(11);
    let mut seconds = || -> Option<f64> {
        let ticks: u64 = fields.next()?.parse().ok()?;
        Some(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
    };
    Some((seconds()?, seconds()?))
}

/// Other systems: not told apart.
#[cfg(not(target_os = "linux"))]
pub fn cpu_modes_s() -> Option<(f64, f64)> {
    None
}

/// Resident set, bytes.
#[cfg(target_os = "linux")]
pub(super) fn resident_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// Other systems: JavaScript says it.
#[cfg(not(target_os = "linux"))]
pub(super) fn resident_bytes() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_takes_processor_time() {
        let now = || cpu_time_s().expect("this system says it");
        let (before, begun) = (now(), std::time::Instant::now());
        let mut sum = 0_u64;
        loop {
            sum = (0..100_000_u64).fold(sum, |sum, round| std::hint::black_box(sum.wrapping_mul(31) ^ round));
            // Other tests of the process may have taken all of it: that it is counted can be seen, not for whom.
            if now() - before >= 0.02 {
                break;
            }
            assert!(begun.elapsed().as_secs() < 60, "a minute of work has taken none, {sum}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn it_is_what_proc_says() {
        let stat = || -> f64 {
            let text = std::fs::read_to_string("/proc/self/stat").expect("readable");
            // The name in parentheses may hold anything; utime and stime are the 14th and 15th field of all.
            let fields: Vec<&str> = text[text.rfind(')').expect("a name") + 2..].split(' ').collect();
            let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().expect("a number")).sum();
            ticks as f64 / rustix::param::clock_ticks_per_second() as f64
        };
        let (before, ours, after) = (stat(), cpu_time_s().expect("said"), stat());
        // Two fields, each cut to a hundredth.
        assert!(ours >= before - 0.001 && ours <= after + 0.021, "{before} {ours} {after}");
    }
}
