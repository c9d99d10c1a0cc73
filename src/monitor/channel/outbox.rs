//! What waits for one channel, and what is to be done next. A pure state machine: no clock, no network, no thread.
//!
//! An alert has one entry: one that ends before it could be told is told once, as over. Entries wait a moment for others, then
//! leave together as one [`Parcel`]; more than a message holds are a storm and leave as one digest. What failed comes back
//! and leaves again with what came meanwhile. Never more than [`CAPACITY`] entries: what is beyond is only counted, and the
//! next digest says so.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::Map;

use super::incidents::Incidents;
use super::pace::{Backoff, Bucket, CAPACITY, GIVE_UP_MS, Limits, STORM_QUIET_MS, STORM_WAIT_MS};
use super::parcel::{Digest, News, Parcel, Tally, What};
use super::report::{Counts, Outcome, Report, Reports};
use crate::monitor::alerts::{Alert, Component, Level};

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Step {
    /// Try this, then say how it ended.
    Send(Parcel),
    /// Nothing before this time.
    Wait(u64),
    /// Nothing before something comes.
    Idle,
}

#[derive(Debug, Clone)]
struct Entry {
    news: News,
    /// When it came, monotonic ms.
    since_ms: u64,
    /// It was sent by itself and nobody knows whether it arrived.
    attempted: bool,
    /// No alert of the application but the end of a storm.
    own: bool,
}

impl Entry {
    fn over(&self) -> bool {
        self.news.what.over()
    }
}

#[derive(Debug)]
struct Flight {
    entries: Vec<Entry>,
    digest: bool,
    missed: Tally,
}

impl Flight {
    fn ids(&self) -> Vec<String> {
        self.entries.iter().filter(|entry| !entry.own).map(|entry| entry.news.alert.id.clone()).collect()
    }
}

/// What leaves next.
struct Chosen {
    seqs: Vec<u64>,
    digest: bool,
    due_ms: u64,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Outbox {
    limits: Limits,
    /// By order of arrival.
    waiting: BTreeMap<u64, Entry>,
    by_id: HashMap<String, u64>,
    next_seq: u64,
    last_push_ms: u64,
    /// When what waits began to: what is dropped must not put off the digest.
    batch_ms: u64,
    missed: Tally,
    flight: Option<Flight>,
    incidents: Incidents,
    bucket: Bucket,
    backoff: Backoff,
    /// One attempt at everything, without waiting for anything.
    hurry: bool,
    counts: Counts,
    reports: Reports,
}

impl Outbox {
    /// An empty one; `seed` is for the jitter of waits.
    pub(crate) fn new(limits: Limits, seed: u64) -> Self {
        Self {
            limits,
            waiting: BTreeMap::new(),
            by_id: HashMap::new(),
            next_seq: 0,
            last_push_ms: 0,
            batch_ms: 0,
            missed: Tally::default(),
            flight: None,
            incidents: Incidents::default(),
            bucket: Bucket::new(&limits),
            backoff: Backoff::new(seed),
            hurry: false,
            counts: Counts::default(),
            reports: Reports::default(),
        }
    }

    /// Takes an alert that began or is over; one that waits already is not taken twice. `since_ms` is when there was something
    /// to tell: earlier than now for what an earlier process left.
    pub(crate) fn push(&mut self, news: News, since_ms: u64, now_ms: u64) {
        self.last_push_ms = now_ms;
        if self.waiting.is_empty() {
            self.batch_ms = now_ms;
        }
        let over = news.what.over();
        if let Some(seq) = self.by_id.get(&news.alert.id).copied() {
            if over {
                self.end(seq, news.alert);
            }
        } else if !(over && self.incidents.ended(&news.alert.id)) {
            self.insert(Entry { news, since_ms, attempted: false, own: false });
        }
        self.tidy(now_ms);
    }

    /// What is to be done now. After [`Step::Send`] nothing else is before [`Outbox::done`].
    pub(crate) fn next(&mut self, now_ms: u64) -> Step {
        if self.flight.is_some() {
            return Step::Idle;
        }
        self.give_up(now_ms);
        let Some(chosen) = self.choose(now_ms) else { return Step::Idle };
        if chosen.due_ms > now_ms && !self.hurry {
            return Step::Wait(chosen.due_ms);
        }
        let entries: Vec<Entry> = chosen.seqs.iter().filter_map(|seq| self.remove(*seq)).collect();
        let news: Vec<News> = entries.iter().map(|entry| entry.news.clone()).collect();
        self.batch_ms = now_ms;
        let missed = if chosen.digest { std::mem::take(&mut self.missed) } else { Tally::default() };
        let parcel = match (chosen.digest, news.first()) {
            (true, Some(first)) => {
                let key = if self.limits.incidents {
                    self.incidents.storm_key(&first.alert.id)
                } else {
                    format!("storm-{}", first.alert.id)
                };
                Parcel::Digest(Digest::new(key, &news, &missed))
            }
            _ => Parcel::News(news),
        };
        self.flight = Some(Flight { entries, digest: chosen.digest, missed });
        Step::Send(parcel)
    }

