//! Silences: alerts that nobody is told of for a while, as during a deployment. They are raised, kept and shown all the same.
//!
//! A silence matches alerts by what it names; what it does not name is any. It ends by itself and is forgotten then. Who holds
//! back what, and who is told when a silence is over, is the [`book`](super::book)'s.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::id::Ids;
use super::text::{COMMENT, Limit, TITLE};
use super::{Alert, Component, Level};
use crate::base::config::{MAX_SAFE, Number, Origin, Problems, Section, Text};
use crate::base::error::{Error, ErrorKind, Result};

/// Most silences at a time. More are made by a program that never looks at them, and each is compared with each alert.
pub const MAX_SILENCES: usize = 1_000;
/// Longest silence, 366 days: what is to be quiet for longer is a rule to switch off.
pub const MAX_SILENCE_MS: u64 = 366 * 86_400_000;
/// Longest id of a rule that is named; as rules have it.
const RULE: Limit = Limit { max_chars: 64, has_lines: false };

/// `Silence` of the public API, and as it is kept on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Silence {
    /// Unique, also across restarts.
    pub id: String,
    /// Alerts about this only.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub component: Option<Component>,
    /// Alerts of this level only.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none", default)]
    pub level: Option<Level>,
    /// Alerts of the rule with this id only.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rule: Option<String>,
    /// Alerts of exactly this title only.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub title: Option<String>,
    /// When it began, Unix ms.
    #[serde(rename = "from")]
    pub from_ms: u64,
    /// When it is over, Unix ms.
    #[serde(rename = "until")]
    pub until_ms: u64,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub comment: Option<String>,
}

impl Silence {
    /// Whether it lasts at `now_ms`.
    pub fn is_running(&self, now_ms: u64) -> bool {
        (self.from_ms..self.until_ms).contains(&now_ms)
    }

    /// Whether it is about `alert`, whenever.
    fn names(&self, alert: &Alert) -> bool {
        self.component.is_none_or(|component| component == alert.component)
            && self.level.is_none_or(|level| level == alert.level)
            && self.rule.as_deref().is_none_or(|rule| alert.rule() == Some(rule))
            && self.title.as_deref().is_none_or(|title| title == alert.title)
    }
}

/// A silence that is asked for, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSilence {
    component: Option<Component>,
    level: Option<Level>,
    rule: Option<String>,
    title: Option<String>,
    until_ms: u64,
    comment: Option<String>,
}

impl NewSilence {
    /// From `{ component?, type?, rule?, title?, durationMs | until, comment? }`, `until` in Unix ms.
    ///
    /// # Errors
    /// `E_INVALID_ARGUMENT` with every problem: what is no such object, names nothing, has both ends or none, is over already
    /// or lasts for more than 366 days.
    pub fn parse(value: &Value, now_ms: u64) -> Result<Self> {
        let mut problems = Problems::new(Origin::Code);
        let mut new =
            Self { component: None, level: None, rule: None, title: None, until_ms: 0, comment: None };
        let (mut duration_ms, mut until_ms, mut ends, mut is_named) = (0, 0, 0, false);
        Section::read("", value, &mut problems, |section| {
            let (mut component, mut level) = (Component::Memory, Level::Info);
            section.choice("component", &mut component);
            section.choice("type", &mut level);
            new.component = section.has("component").then_some(component);
            new.level = section.has("type").then_some(level);
            section.text("rule", Text::Any, &mut new.rule);
            section.text("title", Text::Any, &mut new.title);
            section.text("comment", Text::Any, &mut new.comment);
            section.whole("durationMs", Number::whole(1.0, MAX_SILENCE_MS as f64, "ms"), &mut duration_ms);
            section.whole("until", Number::whole(1.0, MAX_SAFE, "Unix ms"), &mut until_ms);
            ends = usize::from(section.has("durationMs")) + usize::from(section.has("until"));
            is_named = ["component", "type", "rule", "title"].iter().any(|key| section.has(key));
        });
        for (key, text, limit) in
            [("rule", &new.rule, RULE), ("title", &new.title, TITLE), ("comment", &new.comment, COMMENT)]
        {
            if let Some(flaw) = text.as_deref().and_then(|text| limit.flaw(text)) {
                problems.add(key, flaw);
            }
        }
        if !is_named && value.is_object() {
            problems.add("silence", "must name at least one of component, type, rule and title");
        }
        match ends {
            0 if value.is_object() => problems.add("silence", "needs an end: durationMs or until"),
            2 => problems.add("until", "must not be there beside durationMs"),
            _ => {}
        }
        if until_ms > 0 && !(1..=MAX_SILENCE_MS).contains(&until_ms.saturating_sub(now_ms)) {
            problems.add("until", "must be after now and within 366 days");
        }
        new.until_ms = if until_ms > 0 { until_ms } else { now_ms.saturating_add(duration_ms) };
        if problems.is_empty() {
            Ok(new)
        } else {
            Err(Error::refused(ErrorKind::InvalidArgument, "silence", problems.into_vec()))
        }
    }
}

