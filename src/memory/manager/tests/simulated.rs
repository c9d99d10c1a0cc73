//! Whole courses, simulated: a leak, and agents that together need more than there is.

use super::*;

/// A process of so many bytes; what it takes, the machine has less.
fn of_process(rss: u64) -> RawSample {
    RawSample {
        rss,
        system_available: (16_000 * MB).saturating_sub(rss),
        system_total: 20_000 * MB,
        ..raw(0)
    }
}

#[test]
fn a_leak_of_200_mb_a_second_is_told_and_all_wait_while_two_seconds_are_left() {
    const LEAK_MB: u64 = 200;
    for begin_ms in [0, 77, 10_000, 123_456] {
        let it = setup_with(MemoryConfig::default());
        it.listen_to_all();
        let limit = 2048 * MB;
        let rss = |now_ms: u64| 100 * MB + now_ms.saturating_sub(begin_ms) * LEAK_MB * MB / 1000;
        let left_ms = |rss: u64| (limit.saturating_sub(rss)) * 1000 / (LEAK_MB * MB);
        let (mut alert_ms, mut all_ms) = (None, None);
        loop {
            let now_ms = it.clock.now_ms();
            let rss = rss(now_ms);
            if rss >= limit {
                break;
            }
            it.probe.set(Some(of_process(rss)));
            let wait_ms = it.manager.tick();
            if it.told_as("memoryAlert").iter().any(|alert| alert["type"] == "critical") {
                alert_ms = alert_ms.or(Some(left_ms(rss)));
            }
            if it.manager.should_throttle("unknown") {
                all_ms = all_ms.or(Some(left_ms(rss)));
            }
            it.clock.advance(wait_ms);
        }
        assert!(alert_ms.is_some_and(|ms| ms >= 2_000), "{begin_ms}: the alert {alert_ms:?}");
        assert!(all_ms.is_some_and(|ms| ms >= 2_000), "{begin_ms}: all wait {all_ms:?}");
    }
}

/// What a process uses beside its agents.
const BASE: u64 = 60 * MB;

const LIMIT_MB: u64 = 256;

struct Agent {
    id: String,
    needs: u64,
    holds: u64,
    wait: Option<u64>,
    /// Keeps what it holds, and says so with each step.
    stays: bool,
    is_done: bool,
}

#[derive(Clone, Copy, Debug)]
struct Course {
    /// What an agent takes with each step, and the time between two.
    step_bytes: u64,
    step_ms: u64,
    /// Whether agents wait to be let go, or ask before each step.
    waits: bool,
}

impl Course {
    /// Ms of an agent that is alone.
    fn takes_ms(&self, needs_mb: u64) -> u64 {
        ((needs_mb * MB).div_ceil(self.step_bytes) + 1) * self.step_ms
    }
}

/// So much is used besides for a time.
#[derive(Clone, Copy, Default)]
struct Spike {
    bytes: u64,
    from_ms: u64,
    until_ms: u64,
}

/// How a course went.
#[derive(Debug)]
struct Outcome {
    /// Ms until all were done, nobody was held back and a spike was over; `None`: not in an hour.
    ended_ms: Option<u64>,
    most_bytes: u64,
    /// Most agents that were held back at once.
    most_throttled: usize,
}

/// Lets all agents run under the limit, of which the first `stay` are never done.
fn run(needs_mb: &[u64], stay: usize, course: Course, spike: Spike) -> Outcome {
    let it = setup_with(MemoryConfig {
        max_memory_usage_mb: LIMIT_MB as f64,
        agent_memory_limit_mb: 128.0,
        ..MemoryConfig::default()
    });
    let manager = &it.manager;
    let agent = |(index, needs): (usize, &u64)| Agent {
        id: format!("agent{index}"),
        needs: needs * MB,
        holds: 0,
        wait: None,
        stays: index < stay,
        is_done: false,
    };
    let mut agents: Vec<Agent> = needs_mb.iter().enumerate().map(agent).collect();
    let mut outcome = Outcome { ended_ms: None, most_bytes: 0, most_throttled: 0 };
    let mut tick_ms = 0;
    for now_ms in (0..3_600_000).step_by(10) {
        let more = if (spike.from_ms..spike.until_ms).contains(&now_ms) { spike.bytes } else { 0 };
        let used = BASE + more + agents.iter().map(|agent| agent.holds).sum::<u64>();
        outcome.most_bytes = outcome.most_bytes.max(used);
        it.probe.set(Some(of_process(used)));
        if now_ms >= tick_ms {
            tick_ms = now_ms + manager.tick();
        }
        let throttled = manager.state.lock().agents.throttled_count();
        outcome.most_throttled = outcome.most_throttled.max(throttled);
        let released = manager.take_released();
        for (index, agent) in (0..).zip(&mut agents) {
            if agent.wait.is_some_and(|number| released.contains(&number)) {
                agent.wait = None;
            }
            // Not all at the same moment.
            let is_time = (now_ms + index * course.step_ms / 20 / 10 * 10).is_multiple_of(course.step_ms);
            if agent.is_done || agent.wait.is_some() || !is_time {
                continue;
            }
            if course.waits {
                agent.wait = manager.wait(&agent.id);
                if agent.wait.is_some() {
                    continue;
                }
            } else if manager.should_throttle(&agent.id) {
                continue;
            }
            if agent.holds >= agent.needs && !agent.stays {
                (agent.is_done, agent.holds) = (true, 0);
                manager.forget(&agent.id);
                continue;
            }
            agent.holds = (agent.holds + course.step_bytes).min(agent.needs);
            manager.register_agent(&agent.id, agent.holds, 0);
        }
        let is_over = |agent: &Agent| if agent.stays { agent.holds >= agent.needs } else { agent.is_done };
        if now_ms >= spike.until_ms && throttled == 0 && agents.iter().all(is_over) {
            outcome.ended_ms = Some(now_ms);
            return outcome;
        }
        it.clock.advance(10);
    }
    outcome
}