    /// How the attempt ended.
    pub(crate) fn done(&mut self, outcome: Outcome, now_ms: u64) {
        let Some(flight) = self.flight.take() else { return };
        let ids = flight.ids();
        match outcome {
            Outcome::Delivered => {
                self.counts.delivered += ids.len() as u64;
                self.counts.digests += u64::from(flight.digest);
                if flight.digest && self.limits.incidents {
                    self.incidents.belong(ids.iter().cloned());
                    self.forget_ended();
                }
                self.reports.delivered(ids);
                self.answered(now_ms);
            }
            Outcome::Refused { reason } => {
                self.counts.dead += ids.len() as u64;
                self.reports.lost(ids, &reason);
                self.counts.last_error = Some(reason);
                self.answered(now_ms);
            }
            Outcome::Later { reason, retry_after_ms } => {
                self.counts.retries += 1;
                self.counts.last_error = Some(reason);
                self.backoff.failed(now_ms, retry_after_ms);
                self.hurry = false;
                self.take_back(flight);
            }
        }
        self.tidy(now_ms);
    }

    /// The attempt was broken off: what was in it waits again.
    pub(crate) fn broken_off(&mut self) {
        if let Some(flight) = self.flight.take() {
            self.take_back(flight);
        }
    }

    /// One attempt at all that waits, now: the process is about to end. Or no such thing any more.
    pub(crate) fn hurry(&mut self, hurry: bool) {
        self.hurry = hurry;
    }

    /// Whether an attempt is under way.
    #[cfg(test)]
    pub(crate) fn is_sending(&self) -> bool {
        self.flight.is_some()
    }

    /// Nothing waits, or the one attempt of [`Outbox::hurry`] failed.
    pub(crate) fn settled(&self) -> bool {
        self.flight.is_none() && (self.waiting.is_empty() || !self.hurry)
    }

    /// Forgets what waits: the channel was switched off.
    pub(crate) fn clear(&mut self, reason: &str) {
        let ids: Vec<String> = self.waiting.values().filter(|entry| !entry.own).map(id_of).collect();
        self.waiting.clear();
        self.by_id.clear();
        self.missed = Tally::default();
        self.incidents = Incidents::default();
        self.backoff.answered();
        self.counts.dropped += ids.len() as u64;
        self.reports.lost(ids, reason);
    }

    /// Everything that is not told, oldest first, and since when (monotonic ms).
    pub(crate) fn untold(&self) -> Vec<(News, u64)> {
        let flying = self.flight.iter().flat_map(|flight| &flight.entries);
        let all = flying.chain(self.waiting.values()).filter(|entry| !entry.own);
        all.map(|entry| (entry.news.clone(), entry.since_ms)).collect()
    }

    /// Alerts that wait or are being sent.
    pub(crate) fn queued(&self) -> usize {
        self.waiting.len() + self.flight.as_ref().map_or(0, |flight| flight.entries.len())
    }

    /// Counts since the start.
    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// What became of alerts since the last call.
    pub(crate) fn take_reports(&mut self) -> Vec<Report> {
        self.reports.take()
    }

    fn choose(&self, now_ms: u64) -> Option<Chosen> {
        if !self.limits.incidents {
            return self.group(self.waiting.iter().collect(), true);
        }
        // The end of an incident is told by itself: a digest would leave it open. Of what is due, pages go first.
        let (over, begun) = self.waiting.iter().partition(|(_, entry)| entry.over());
        let both = [self.group(begun, true), self.group(over, false)];
        both.into_iter().flatten().min_by_key(|chosen| chosen.due_ms.max(now_ms))
    }

    /// The first message that `entries` make, and when.
    fn group(&self, mut entries: Vec<(&u64, &Entry)>, may_digest: bool) -> Option<Chosen> {
        let oldest_ms = entries.iter().map(|(_, entry)| entry.since_ms).min()?;
        let digest = may_digest && entries.len() > self.limits.digest_over;
        let window_ms = if digest {
            (self.last_push_ms + STORM_QUIET_MS).min(self.batch_ms + STORM_WAIT_MS)
        } else {
            entries.truncate(self.limits.per_message);
            oldest_ms + self.limits.group_wait_ms
        };
        let due_ms = window_ms.max(self.backoff.until_ms()).max(self.bucket.ready_ms());
        Some(Chosen { seqs: entries.into_iter().map(|(seq, _)| *seq).collect(), digest, due_ms })
    }

