//! One look of the monitor's thread: a sign of life from JavaScript, a sample when it is due, health checks when they are.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::json;

use super::alerts::book::Change;
use super::baseline;
use super::channel::Notice;
use super::health::ANSWER_LIMIT;
use super::keep::retention_ms;
use super::production_monitor::{ASK_ANSWERS, ASK_FIGURES, Monitor};
use super::report;
use super::sample::SampleRow;
use super::sources::Sources;
use super::state::FIRST_SAMPLE_MS;
use crate::telemetry::event::EventKind;

/// How often JavaScript is asked for a sign of life, ms: with a hundred answers a sample has a 99th percentile.
const PULSE_MS: u64 = 100;
/// How long a sample waits for figures that only JavaScript can read, ms: a busy one must not hold it up.
const FIGURES_LIMIT_MS: u64 = 400;

impl Monitor {
    /// Looks at what is due. Gives the ms until the next look.
    pub fn tick(self: &Arc<Self>) -> u64 {
        let now_ms = self.clock.now_ms();
        self.open_store();
        self.tell_failures(self.exports.keep_up(self));
        let is_attached = self.is_attached.load(Ordering::Relaxed);
        // On a clock that is driven JavaScript answers at once or never.
        let has_pulse = is_attached && !self.clock.is_driven();
        if has_pulse && self.readings.event_loop().ask(self.clock.now_us()) {
            self.events.wake();
        }
        let config = self.config();
        let (sample_due, health_due, intervals) = {
            let mut state = self.state.lock();
            let first = now_ms + FIRST_SAMPLE_MS.min(config.metrics_interval_ms);
            let sample_due = *state.sample_due_ms.get_or_insert(first);
            // After the first sample, so that there are figures.
            (sample_due, *state.health_due_ms.get_or_insert(sample_due + 1), state.intervals)
        };
        if now_ms >= sample_due && self.has_figures(now_ms, is_attached) {
            // What JavaScript said before it got busy is not how it is.
            let is_fresh = !is_attached || self.asked.has_figures.load(Ordering::Acquire);
            self.sample(is_fresh);
            let next = sample_due + config.metrics_interval_ms;
            // After a pause of the machine not all that was missed is made up for.
            let next = if next > now_ms { next } else { now_ms + config.metrics_interval_ms };
            let mut state = self.state.lock();
            if state.intervals == intervals {
                state.sample_due_ms = Some(next);
            }
        }
        if now_ms >= health_due && self.has_answers(now_ms, is_attached) {
            self.check_health();
            let mut state = self.state.lock();
            if state.intervals == intervals {
                state.health_due_ms = Some(now_ms + config.health_check_interval_ms);
            }
        }
        if self.keep.is_due() {
            self.write_down(false);
        }
        let now_ms = self.clock.now_ms();
        let state = self.state.lock();
        let due = [state.sample_due_ms, state.health_due_ms].into_iter().flatten().min().unwrap_or(now_ms);
        let wait_ms = due.saturating_sub(now_ms).max(1);
        if has_pulse { wait_ms.min(PULSE_MS) } else { wait_ms }
    }

    /// Whether JavaScript has handed over its figures, or took too long; asks for them.
    fn has_figures(&self, now_ms: u64, is_attached: bool) -> bool {
        if !is_attached {
            return true;
        }
        let asked = &self.asked;
        let asked_ms = asked.figures_ms.load(Ordering::Relaxed);
        if asked_ms == 0 {
            asked.has_figures.store(false, Ordering::Release);
            asked.figures_ms.store(now_ms.max(1), Ordering::Relaxed);
            asked.bits.fetch_or(ASK_FIGURES, Ordering::AcqRel);
            self.events.wake();
            return false;
        }
        let is_done =
            asked.has_figures.load(Ordering::Acquire) || now_ms.saturating_sub(asked_ms) >= FIGURES_LIMIT_MS;
        if is_done {
            asked.figures_ms.store(0, Ordering::Relaxed);
        }
        is_done
    }

