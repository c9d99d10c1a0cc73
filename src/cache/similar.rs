//! Serving the answer to a question that was asked in other words.
//!
//! Only where there is no entry of the query itself. Who may see an entry, and whether it lives, is decided as for any other.

use std::sync::atomic::Ordering;

use serde::Serialize;

use super::key::{Keys, Parts};
use super::lookup::{Hit, Known, Peek};
use super::manager::CacheManager;
use super::questions::Similar;
use super::record::Kind;
use crate::similarity::{Reason, Wanted};
use crate::telemetry::event::EventKind;

/// What is less alike is not worth telling.
const LEAST_LIKE: f32 = 0.4;

/// How often candidates are looked for anew when those found have no value any more: others may have stood behind them.
const ROUNDS: usize = 3;

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
    /// `exact`, `normalized`, `similar`, `semantic` or `miss`.
    pub tier: &'static str,
    /// Where the value was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<&'static str>,
    /// How like the query that of the entry is, unless it is the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub similarity: Option<f64>,
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
    pub similarity: f64,
    /// Name of a [`Reason`]; `off` where similar queries are not asked for; `absent` where the entry is gone; `notBest` where
    /// another one is served.
    pub reason: &'static str,
}

/// A query that came close.
#[derive(Debug, Clone)]
pub struct Close {
    /// The query.
    pub similar: Similar,
    /// What speaks against serving its answer, see [`Explained`].
    pub reason: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Detection<'a> {
    original: &'a str,
    similar: &'a str,
    similarity: f64,
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
        if self.questions.is_behind() || self.are_questions_to_come() {
            return Seek::AskDisk;
        }
        let mut are_gone = false;
        for similar in self.served(keys, threshold) {
            match self.known(&similar.key, true) {
                Known::Present(hit) if hit.is_fresh => {
                    return Seek::Answer(Box::new(self.detected(keys, hit, similar)));
                }
                Known::Unknown => return Seek::AskDisk,
                Known::Present(_) | Known::Absent => {
                    self.questions.remove(&similar.key);
                    are_gone = true;
                }
            }
        }
        if are_gone {
            // Others may stand behind them.
            return Seek::AskDisk;
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
        let found = self.search_similar(keys, threshold);
        if found.is_none() {
            self.missed(keys, threshold);
        }
        found
    }

    /// The value of a query in other words.
    fn search_similar(&self, keys: &Keys, threshold: Option<f32>) -> Option<Answer> {
        let threshold = threshold.filter(|_| !self.is_closed())?;
        self.await_questions();
        for _ in 0..ROUNDS {
            let mut are_gone = false;
            for similar in self.served(keys, threshold) {
                let answer = self.answer_of(keys, similar);
                if answer.is_some() {
                    return answer;
                }
                are_gone = true;
            }
            if !are_gone {
                break;
            }
        }
        None
    }

    /// As [`Self::search`], with where the value is from and, if asked, what else came close and why it is not served. A miss
    /// is counted unless the caller goes on looking.
    pub fn look_up(&self, keys: &Keys, threshold: Option<f32>, explains: bool, counts_miss: bool) -> Lookup {
        let exact = self.find_uncounted(keys, false).map(|(hit, key)| {
            self.count_hit(&hit, key);
            Answer { hit, similar: None }
        });
        let answer = exact.or_else(|| {
            let found = self.search_similar(keys, threshold);
            if found.is_none() && counts_miss {
                self.missed(keys, threshold);
            }
            found
        });
        let served =
            answer.as_ref().and_then(|answer| answer.similar.as_ref()).map(|similar| similar.key.clone());
        let close = if explains { self.candidates(keys, threshold, true) } else { Vec::new() };
        let others = close.into_iter().filter(|close| Some(&close.similar.key) != served.as_ref());
        let explain = |Close { similar, reason }: Close| Explained {
            key: similar.source,
            similarity: rounded(similar.verdict.score),
            reason: reason.unwrap_or(if answer.is_some() { "notBest" } else { "absent" }),
        };
        let mut candidates: Vec<Explained> = others.map(explain).collect();
        candidates.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
        let mut lookup = self.told(answer.as_ref());
        lookup.candidates = explains.then_some(candidates);
        lookup
    }

