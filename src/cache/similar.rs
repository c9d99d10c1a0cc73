//! Serving the answer to a question that was asked in other words.
//!
//! Only where there is no entry of the query itself. Who may see an entry, and whether it lives, is decided as for any other.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::Serialize;

use super::disk::Disk;
use super::key::{Key, Keys, Parts};
use super::lookup::{Hit, Known, Peek};
use super::manager::CacheManager;
use super::questions::{self, Similar};
use super::record::Kind;
use crate::similarity::{Reason, is_question};
use crate::telemetry::event::EventKind;

/// What is less alike is not worth telling.
const LEAST_LIKE: f32 = 0.4;
/// How often a miss looks for what other processes stored.
const LOOK_AGAIN_MS: u64 = 1000;
/// Rows read at a time when the questions of a database are taken up.
const ROWS_AT_ONCE: usize = 256;

/// A value that was found, maybe for another query.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The value.
    pub hit: Hit,
    /// What it is served for, where that is another query.
    pub similar: Option<Similar>,
}

/// What memory knows of a query and those like it.
#[derive(Debug)]
pub enum Seek {
    /// A value.
    Answer(Box<Answer>),
    /// There is none.
    Miss,
    /// The disk has to be asked.
    AskDisk,
}

/// What a lookup found, and how.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Lookup {
    /// `exact`, `normalized`, `similar` or `miss`.
    pub tier: &'static str,
    /// Where the value was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<&'static str>,
    /// How like the query that of the entry is, unless it is the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub similarity: Option<f32>,
    /// The query of the entry, unless it is the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Since it was stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<u64>,
    /// A string value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Any other value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub json: Option<String>,
    /// What else came close.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidates: Option<Vec<Explained>>,
}

/// A query that came close, and why its answer is not served.
#[derive(Debug, Clone, Serialize)]
pub struct Explained {
    /// The query.
    pub key: String,
    /// 0 to 1.
    pub similarity: f32,
    /// Name of a [`Reason`]; `off` where similar queries are not asked for; `absent` where the entry is gone.
    pub reason: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Detection<'a> {
    original: &'a str,
    similar: &'a str,
    similarity: f32,
    cache_key: &'a str,
}

impl CacheManager {
    /// The similarity from which other queries' answers are served; `None` where they are not.
    pub fn similarity_threshold(&self) -> Option<f32> {
        let config = self.config.read();
        #[expect(clippy::cast_possible_truncation, reason = "a share")]
        config.enable_similarity_detection.then_some(config.similarity_threshold as f32)
    }

    /// As [`Self::peek`], and if there is no entry of the query, that of one as like it as `threshold`.
    pub fn seek(&self, keys: &Keys, threshold: Option<f32>) -> Seek {
        let Some(threshold) = threshold else { return Seek::from(self.peek(keys, false)) };
        let found = self.peek_missing(keys, false);
        if !matches!(found, Peek::Miss) {
            return found.into();
        }
        if self.is_closed() {
            return Seek::Miss;
        }
        if self.questions.is_behind() {
            return Seek::AskDisk;
        }
        for similar in self.served(keys, threshold) {
            match self.known(&similar.key, true) {
                Known::Present(hit) if hit.is_fresh => {
                    return Seek::Answer(Box::new(self.detected(keys, hit, similar)));
                }
                Known::Unknown => return Seek::AskDisk,
                Known::Present(_) | Known::Absent => self.questions.remove(&similar.key),
            }
        }
        self.count_miss(keys);
        Seek::Miss
    }

    /// As [`Self::seek`], wherever the value is. Blocks for the disk.
    pub fn search(&self, keys: &Keys, threshold: Option<f32>) -> Option<Answer> {
        if let Some((hit, key)) = self.find_uncounted(keys, false) {
            self.count_hit(&hit, key);
            return Some(Answer { hit, similar: None });
        }
        if let Some(threshold) = threshold.filter(|_| !self.is_closed()) {
            for similar in self.served(keys, threshold) {
                let own = Keys::of(similar.key.clone());
                if let Some((hit, _)) = self.find_uncounted(&own, false) {
                    return Some(self.detected(keys, hit, similar));
                }
                self.questions.remove(&similar.key);
            }
        }
        self.count_miss(keys);
        if threshold.is_some() {
            self.look_for_others();
        }
        None
    }