    /// Whether the parts that JavaScript asks have answered, or took too long; asks for it.
    fn has_answers(&self, now_ms: u64, is_attached: bool) -> bool {
        if !self.is_handed || !is_attached {
            return true;
        }
        let asked = &self.asked;
        let asked_ms = asked.answers_ms.load(Ordering::Relaxed);
        if asked_ms == 0 {
            asked.has_answers.store(false, Ordering::Release);
            asked.answers_ms.store(now_ms.max(1), Ordering::Relaxed);
            asked.bits.fetch_or(ASK_ANSWERS, Ordering::AcqRel);
            self.events.wake();
            return false;
        }
        let has_answered = asked.has_answers.load(Ordering::Acquire);
        let limit_ms = u64::try_from(ANSWER_LIMIT.as_millis()).unwrap_or(u64::MAX);
        let is_done = has_answered || now_ms.saturating_sub(asked_ms) >= limit_ms;
        if is_done {
            asked.answers_ms.store(0, Ordering::Relaxed);
            if !has_answered {
                self.handed.no_answers(&format!("JavaScript did not answer within {limit_ms} ms"));
            }
        }
        is_done
    }

    /// Takes a sample and judges by it.
    pub(super) fn sample(self: &Arc<Self>, is_fresh: bool) {
        let reading = self.readings.read(self.clock.now_us());
        let mut figures = reading.figures;
        // What a part says of itself counts more than what was read from outside.
        if is_fresh {
            self.handed.figures(&mut figures);
        }
        if !self.is_handed {
            self.sources.figures(&mut figures);
        }
        let config = self.config();
        let at_ms = self.now_ms();
        let (row, changes, degradations) = {
            let mut state = self.state.lock();
            state.add_spans(&mut figures, at_ms);
            let row = Arc::new(SampleRow {
                at_ms,
                interval_ms: reading.interval_ms.max(1),
                figures,
                operations: reading.operations,
            });
            let retention_ms = retention_ms(config.metrics_retention_days);
            state.take(&row, retention_ms);
            let degradations = state.baselines.observe(&row);
            let state = &mut *state;
            let changes = state.book.evaluate(&state.rules, &row.figures, at_ms);
            (row, changes, degradations)
        };
        self.events.emit(EventKind::MetricsCollected, || report::metrics_json(&row));
        self.tell_alerts(changes);
        self.tell_silenced();
        for change in degradations {
            match change {
                baseline::Change::Began(degradation) => {
                    self.events.emit(EventKind::DegradationDetected, || degradation);
                }
                baseline::Change::Ended(degradation, end) => {
                    self.events.emit(EventKind::DegradationEnded, || {
                        let mut told = json!(degradation);
                        told["end"] = json!(end);
                        told
                    });
                }
            }
        }
        self.keep_row(&row);
        self.write_down(false);
    }

    fn check_health(self: &Arc<Self>) {
        let figures = self.state.lock().last.as_ref().map(|row| row.figures.clone()).unwrap_or_default();
        let failed = |part| self.handed.answer(part).filter(|_| self.is_handed).and_then(Result::err);
        let health = self.checks.run(&self.sources, failed, &figures, self.now_ms(), ANSWER_LIMIT);
        // Known before it is told: listeners ask.
        self.state.lock().health = Some(health.clone());
        for check in &health.components {
            self.events.emit(EventKind::HealthCheckResult, || check);
        }
        self.events.emit(EventKind::HealthCheckCompleted, || &health);
    }

    /// Tells listeners and channels what became of alerts, and marks those that nobody is to be woken for.
    pub(super) fn tell_alerts(self: &Arc<Self>, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Created(alert) => {
                    let (alert, is_held_back) = {
                        let now_ms = self.now_ms();
                        let state = &mut *self.state.lock();
                        state.book.hold_back(&alert, &state.silences, now_ms)
                    };
                    self.events.emit(EventKind::AlertCreated, || &*alert);
                    self.put_alert(&alert);
                    if !is_held_back {
                        self.notify(Notice::Created(alert));
                    }
                }
                Change::Resolved(alert) => {
                    self.events.emit(EventKind::AlertResolved, || &*alert);
                    self.put_alert(&alert);
                    if !alert.is_silenced() {
                        self.notify(Notice::Resolved(alert));
                    }
                }
            }
        }
    }

    /// Sends what was held back by silences that are over, where it still goes on.
    fn tell_silenced(self: &Arc<Self>) {
        let released = {
            let now_ms = self.now_ms();
            let state = &mut *self.state.lock();
            state.silences.expire(now_ms);
            state.book.release(&state.silences, now_ms)
        };
        for alert in released {
            self.put_alert(&alert);
            self.notify(Notice::Created(alert));
        }
    }
}
