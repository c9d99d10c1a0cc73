//! How long work for JavaScript's event loop waits, seen from outside of it.
//!
//! A thread asks for a sign of life every [`ASK_EVERY_MS`]; the delay is how long the answer takes. A timer of the event loop
//! itself sees a stall of two seconds once; work that came during it waited two seconds, or one, or what was left. So while a
//! question is open, those that would have been asked count too: a stall of 2 s gives 2.0, 1.9, 1.8 … (as the expected
//! interval of `HdrHistogram` does), which is what work that comes at any time waits. Each is counted once, in the interval in
//! which it was, or would have been, asked; one that waits at its end counts with its age so far. The longest delay of an interval is
//! that of any question that was open in it.
//!
//! It sends nothing: [`LoopDelay::ask`] says when to.

use parking_lot::Mutex;

use super::times::Times;

/// How often to ask, ms: a hundred samples an interval, and 0.01 % of a core.
pub const ASK_EVERY_MS: u64 = 100;
const ASK_EVERY_US: u64 = ASK_EVERY_MS * 1_000;
/// A stall of an hour has 36,000 questions; of a longer one only so many count.
const MOST_QUESTIONS: u64 = 36_000;

/// Delays of one interval, ms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LoopFigures {
    /// Half of the work waited at most this.
    pub p50_ms: f64,
    /// 99 % did.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

#[derive(Debug, Clone, Copy)]
struct Question {
    at_us: u64,
    /// Of it and those that would have followed, how many are counted.
    counted: u64,
}

#[derive(Debug)]
struct State {
    open: Option<Question>,
    delays: Times,
    max_us: u64,
}

/// The delays. Asked by one thread, answered by the event loop's.
#[derive(Debug)]
pub struct LoopDelay(Mutex<State>);

impl Default for LoopDelay {
    fn default() -> Self {
        Self(Mutex::new(State { open: None, delays: Times::new(), max_us: 0 }))
    }
}

impl LoopDelay {
    /// Whether to ask now. Called every [`ASK_EVERY_MS`]; false while a question is open.
    pub fn ask(&self, now_us: u64) -> bool {
        let mut state = self.0.lock();
        let is_free = state.open.is_none();
        if is_free {
            state.open = Some(Question { at_us: now_us, counted: 0 });
        }
        is_free
    }

    /// The event loop has answered.
    pub fn answered(&self, now_us: u64) {
        let mut state = self.0.lock();
        if let Some(mut question) = state.open.take() {
            state.count(&mut question, now_us);
        }
    }

    /// The question could not be asked, or there is no event loop any more: no answer will come.
    pub fn forget(&self) {
        self.0.lock().open = None;
    }

    /// How long the open question has waited, ms; `None` if there is none.
    pub fn outstanding_ms(&self, now_us: u64) -> Option<f64> {
        let question = self.0.lock().open?;
        Some(ms(now_us.saturating_sub(question.at_us)))
    }

    /// Figures of the interval that ends now; `None` when nothing was asked in it.
    pub fn take(&self, now_us: u64) -> Option<LoopFigures> {
        let mut state = self.0.lock();
        // A younger one may be answered at once, and is counted then.
        if let Some(mut question) =
            state.open.filter(|open| now_us.saturating_sub(open.at_us) >= ASK_EVERY_US)
        {
            state.count(&mut question, now_us);
            state.open = Some(question);
        }
        let max_ms = ms(std::mem::take(&mut state.max_us));
        let percentiles = state.delays.percentiles();
        state.delays.clear();
        let percentiles = percentiles?;
        Some(LoopFigures { p50_ms: percentiles.p50_ms, p99_ms: percentiles.p99_ms, max_ms })
    }
}

impl State {
    /// Counts the questions that were, or would have been, asked until now and are not counted yet.
    fn count(&mut self, question: &mut Question, now_us: u64) {
        let age_us = now_us.saturating_sub(question.at_us);
        self.max_us = self.max_us.max(age_us);
        // One that would be asked right now has not waited; the first one was asked, however quick the answer.
        let all = age_us.div_ceil(ASK_EVERY_US).max(1);
        for number in question.counted.max(all.saturating_sub(MOST_QUESTIONS))..all {
            self.delays.record(ms(age_us - number * ASK_EVERY_US));
        }
        question.counted = all;
    }
}

fn ms(us: u64) -> f64 {
    us as f64 / 1e3
}

#[cfg(test)]
mod tests;