    fn answered(&mut self, now_ms: u64) {
        self.bucket.take(now_ms);
        self.backoff.answered();
    }

    fn insert(&mut self, entry: Entry) {
        self.by_id.insert(id_of(&entry), self.next_seq);
        self.waiting.insert(self.next_seq, entry);
        self.next_seq += 1;
    }

    fn remove(&mut self, seq: u64) -> Option<Entry> {
        let entry = self.waiting.remove(&seq)?;
        self.by_id.remove(&entry.news.alert.id);
        Some(entry)
    }

    /// The alert of `seq` is over before it was told.
    fn end(&mut self, seq: u64, alert: Arc<Alert>) {
        let Some(entry) = self.waiting.get_mut(&seq).filter(|entry| !entry.over()) else { return };
        // Where each alert is an incident, one that nobody heard of need not be opened to be closed.
        if self.limits.incidents && !entry.attempted {
            self.remove(seq);
        } else {
            entry.news = News { what: What::Ended, alert };
        }
    }

    /// Puts back what was not delivered, before what came meanwhile.
    fn take_back(&mut self, flight: Flight) {
        self.missed.merge(&flight.missed);
        let later = std::mem::take(&mut self.waiting);
        self.by_id.clear();
        for entry in flight.entries {
            let attempted = entry.attempted || !flight.digest;
            self.insert(Entry { attempted, ..entry });
        }
        for entry in later.into_values() {
            match self.by_id.get(&entry.news.alert.id).copied() {
                Some(seq) if entry.over() => self.end(seq, entry.news.alert),
                Some(_) => {}
                None => self.insert(entry),
            }
        }
    }

    /// Alerts of a digest that were over before it arrived need not be told as over.
    fn forget_ended(&mut self) {
        let over: Vec<_> = self
            .waiting
            .iter()
            .filter(|(_, entry)| entry.over())
            .map(|(seq, entry)| (*seq, id_of(entry)))
            .collect();
        for (seq, id) in over {
            if self.incidents.ended(&id) {
                self.remove(seq);
            }
        }
    }

    fn tidy(&mut self, now_ms: u64) {
        while self.waiting.len() > CAPACITY {
            self.drop_least();
        }
        let storm_waits = || self.flight.is_some() || self.waiting.values().any(|entry| !entry.over());
        if self.limits.incidents
            && self.incidents.may_be_over()
            && !storm_waits()
            && let Some(key) = self.incidents.over()
        {
            self.insert(Entry { news: storm_over(key), since_ms: now_ms, attempted: false, own: true });
        }
    }

    /// What matters least is only counted: first what began and is over, then the lowest level, then the oldest. Where each
    /// alert is an incident, its end goes last.
    fn drop_least(&mut self) {
        let rank = |entry: &Entry| match entry.news.what {
            _ if self.limits.incidents && entry.over() => (2, entry.news.alert.level),
            What::Ended => (0, entry.news.alert.level),
            _ => (1, entry.news.alert.level),
        };
        let least = self.waiting.iter().min_by_key(|(seq, entry)| (rank(entry), **seq)).map(|(seq, _)| *seq);
        let Some(entry) = least.and_then(|seq| self.remove(seq)) else { return };
        self.missed.add(entry.news.what, &entry.news.alert);
        if self.limits.incidents && !entry.over() {
            self.incidents.belong([id_of(&entry)]);
        }
        self.counts.dropped += 1;
        self.reports.lost(vec![id_of(&entry)], "too many alerts waited; it is counted in the digest");
    }

    fn give_up(&mut self, now_ms: u64) {
        let old = |entry: &Entry| now_ms.saturating_sub(entry.since_ms) >= GIVE_UP_MS;
        let seqs: Vec<u64> =
            self.waiting.iter().filter(|(_, entry)| old(entry)).map(|(seq, _)| *seq).collect();
        let gone: Vec<Entry> = seqs.into_iter().filter_map(|seq| self.remove(seq)).collect();
        let ids: Vec<String> = gone.iter().filter(|entry| !entry.own).map(id_of).collect();
        self.counts.dead += ids.len() as u64;
        self.reports.lost(ids, "not delivered within 24 hours");
    }
}

fn id_of(entry: &Entry) -> String {
    entry.news.alert.id.clone()
}

/// What tells a channel of incidents that the one of the storm is over.
fn storm_over(key: String) -> News {
    let alert = Alert {
        id: key,
        level: Level::Info,
        component: Component::Performance,
        title: "Storm of alerts".into(),
        message: "All alerts of the storm are over.".into(),
        timestamp: 0,
        resolved: true,
        resolved_at: None,
        metadata: Map::new(),
    };
    News { what: What::Resolved, alert: Arc::new(alert) }
}

#[cfg(test)]
mod tests;
