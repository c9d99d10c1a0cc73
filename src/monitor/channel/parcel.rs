//! What one message to a channel says: some alerts, or in a storm a digest of many.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::monitor::alerts::{Alert, Component, Level};

/// Alerts that a digest shows one by one: as many as people read at a glance.
const SHOWN: usize = 10;

/// Where alerts come from. Every message says so.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Source {
    /// `development`, `staging` or `production`.
    pub environment: String,
    /// The project, when it has a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// Name of the machine.
    pub host: String,
    /// The process.
    pub pid: u32,
    /// Version of this package.
    pub version: String,
}

impl Source {
    /// `production · shop · host-1 · pid 42`.
    pub(crate) fn line(&self) -> String {
        let pid = format!("pid {}", self.pid);
        let parts = [&self.environment, self.project.as_deref().unwrap_or_default(), &self.host, &pid];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
    }
}

/// What there is to tell of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// It began.
    Created,
    /// It is over.
    Resolved,
    /// It began and is over, and nobody was told in between.
    Ended,
}

impl What {
    /// Whether the alert is over.
    pub(crate) fn over(self) -> bool {
        self != Self::Created
    }
}

/// One alert and what there is to tell of it.
#[derive(Debug, Clone)]
pub(crate) struct News {
    pub(crate) what: What,
    pub(crate) alert: Arc<Alert>,
}

impl News {
    /// How long the alert was on, when it is over and says so.
    pub(crate) fn lasted_ms(&self) -> Option<u64> {
        let resolved_at = self.alert.resolved_at.filter(|_| self.what.over())?;
        Some(resolved_at.saturating_sub(self.alert.timestamp))
    }
}

/// How many alerts of which kind: bounded whatever happens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tally(BTreeMap<(bool, Level, Component), u64>);

impl Tally {
    /// Counts one more.
    pub(crate) fn add(&mut self, what: What, alert: &Alert) {
        let count = self.0.entry((what.over(), alert.level, alert.component)).or_default();
        *count = count.saturating_add(1);
    }

    /// Counts what `other` counted too.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (kind, count) in &other.0 {
            let own = self.0.entry(*kind).or_default();
            *own = own.saturating_add(*count);
        }
    }

    fn sum<K: Ord>(&self, key: impl Fn(&(bool, Level, Component)) -> Option<K>) -> BTreeMap<K, u64> {
        let mut sums = BTreeMap::new();
        for (kind, count) in &self.0 {
            if let Some(key) = key(kind) {
                *sums.entry(key).or_default() += count;
            }
        }
        sums
    }
}

/// Many alerts in a few figures.
#[derive(Debug, Clone)]
pub(crate) struct Digest {
    /// Stays the same while the storm lasts.
    pub(crate) key: String,
    /// Alerts that began, those too that are over by now.
    pub(crate) created: u64,
    /// Alerts that are over.
    pub(crate) resolved: u64,
    /// Alerts that go on, worst level first.
    pub(crate) by_level: Vec<(Level, u64)>,
    /// All alerts by what they are about, most first.
    pub(crate) by_component: Vec<(Component, u64)>,
    /// Unix ms of the first and the last.
    pub(crate) from_ms: u64,
    /// See `from_ms`.
    pub(crate) to_ms: u64,
    /// The worst ones that go on, then the others; oldest first.
    pub(crate) shown: Vec<News>,
    /// How many are not shown.
    pub(crate) more: u64,
}