    /// As [`Self::search`], with where the value is from and, if asked, what else came close and why it is not served.
    pub fn look_up(&self, keys: &Keys, threshold: Option<f32>, explains: bool) -> Lookup {
        let candidates =
            if explains && !self.is_closed() { self.questions.like(keys, LEAST_LIKE) } else { Vec::new() };
        let answer = self.search(keys, threshold);
        let served = answer.as_ref().and_then(|answer| answer.similar.as_ref());
        let threshold = threshold.unwrap_or(f32::INFINITY);
        let explained =
            candidates.iter().filter(|similar| served.is_none_or(|served| served.source != similar.source));
        let candidates = explains.then(|| {
            let reason = |similar: &Similar| match similar.verdict.refusal {
                Some(reason) => reason.name(),
                None if threshold.is_infinite() => "off",
                None if similar.verdict.score < threshold => Reason::Score.name(),
                None => "absent",
            };
            let explain = |similar: &Similar| Explained {
                key: similar.source.clone(),
                similarity: similar.verdict.score,
                reason: reason(similar),
            };
            explained.map(explain).collect()
        });
        let tier = match (&answer, served) {
            (None, _) => "miss",
            (_, None) => "exact",
            (_, Some(similar)) if similar.verdict.is_same => "normalized",
            _ => "similar",
        };
        let record = answer.as_ref().map(|answer| &answer.hit.record);
        Lookup {
            tier,
            layer: answer.as_ref().map(|answer| answer.hit.layer.name()),
            similarity: served.map(|similar| similar.verdict.score),
            source: served.map(|similar| similar.source.clone()),
            age_ms: record.map(|record| self.clock.now_ms().saturating_sub(record.created_ms)),
            text: record.filter(|record| record.kind == Kind::Text).map(|record| record.text.to_string()),
            json: record.filter(|record| record.kind == Kind::Json).map(|record| record.text.to_string()),
            candidates,
        }
    }

    fn served(&self, keys: &Keys, threshold: f32) -> impl Iterator<Item = Similar> {
        self.questions.like(keys, threshold).into_iter().filter(|similar| similar.verdict.refusal.is_none())
    }

    fn detected(&self, keys: &Keys, hit: Hit, similar: Similar) -> Answer {
        self.counters.similarity_detections.fetch_add(1, Ordering::Relaxed);
        self.count_hit(&hit, &similar.key);
        self.hub.emit(EventKind::SimilarityDetection, || Detection {
            original: Parts::read(&keys.shared.bytes).map_or("", |parts| parts.query),
            similar: &similar.source,
            similarity: similar.verdict.score,
            cache_key: &similar.source,
        });
        Answer { hit, similar: Some(similar) }
    }

    /// Notes that a key has a value, for those who ask in other words.
    pub(crate) fn note_question(&self, key: &Key) {
        let is_question = || Parts::read(&key.bytes).is_some_and(|parts| is_question(parts.query));
        if self.is_similarity_on() && is_question() && self.questions.add(key) && self.disk().is_none() {
            self.questions.catch_up();
        }
    }

    pub(crate) fn is_similarity_on(&self) -> bool {
        self.config.read().enable_similarity_detection
    }

    /// Takes up what other processes stored, at most once a second.
    fn look_for_others(&self) {
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
                self.questions.add(&Key::from_bytes(key.into()));
                true
            });
            self.questions.catch_up();
            self.follow();
        }
    }

    /// Takes up the questions that the database has and this process has not: those of before, of other processes, of a place
    /// that is new. On a thread of its own, which ends when it is done.
    pub(crate) fn follow(&self) {
        let Some(disk) = self.disk().filter(|_| self.is_similarity_on()) else { return };
        if self.questions.is_following.swap(true, Ordering::AcqRel) {
            return;
        }
        let Some(myself) = self.myself.upgrade() else { return };
        let work = move || {
            let _ = myself.take_up(&disk);
            myself.questions.is_following.store(false, Ordering::Release);
        };
        if std::thread::Builder::new().name("agentwise-index".to_owned()).spawn(work).is_err() {
            self.questions.is_following.store(false, Ordering::Release);
        }
    }

    /// Whether the questions that were on disk before are all taken up.
    pub(crate) fn is_taken_up(&self) -> bool {
        self.disk()
            .is_none_or(|disk| !disk.is_started() || self.questions.followed.load(Ordering::Acquire) > 0)
    }

    fn take_up(&self, disk: &Arc<Disk>) -> Option<()> {
        let questions = &self.questions;
        let newest = disk.with_reader(|reader| reader.tables().last_id())?;
        let mut followed = questions.followed.load(Ordering::Acquire);
        if newest < followed {
            // Another database.
            followed = 0;
        }
        if followed == 0 {
            let mut before = newest.saturating_add(1);
            for _ in 0..questions::LIMIT / ROWS_AT_ONCE {
                let rows = disk.with_reader(|reader| reader.tables().keys_before(before, ROWS_AT_ONCE))?;
                let Some((last, _)) = rows.last() else { break };
                before = *last;
                self.take_up_rows(rows)?;
            }
        } else {
            let mut after = followed;
            while after < newest {
                let rows = disk.with_reader(|reader| reader.tables().keys_after(after, ROWS_AT_ONCE))?;
                let Some((last, _)) = rows.last() else { break };
                after = *last;
                self.take_up_rows(rows)?;
            }
        }
        questions.followed.store(newest.max(1), Ordering::Release);
        Some(())
    }

    /// `None`: the cache was closed meanwhile.
    fn take_up_rows(&self, rows: Vec<(i64, Box<[u8]>)>) -> Option<()> {
        for (_, key) in rows {
            if Parts::read(&key).is_some_and(|parts| self.namespace.contains(parts.namespace)) {
                self.questions.add(&Key::from_bytes(key));
            }
        }
        self.questions.catch_up();
        (!self.is_closed()).then_some(())
    }
}

impl From<Peek> for Seek {
    fn from(peek: Peek) -> Self {
        match peek {
            Peek::Hit(hit) => Self::Answer(Box::new(Answer { hit, similar: None })),
            Peek::Miss => Self::Miss,
            Peek::AskDisk => Self::AskDisk,
        }
    }
}