/// In small steps, faster and slower.
const SMALL: [Course; 4] = [
    Course { step_bytes: MB, step_ms: 200, waits: true },
    Course { step_bytes: MB, step_ms: 200, waits: false },
    Course { step_bytes: MB / 4, step_ms: 1_000, waits: true },
    Course { step_bytes: MB / 4, step_ms: 1_000, waits: false },
];

/// In steps that together are a quarter of the limit: twenty of them a second.
const LARGE: [Course; 2] = [
    Course { step_bytes: 3 * MB, step_ms: 1_000, waits: true },
    Course { step_bytes: 3 * MB, step_ms: 1_000, waits: false },
];

fn ends(needs_mb: &[u64], stay: usize, course: Course, most_bytes: u64) {
    let outcome = run(needs_mb, stay, course, Spike::default());
    let told = format!("{course:?}: {outcome:?}: {stay} stay of {needs_mb:?}");
    // Which only means something where some had to wait.
    assert!(outcome.most_throttled > 0, "{told}");
    assert!(outcome.most_bytes <= most_bytes, "{told}");
    // Those that never end keep the others waiting for ten seconds each time.
    let one_after_the_other: u64 = needs_mb.iter().map(|needs| course.takes_ms(*needs)).sum();
    assert!(outcome.ended_ms.is_some_and(|ms| stay > 0 || ms < one_after_the_other), "{told}");
}

#[test]
fn twenty_agents_of_27_mb_under_256_mb_are_all_done_and_the_limit_holds() {
    for course in SMALL.into_iter().chain(LARGE) {
        ends(&[27; 20], 0, course, LIMIT_MB * MB);
    }
}

#[test]
fn agents_of_unequal_size_are_all_done_and_the_limit_holds() {
    let sizes: [fn(u64) -> u64; 3] =
        [|index| 10 + index * 7 % 31, |index| if index % 4 == 0 { 40 } else { 15 }, |index| 5 + index * 2];
    for size in sizes {
        let needs: Vec<u64> = (0..20).map(size).collect();
        for course in SMALL.into_iter().chain(LARGE) {
            ends(&needs, 0, course, LIMIT_MB * MB);
        }
    }
}

#[test]
fn beside_agents_that_never_end_the_others_are_all_done_and_the_limit_holds() {
    for (stay_mb, stay) in [(10, 10), (5, 20)] {
        let needs: Vec<u64> = [vec![stay_mb; stay], vec![15; 10]].concat();
        for course in SMALL.into_iter().chain(LARGE) {
            ends(&needs, stay, course, LIMIT_MB * MB);
        }
    }
}

/// Those that never end and what the others have built do not fit together: the last resort takes a step too many.
#[test]
fn where_agents_that_never_end_leave_too_little_all_are_done_and_the_limit_is_passed_by_one_step_at_most() {
    let needs: Vec<u64> = [[14; 10], [15; 10]].concat();
    for course in SMALL.into_iter().chain(LARGE) {
        let outcome = run(&needs, 10, course, Spike::default());
        assert!(outcome.ended_ms.is_some() && outcome.most_throttled > 0, "{course:?}: {outcome:?}");
        assert!(outcome.most_bytes <= LIMIT_MB * MB + course.step_bytes, "{course:?}: {outcome:?}");
    }
}

#[test]
fn agents_that_never_end_all_go_on_soon_after_others_gave_memory_back() {
    // From 70 to 94 %.
    let spike = Spike { bytes: 60 * MB, from_ms: 200_000, until_ms: 210_000 };
    // One that is done before tells what the others are thought to need.
    for others in [0, 1] {
        let needs: Vec<u64> = [vec![10; 12], vec![40; others]].concat();
        for course in SMALL.into_iter().take(2).chain(LARGE) {
            let outcome = run(&needs, 12, course, spike);
            assert!(outcome.most_throttled > 0, "{course:?}: {outcome:?}");
            assert!(
                outcome.ended_ms.is_some_and(|ms| ms < spike.until_ms + 60_000),
                "{course:?}: {outcome:?}"
            );
        }
    }
}
