//! The end of a system: its parts in order, those that ask the others first, each within what is left of a deadline.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::state::End;
use super::{Engine, ReportRequest};
use crate::memory::V8Heap;
use crate::orchestrator::Part;
use crate::telemetry::event::EventKind;

/// What every part gets also after the deadline: one that hangs must not cost the others what they have to write.
const LEAST_TIME: Duration = Duration::from_secs(1);

/// What became of the end.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// The final report, if one was to be written and could be.
    pub report: Option<PathBuf>,
    /// Parts that were not done in time, by name. They go on by themselves.
    pub late: Vec<&'static str>,
}

impl Engine {
    /// Ends the system: no work is taken any more, the final report is written if the configuration and the caller want one,
    /// then everything is written and closed. Only the first call does anything. A report that cannot be written is a
    /// warning: an end always succeeds. Blocks for `deadline`, and a second for each part that hangs.
    pub fn shut_down(self: &Arc<Self>, v8: Option<V8Heap>, deadline: Duration, with_report: bool) -> Ended {
        let mut ended = Ended::default();
        if self.closed.swap(true, Ordering::SeqCst) {
            return ended;
        }
        self.tuner.stop();
        let end = Instant::now() + deadline;
        let is_apart = self.orchestrator.world().by_hand().is_none();
        // A change of settings that is under way may make parts: it is over first, and none begins any more.
        let engine = Arc::clone(self);
        in_time(is_apart, "configuration", end, &mut ended.late, move || drop(engine.live_settings.lock()));
        if with_report && self.loaded.system.final_report {
            let engine = Arc::clone(self);
            let report = in_time(is_apart, "report", end, &mut ended.late, move || {
                engine.write_report_file(&ReportRequest::default(), v8)
            });
            match report {
                Some(Ok(path)) => ended.report = Some(path),
                Some(Err(error)) => {
                    tracing::warn!(code = error.kind().code(), "the final report was not written");
                    self.events.emit(
                        EventKind::Warning,
                        || json!({ "path": "report", "message": error.to_string() }),
                    );
                }
                None => {}
            }
        }
        // As it was before its parts ended; whoever asks from now on is told that it does not run.
        let engine = Arc::clone(self);
        let leave = move || {
            let last = engine.last_state(End::Shutdown);
            engine.live.end();
            if let Some(last) = last {
                engine.leave(&last);
            }
        };
        in_time(is_apart, "live", end, &mut ended.late, leave);
        let engine = Arc::clone(self);
        in_time(is_apart, "tokens", end, &mut ended.late, move || engine.orchestrator.tokens().close());
        let parts = self.orchestrator.components();
        // First those that ask the others.
        if let Some(monitor) = parts.monitor {
            let done = in_time(is_apart, "monitor", end, &mut ended.late, move || monitor.stop());
            self.tell_if(done, Part::Monitor);
        }
        if let Some(memory) = parts.memory {
            let done = in_time(is_apart, "memory", end, &mut ended.late, move || memory.stop());
            self.tell_if(done, Part::Memory);
        }
        if let Some(cache) = parts.cache {
            let done = in_time(is_apart, "cache", end, &mut ended.late, move || cache.close());
            self.tell_if(done, Part::Cache);
        }
        ended
    }

    /// Tells that a part has ended, if it was done in time.
    fn tell_if(&self, done: Option<()>, part: Part) {
        if done.is_some() {
            self.orchestrator.tell_stopped(part);
        }
    }
}

/// What `work` gives, or `None` when it is not done by then or ended in a panic.
/// Without `is_apart` it is done here and now, however long it takes.
fn in_time<T: Send + 'static>(
    is_apart: bool,
    name: &'static str,
    end: Instant,
    late: &mut Vec<&'static str>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (done, result) = mpsc::channel();
    let run = move || {
        // Nobody waits any more.
        let _ = done.send(work());
    };
    let left = time_left(end, Instant::now());
    let outcome = if is_apart {
        let started = thread::Builder::new().name(format!("agentwise-end-{name}")).spawn(run);
        started.ok().and_then(|_| result.recv_timeout(left).ok())
    } else {
        // A panic was told when it happened.
        let _ = catch_unwind(AssertUnwindSafe(run));
        result.try_recv().ok()
    };
    if outcome.is_none() {
        tracing::warn!(part = name, "a part of the system did not end in time");
        late.push(name);
    }
    outcome
}

/// How long a part may take that is ended now.
fn time_left(end: Instant, now: Instant) -> Duration {
    end.saturating_duration_since(now).max(LEAST_TIME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_that_hangs_is_named_and_others_have_their_time() {
        let (free, held) = mpsc::channel::<()>();
        let (end, mut late) = (Instant::now(), Vec::new());
        assert_eq!(in_time(true, "hangs", end, &mut late, move || held.recv().is_ok()), None);
        // A second is little for a thread where the machine is busy: what is left is looked at by itself below.
        let end = end + Duration::from_secs(60);
        assert_eq!(in_time(true, "works", end, &mut late, || 7), Some(7));
        assert_eq!(late, ["hangs"]);
        drop(free);
    }

    #[test]
    fn what_is_left_of_the_deadline_is_never_less_than_a_second() {
        let now = Instant::now();
        for (end, left) in [
            (now + Duration::from_secs(7), Duration::from_secs(7)),
            (now + Duration::from_millis(7), LEAST_TIME),
            (now, LEAST_TIME),
        ] {
            assert_eq!(time_left(end, now), left);
        }
        assert_eq!(time_left(now, now + Duration::from_secs(7)), LEAST_TIME);
    }

    #[test]
    fn part_that_panics_is_named() {
        let mut late = Vec::new();
        let end = Instant::now() + Duration::from_secs(5);
        let given: Option<()> =
            in_time(true, "breaks", end, &mut late, || unreachable!("asked for by the test"));
        assert_eq!((given, late), (None, vec!["breaks"]));
    }
}