/// The silences of a monitor, oldest first; in JSON a list.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Silences {
    all: Vec<Silence>,
    #[serde(skip)]
    ids: Ids,
}

impl Silences {
    /// None yet. `seed` is to be random: it keeps the ids of processes apart.
    pub const fn new(seed: u64) -> Self {
        Self { all: Vec::new(), ids: Ids::new(seed) }
    }

    /// What was kept before a restart. What is over or not sound is left out, and so are those beyond [`MAX_SILENCES`]. One
    /// that is yet to begin by the clock began now: the clock was set back.
    pub fn restore(&mut self, silences: Vec<Silence>, now_ms: u64) {
        for mut silence in silences {
            silence.from_ms = silence.from_ms.min(now_ms);
            silence.until_ms = silence.until_ms.min(now_ms.saturating_add(MAX_SILENCE_MS));
            let is_new = self.all.iter().all(|known| known.id != silence.id);
            if is_new && silence.is_running(now_ms) && self.all.len() < MAX_SILENCES {
                self.all.push(silence);
            }
        }
    }

    /// Begins a silence.
    ///
    /// # Errors
    /// `E_INVALID_ARGUMENT` while there are [`MAX_SILENCES`].
    pub fn add(&mut self, new: NewSilence, now_ms: u64) -> Result<Silence> {
        self.expire(now_ms);
        if self.all.len() >= MAX_SILENCES {
            let what =
                format!("silence refused: there are {MAX_SILENCES} already, remove one by its id first");
            return Err(Error::new(ErrorKind::InvalidArgument, what));
        }
        let NewSilence { component, level, rule, title, until_ms, comment } = new;
        let id = self.ids.next("silence", now_ms, |id| self.all.iter().any(|known| known.id == id));
        let silence = Silence { id, component, level, rule, title, from_ms: now_ms, until_ms, comment };
        self.all.push(silence.clone());
        Ok(silence)
    }

    /// Ends a silence before its time. False if there is none of this id.
    pub fn remove(&mut self, id: &str) -> bool {
        let before = self.all.len();
        self.all.retain(|silence| silence.id != id);
        self.all.len() < before
    }

    /// Those that last, oldest first.
    pub fn list(&self, now_ms: u64) -> Vec<Silence> {
        self.all.iter().filter(|silence| silence.is_running(now_ms)).cloned().collect()
    }

    /// Whether nobody is to be told of `alert`.
    pub fn matches(&self, alert: &Alert, now_ms: u64) -> bool {
        self.matching(alert, now_ms).is_some()
    }

    /// The silence that holds `alert` back and lasts longest.
    pub fn matching(&self, alert: &Alert, now_ms: u64) -> Option<&Silence> {
        let matching = self.all.iter().filter(|silence| silence.is_running(now_ms) && silence.names(alert));
        matching.max_by_key(|silence| silence.until_ms)
    }

    /// The ids of those that last.
    pub(super) fn running(&self, now_ms: u64) -> HashSet<&str> {
        let running = self.all.iter().filter(|silence| silence.is_running(now_ms));
        running.map(|silence| silence.id.as_str()).collect()
    }

