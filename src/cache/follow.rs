//! Keeping the questions and their vectors in step with what is stored: by this process, and in the database.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::disk::{Condition, Disk};
use super::key::{Key, Keys, Parts};
use super::lookup::Known;
use super::manager::CacheManager;
use super::questions;
use super::record::Record;
use super::vectors;
use crate::similarity::is_question;

/// How often a miss looks for what other processes stored.
const LOOK_AGAIN_MS: u64 = 1000;
/// Rows read at a time when the questions of a database are taken up.
const ROWS_AT_ONCE: usize = 256;

/// The newest rows that are taken up: of those some are vectors, or of other namespaces.
const MOST_ROWS: usize = 3 * questions::LIMIT;
/// Questions looked at in one upkeep, whether they still have an answer.
const SWEPT_AT_ONCE: usize = 2000;

/// How taking up the database ended.
enum End {
    /// All is taken up, or cannot be read now.
    Done,
    /// It is another database by now.
    Stale,
}

impl CacheManager {
    /// Notes that a key has a value, for those who ask in other words.
    pub(crate) fn note_question(&self, key: &Key, record: &Record) {
        if !self.is_similarity_on() {
            return;
        }
        let Some(parts) = Parts::read(&key.bytes) else { return };
        if vectors::is_of_vectors(parts.namespace) {
            self.vectors.take(&parts, record);
        } else if is_question(parts.query) && self.questions.add(key) && self.disk().is_none() {
            self.questions.catch_up();
        }
    }

    /// Notes that a key has no value any more.
    pub(crate) fn forget_question(&self, key: &Key) {
        if !self.is_similarity_on() {
            return;
        }
        self.forget_vector(key);
        let is_question = Parts::read(&key.bytes).is_some_and(|parts| is_question(parts.query));
        if is_question && self.questions.remove(key) && self.disk().is_none() {
            self.questions.catch_up();
        }
    }

    /// Forgets questions that have no answer any more, some at a time. Blocks for the disk.
    pub(crate) fn sweep_questions(&self) {
        if self.degraded.lock().is_some() || !self.is_similarity_on() {
            // What cannot be read now may still be there.
            return;
        }
        for key in self.questions.next_keys(SWEPT_AT_ONCE) {
            if !self.has(&Keys::of(key.clone())) {
                self.questions.remove(&key);
            }
        }
        self.sweep_vectors();
    }

    /// Whether answers to questions in other words are served.
    pub fn is_similarity_on(&self) -> bool {
        self.config.read().enable_similarity_detection
    }

    /// Takes up what other processes stored, at most once a second.
    pub(crate) fn look_for_others(&self) {
        let now_ms = self.clock.now_ms();
        let looked_ms = self.questions.looked_ms.load(Ordering::Relaxed);
        if now_ms.saturating_sub(looked_ms) >= LOOK_AGAIN_MS {
            self.questions.looked_ms.store(now_ms, Ordering::Relaxed);
            self.follow();
        }
    }

    /// Begins to remember questions, or forgets them.
    pub(crate) fn switch_similarity(&self, is_on: bool) {
        self.questions.clear_all();
        if is_on {
            self.scan(|key, _| {
                if Parts::read(key).is_some_and(|parts| !vectors::is_of_vectors(parts.namespace)) {
                    self.questions.add(&Key::from_bytes(key.into()));
                }
                true
            });
            self.questions.catch_up();
            self.follow();
        }
    }

    /// Takes up the questions that the database has and this process has not: those of before, of other processes, of a place
    /// that is new. On a thread of its own, which ends when it is done.
    pub(crate) fn follow(&self) {
        if self.disk().is_none() || !self.is_similarity_on() {
            return;
        }
        let Some(myself) = self.myself.upgrade() else { return };
        if self.questions.is_following.swap(true, Ordering::AcqRel) {
            return;
        }
        let work = move || {
            loop {
                while matches!(myself.take_up(), Some(End::Stale)) && !myself.is_closed() {}
                let (beginning, _) = myself.questions.followed();
                myself.questions.is_following.store(false, Ordering::Release);
                // Who began anew since the last look found it busy.
                let is_current = myself.questions.followed().0 == beginning;
                if is_current
                    || myself.is_closed()
                    || myself.questions.is_following.swap(true, Ordering::AcqRel)
                {
                    break;
                }
            }
        };
        if std::thread::Builder::new().name("agentwise-index".to_owned()).spawn(work).is_err() {
            self.questions.is_following.store(false, Ordering::Release);
        }
    }

    /// Whether the questions that were on disk before are all taken up.
    pub(crate) fn is_taken_up(&self) -> bool {
        self.disk().is_none_or(|disk| !disk.is_started() || self.questions.followed().1 > 0)
    }

    /// Whether questions of before are still to come that somebody may wait for.
    pub(crate) fn are_questions_to_come(&self) -> bool {
        self.disk().is_some_and(|disk| disk.condition() == Condition::Good) && self.questions.may_wait()
    }

    /// Has the questions of before taken up now, after a start: else the first who ask in other words would find nothing. Blocks,
    /// for a second at most.
    pub(crate) fn await_questions(&self) {
        if self.are_questions_to_come() {
            self.follow();
            self.questions.wait();
        }
    }

    fn take_up(&self) -> Option<End> {
        let disk = self.disk()?;
        let (beginning, followed) = self.questions.followed();
        let newest = disk.with_reader(|reader| reader.tables().last_id())?;
        if newest < followed {
            // Another database.
            self.questions.begin_anew();
            return Some(End::Stale);
        }
        // In the order in which they came, so that the oldest make room.
        let mut after = followed;
        if followed == 0 {
            after = disk.with_reader(|reader| reader.tables().nth_newest(MOST_ROWS))?.unwrap_or(0);
        }
        while after < newest {
            let rows = disk.with_reader(|reader| reader.tables().keys_after(after, ROWS_AT_ONCE))?;
            let Some(&(last, _)) = rows.last() else { break };
            after = last;
            let mut keys = Vec::with_capacity(rows.len());
            for (_, key) in rows {
                let Some(parts) = Parts::read(&key) else { continue };
                if vectors::is_of_vectors(parts.namespace) {
                    self.take_up_vector(&disk, &parts);
                } else if self.namespace.contains(parts.namespace) {
                    keys.push(key);
                }
            }
            if !self.questions.add_rows(keys, beginning) {
                return Some(End::Stale);
            }
            if self.is_closed() {
                return None;
            }
        }
        let is_done = self.questions.follow_to(newest.max(1), beginning);
        Some(if is_done { End::Done } else { End::Stale })
    }

    fn take_up_vector(&self, disk: &Arc<Disk>, parts: &Parts) {
        if self.vectors.are_of(parts.namespace) && self.namespace.contains(parts.namespace) {
            self.vectors.read(disk, parts);
            // It may have been removed since its row was read; whoever removed it found no vector.
            if let Some(question) = vectors::question_of(parts)
                && matches!(self.known(&question, false), Known::Absent)
            {
                self.forget_vector(&question);
            }
        }
    }
}