impl Digest {
    /// A digest of `news` and of what was counted only (`missed`).
    pub(crate) fn new(key: String, news: &[News], missed: &Tally) -> Self {
        let mut tally = missed.clone();
        for one in news {
            tally.add(one.what, &one.alert);
        }
        let over = tally.sum(|kind| Some(kind.0));
        let [going, resolved] = [false, true].map(|is_over| over.get(&is_over).copied().unwrap_or(0));
        let ended = news.iter().filter(|one| one.what == What::Ended).count() as u64;
        let mut by_component: Vec<_> = tally.sum(|kind| Some(kind.2)).into_iter().collect();
        by_component.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let mut shown: Vec<&News> = news.iter().collect();
        shown.sort_by_key(|one| (one.what.over(), std::cmp::Reverse(one.alert.level), one.alert.timestamp));
        let shown: Vec<News> = shown.into_iter().take(SHOWN).cloned().collect();
        let times = || news.iter().map(|one| one.alert.resolved_at.unwrap_or(one.alert.timestamp));
        Self {
            key,
            created: going + ended,
            resolved,
            by_level: tally.sum(|kind| (!kind.0).then_some(kind.1)).into_iter().rev().collect(),
            by_component,
            from_ms: news.iter().map(|one| one.alert.timestamp).min().unwrap_or(0),
            to_ms: times().max().unwrap_or(0),
            more: (going + resolved).saturating_sub(shown.len() as u64),
            shown,
        }
    }

    /// The worst level of those that go on.
    pub(crate) fn level(&self) -> Option<Level> {
        self.by_level.first().map(|(level, _)| *level)
    }
}

/// One message.
#[derive(Debug, Clone)]
pub(crate) enum Parcel {
    /// Alerts one by one; never empty.
    News(Vec<News>),
    /// Too many for that.
    Digest(Digest),
}

impl Parcel {
    /// The alerts that are shown.
    pub(crate) fn shown(&self) -> &[News] {
        match self {
            Self::News(news) => news,
            Self::Digest(digest) => &digest.shown,
        }
    }
}

/// An alert that says it is none: what a test sends.
pub(crate) fn test_alert(channel: &str, wall_ms: u64, what: What) -> News {
    let mut metadata = Map::new();
    metadata.insert("test".into(), Value::Bool(true));
    let over = what.over();
    let alert = Alert {
        id: format!("test-{channel}-{wall_ms}"),
        level: Level::Info,
        component: Component::Performance,
        title: "Test message".into(),
        message: "This is a test of the alert channel. Nothing is wrong and nothing is to be done.".into(),
        timestamp: wall_ms,
        resolved: over,
        resolved_at: over.then_some(wall_ms),
        metadata,
    };
    News { what, alert: Arc::new(alert) }
}

#[cfg(test)]
mod tests {
    use super::super::tests::alert;
    use super::*;

    fn news(what: What, id: &str, level: Level, at_ms: u64) -> News {
        News { what, alert: Arc::new(Alert { level, timestamp: at_ms, ..alert(id) }) }
    }

    #[test]
    fn digest_counts_all_and_shows_the_worst() {
        let mut all: Vec<News> =
            (0..20).map(|n| news(What::Created, &format!("w{n}"), Level::Warning, 100 + n)).collect();
        all.push(news(What::Created, "c", Level::Critical, 900));
        all.push(news(What::Resolved, "r", Level::Critical, 50));
        all.push(news(What::Ended, "e", Level::Info, 60));
        let mut missed = Tally::default();
        missed.add(What::Created, &alert("missed"));
        let digest = Digest::new("key".into(), &all, &missed);
        assert_eq!((digest.created, digest.resolved, digest.more), (23, 2, 14));
        assert_eq!(digest.by_level, [(Level::Critical, 1), (Level::Warning, 21)]);
        assert_eq!(digest.by_component, [(Component::Memory, 24)]);
        assert_eq!((digest.from_ms, digest.to_ms), (50, 900));
        let ids: Vec<_> = digest.shown.iter().map(|one| one.alert.id.as_str()).collect();
        assert_eq!(ids[..3], ["c", "w0", "w1"]);
        assert_eq!(digest.level(), Some(Level::Critical));
    }

    #[test]
    fn source_is_one_line_without_gaps() {
        let source =
            Source { environment: "production".into(), host: "h".into(), pid: 4, ..Source::default() };
        assert_eq!(source.line(), "production · h · pid 4");
    }
}