    /// The queries that come close to that of `keys`, best first, with what speaks against serving their answers. Without
    /// `explains` only those that may be served. Blocks for the disk.
    pub fn candidates(&self, keys: &Keys, threshold: Option<f32>, explains: bool) -> Vec<Close> {
        if self.is_closed() {
            return Vec::new();
        }
        if self.is_similarity_on() {
            self.await_questions();
        }
        let served = threshold.map(|threshold| self.served(keys, threshold));
        let mut close: Vec<Similar> = served.into_iter().flatten().collect();
        if explains {
            let others = self.questions.like(keys, LEAST_LIKE, Wanted::Close);
            let others: Vec<Similar> = others
                .into_iter()
                .filter(|other| close.iter().all(|similar| similar.key != other.key))
                .collect();
            close.extend(others);
        }
        let reason = |similar: &Similar| match (similar.verdict.refusal, threshold) {
            (Some(reason), _) => Some(reason.name()),
            (None, None) => Some("off"),
            (None, Some(least)) => (similar.verdict.score < least).then(|| Reason::Score.name()),
        };
        close.into_iter().map(|similar| Close { reason: reason(&similar), similar }).collect()
    }

    /// Serves the answer of a query that came close to that of `keys`, if it is still there. Blocks for the disk.
    pub fn serve(&self, keys: &Keys, similar: Similar) -> Option<Lookup> {
        self.answer_of(keys, similar).map(|answer| self.told(Some(&answer)))
    }

    /// The value of a similar query, which is forgotten if there is none any more.
    fn answer_of(&self, keys: &Keys, similar: Similar) -> Option<Answer> {
        let own = Keys::of(similar.key.clone());
        let Some((hit, _)) = self.find_uncounted(&own, false) else {
            self.questions.remove(&similar.key);
            return None;
        };
        Some(self.detected(keys, hit, similar))
    }

    /// Counts a miss, and looks for what other processes stored.
    pub fn missed(&self, keys: &Keys, threshold: Option<f32>) {
        if self.is_closed() {
            return;
        }
        self.count_miss(keys);
        if threshold.is_some() {
            self.look_for_others();
        }
    }

    /// Where a value is from.
    fn told(&self, answer: Option<&Answer>) -> Lookup {
        let similar = answer.and_then(|answer| answer.similar.as_ref());
        let record = answer.map(|answer| &answer.hit.record);
        let text = |kind| record.filter(|record| record.kind == kind).map(|record| record.text.to_string());
        Lookup {
            tier: match (answer, similar) {
                (None, _) => "miss",
                (_, None) => "exact",
                (_, Some(similar)) => similar.tier(),
            },
            layer: answer.map(|answer| answer.hit.layer.name()),
            similarity: similar.map(|similar| rounded(similar.verdict.score)),
            source: similar.map(|similar| similar.source.clone()),
            age_ms: record.map(|record| self.clock.now_ms().saturating_sub(record.created_ms)),
            text: text(Kind::Text),
            json: text(Kind::Json),
            candidates: None,
        }
    }

    fn served(&self, keys: &Keys, threshold: f32) -> impl Iterator<Item = Similar> {
        let like = self.questions.like(keys, threshold, Wanted::Served);
        like.into_iter().filter(|similar| similar.verdict.refusal.is_none())
    }

    fn detected(&self, keys: &Keys, hit: Hit, similar: Similar) -> Answer {
        self.counters.similarity_detections.fetch_add(1, Ordering::Relaxed);
        self.count_hit(&hit, &similar.key);
        self.observe_similar(keys, &hit.record);
        self.hub.emit(EventKind::SimilarityDetection, || Detection {
            original: Parts::read(&keys.shared.bytes).map_or("", |parts| parts.query),
            similar: &similar.source,
            similarity: rounded(similar.verdict.score),
            cache_key: &similar.source,
        });
        Answer { hit, similar: Some(similar) }
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

/// With as many digits as a score of 32 bits has.
pub fn rounded(score: f32) -> f64 {
    (f64::from(score) * 1e6).round() / 1e6
}