    /// Forgets those that are over. True if there were some, so that what is kept on disk is to be written again.
    pub fn expire(&mut self, now_ms: u64) -> bool {
        let before = self.all.len();
        self.all.retain(|silence| silence.until_ms > now_ms);
        self.all.len() < before
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: u64 = 1_800_000_000_000;

    fn alert(id: &str, level: Level, component: Component, title: &str) -> Alert {
        let metadata = json!({ "rule": "cpuWarning" });
        Alert {
            id: id.to_owned(),
            level,
            component,
            title: title.to_owned(),
            message: "m".to_owned(),
            timestamp: NOW,
            resolved: false,
            resolved_at: None,
            metadata: metadata.as_object().unwrap().clone(),
        }
    }

    fn silences(value: &Value) -> Silences {
        let mut silences = Silences::new(1);
        silences.add(NewSilence::parse(value, NOW).unwrap(), NOW).unwrap();
        silences
    }

    #[test]
    fn a_silence_is_about_what_it_names_and_all_of_it() {
        let cpu = alert("rule-1", Level::Warning, Component::Cpu, "CPU usage high");
        let feigned = alert("app-1", Level::Warning, Component::Cpu, "CPU usage high");
        for (names, of_rule, of_application) in [
            (json!({ "component": "cpu" }), true, true),
            (json!({ "component": "disk" }), false, false),
            (json!({ "type": "warning" }), true, true),
            (json!({ "type": "critical" }), false, false),
            (json!({ "rule": "cpuWarning" }), true, false),
            (json!({ "rule": "cpu" }), false, false),
            (json!({ "title": "CPU usage high" }), true, true),
            (json!({ "title": "CPU usage" }), false, false),
            (json!({ "component": "cpu", "type": "critical" }), false, false),
        ] {
            let mut value = names.clone();
            value["durationMs"] = json!(1000);
            let silences = silences(&value);
            assert_eq!(silences.matches(&cpu, NOW), of_rule, "{names}");
            assert_eq!(silences.matches(&feigned, NOW), of_application, "{names}");
        }
    }

    #[test]
    fn a_silence_ends_by_itself_or_by_hand() {
        let cpu = alert("rule-1", Level::Warning, Component::Cpu, "t");
        for end in [json!({ "durationMs": 1000 }), json!({ "until": NOW + 1000 })] {
            let mut value = end;
            value["component"] = json!("cpu");
            let mut silences = silences(&value);
            assert!(silences.matches(&cpu, NOW + 999) && !silences.matches(&cpu, NOW + 1000));
            assert_eq!((silences.list(NOW + 999).len(), silences.list(NOW + 1000).len()), (1, 0));
            assert!(
                !silences.expire(NOW + 999) && silences.expire(NOW + 1000) && !silences.expire(NOW + 1000)
            );
        }
        let mut silences = silences(&json!({ "component": "cpu", "durationMs": 1000 }));
        let id = silences.list(NOW)[0].id.clone();
        assert!(!silences.remove("silence-0"));
        assert!(silences.remove(&id) && !silences.remove(&id));
        assert!(!silences.matches(&cpu, NOW));
    }

    #[test]
    fn what_is_wrong_with_a_silence_is_said() {
        for (value, path, message) in [
            (json!(3), "configuration", "must be an object"),
            (json!({ "durationMs": 1 }), "silence", "must name at least one"),
            (json!({ "component": "cpu" }), "silence", "needs an end"),
            (json!({ "component": "cpu", "durationMs": 1, "until": NOW + 1 }), "until", "beside durationMs"),
            (json!({ "component": "cpu", "until": NOW }), "until", "must be after now"),
            (json!({ "component": "cpu", "until": 0 }), "until", "must be a whole number"),
            (json!({ "component": "cpu", "until": NOW + MAX_SILENCE_MS + 1 }), "until", "within 366 days"),
            (
                json!({ "component": "cpu", "durationMs": MAX_SILENCE_MS + 1 }),
                "durationMs",
                "must be a whole",
            ),
            (json!({ "component": "gpu", "durationMs": 1 }), "component", "did you mean \"cpu\"?"),
            (json!({ "type": 3, "durationMs": 1 }), "type", "must be one of"),
            (json!({ "title": "a\nb", "durationMs": 1 }), "title", "control characters"),
            (json!({ "rule": "x".repeat(65), "durationMs": 1 }), "rule", "at most 64"),
            (json!({ "rule": "a", "durationMs": 1, "comment": "x".repeat(501) }), "comment", "at most 500"),
            (json!({ "rule": "a", "durationMs": 1, "coment": "" }), "coment", "did you mean \"comment\"?"),
        ] {
            let error = NewSilence::parse(&value, NOW).expect_err("unsound");
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert_eq!(error.problems().len(), 1, "{value}: {error}");
            let problem = &error.problems()[0];
            assert_eq!(problem.path, path, "{value}");
            assert!(problem.message.contains(message), "{value}: {}", problem.message);
        }
    }

    #[test]
    fn there_are_at_most_a_thousand_and_those_that_are_over_make_room() {
        let mut silences = Silences::new(1);
        let new = NewSilence::parse(&json!({ "rule": "a", "durationMs": 1000 }), NOW).unwrap();
        for _ in 0..MAX_SILENCES {
            silences.add(new.clone(), NOW).unwrap();
        }
        assert_eq!(silences.add(new, NOW).unwrap_err().kind(), ErrorKind::InvalidArgument);
        let later = NewSilence::parse(&json!({ "rule": "a", "durationMs": 1 }), NOW + 1000).unwrap();
        silences.add(later, NOW + 1000).unwrap();
        assert_eq!(silences.list(NOW + 1000).len(), 1);
    }

    #[test]
    fn silences_survive_a_restart_unless_they_are_over() {
        let mut old = silences(&json!({ "rule": "a", "comment": "deploy", "durationMs": 1000 }));
        old.add(NewSilence::parse(&json!({ "type": "info", "durationMs": 10 }), NOW).unwrap(), NOW).unwrap();
        let json = serde_json::to_string(&old).unwrap();
        let mut new = Silences::new(2);
        new.restore(serde_json::from_str(&json).unwrap(), NOW + 10);
        assert_eq!(new.list(NOW + 10), old.list(NOW + 10));
        assert_eq!(new.list(NOW + 10)[0].comment.as_deref(), Some("deploy"));
        // The clock was set back by an hour: it lasts, and not for longer than it may.
        let mut back = Silences::new(3);
        back.restore(serde_json::from_str(&json).unwrap(), NOW - 3_600_000);
        assert_eq!(back.list(NOW - 3_600_000).len(), 2);
    }
}
