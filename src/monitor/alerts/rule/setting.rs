//! Rules as the settings have them: `AlertRule` of the public API, read from JSON with everything that is wrong at once.

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::{Comparison, Rule, built_in, effective, template};
use crate::base::config::{self, Choice, Configure, MAX_SAFE, Number, Origin, Problems, Section, Text};
use crate::monitor::alerts::text::{Limit, MESSAGE, TITLE, quoted};
use crate::monitor::alerts::{Component, Level};
use crate::monitor::config::AlertThresholds;
use crate::telemetry::metric::{Metric, Unit};

/// Most rules of an application. Each is looked at with every sample, and nobody knows a hundred by heart.
pub const MAX_RULES: usize = 100;
/// Longest id of a rule.
const MAX_ID_CHARS: usize = 64;
/// Longest `for`: a condition that has to last longer than a day is a report, not an alert.
const MAX_FOR_MS: f64 = 86_400_000.0;
/// A threshold: whatever a figure can be and JSON can say exactly.
const THRESHOLD: Number = Number::real(-MAX_SAFE, MAX_SAFE, "");
/// Metrics at least this similar (1 is equal) are offered for an unknown one, as for settings.
const SIMILAR_ENOUGH: f64 = 0.6;
/// Longer than any path; bounds the quadratic comparison.
const COMPARED_CHARS: usize = 64;

impl Choice for Level {
    const CHOICES: &'static [(&'static str, Self)] =
        &[("info", Self::Info), ("warning", Self::Warning), ("critical", Self::Critical)];
}

impl Choice for Component {
    const CHOICES: &'static [(&'static str, Self)] = &[
        ("memory", Self::Memory),
        ("cache", Self::Cache),
        ("cpu", Self::Cpu),
        ("disk", Self::Disk),
        ("agents", Self::Agents),
        ("performance", Self::Performance),
    ];
}

/// A sound `AlertRule` of the settings: a rule, or the switch that turns one off.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleSetting {
    /// Names the rule; that of a built-in one is replaced.
    pub id: String,
    #[serde(serialize_with = "as_path", skip_serializing_if = "Option::is_none")]
    metric: Option<Metric>,
    #[serde(skip_serializing_if = "Option::is_none")]
    above: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    below: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<Level>,
    #[serde(skip_serializing_if = "Option::is_none")]
    component: Option<Component>,
    #[serde(rename = "for", skip_serializing_if = "is_zero")]
    for_ms: u64,
    #[serde(skip_serializing_if = "is_nought")]
    hysteresis: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    enabled: bool,
}

impl RuleSetting {
    /// The rule; `None` where it is switched off.
    pub fn rule(&self) -> Option<Rule> {
        let (metric, level) = (self.metric?, self.level?);
        let (comparison, threshold) = match (self.above, self.below) {
            (Some(above), _) => (Comparison::Above, above),
            (None, below) => (Comparison::Below, below?),
        };
        let row = metric.row();
        let word = comparison.word();
        let title = || format!("{} {word} {}", row.path, template::figure(threshold, row.unit));
        let message =
            || format!("{} ({{metric}}): {{value}} {{unit}}, {word} {{threshold}} {{unit}}", row.help);
        self.enabled.then(|| Rule {
            id: self.id.clone(),
            metric,
            comparison,
            threshold,
            level,
            component: self.component.unwrap_or_else(|| component_of(row.path)),
            for_ms: self.for_ms,
            hysteresis: self.hysteresis,
            title: self.title.clone().unwrap_or_else(title),
            message: self.message.clone().unwrap_or_else(message),
        })
    }
}

/// Whom a figure is about, by the part of `SystemMetrics` that it stands in.
fn component_of(path: &str) -> Component {
    let part = path.split('.').next().unwrap_or_default();
    Component::from_name(part).unwrap_or(Component::Performance)
}

/// The rules of the array at `path`. A rule that has a problem is not among them; every problem is added.
pub fn read_rules(path: &str, values: &[Value], problems: &mut Problems) -> Vec<RuleSetting> {
    if values.len() > MAX_RULES {
        problems.add(path, format_args!("must have at most {MAX_RULES} rules, got {}", values.len()));
        return Vec::new();
    }
    let mut rules: Vec<RuleSetting> = Vec::with_capacity(values.len());
    for (index, value) in values.iter().enumerate() {
        let path = Section::path_of(path, &index.to_string());
        let mut draft = Draft::default();
        Section::read(&path, value, problems, |section| draft.apply(section));
        draft.check(&path, problems);
        let id = draft.id.as_deref().unwrap_or_default();
        if rules.iter().any(|rule| rule.id == id) {
            let message = format_args!("must be unique, but a rule before has the id {} too", quoted(id));
            problems.add(&Section::path_of(&path, "id"), message);
        }
        rules.extend(draft.setting());
    }
    rules
}

/// Adds what is wrong with the rules of the array at `path`.
pub fn check(path: &str, values: &[Value], problems: &mut Problems) {
    read_rules(path, values, problems);
}

/// The rules that apply by settings that were checked.
pub fn of_config(thresholds: &AlertThresholds, values: &[Value]) -> Vec<Rule> {
    effective(thresholds, &read_rules("", values, &mut Problems::new(Origin::Code)))
}

/// What a rule of the settings may have, for the schema.
pub fn allowed() -> Vec<config::Rule> {
    Draft::default().rules()
}

/// A rule as it is read: what is absent or refused is `None`.
#[derive(Debug, Clone)]
struct Draft {
    id: Option<String>,
    metric: Option<String>,
    above: Option<f64>,
    below: Option<f64>,
    /// How many of `above` and `below` are there, sound or not.
    thresholds: usize,
    level: Option<Level>,
    component: Option<Component>,
    for_ms: u64,
    hysteresis: f64,
    title: Option<String>,
    message: Option<String>,
    enabled: bool,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            id: None,
            metric: None,
            above: None,
            below: None,
            thresholds: 0,
            level: None,
            component: None,
            for_ms: 0,
            hysteresis: 0.0,
            title: None,
            message: None,
            enabled: true,
        }
    }
}

impl Configure for Draft {
    fn apply(&mut self, section: &mut Section<'_>) {
        section.text("id", Text::Any, &mut self.id);
        section.require("id");
        section.flag("enabled", &mut self.enabled);
        section.text("metric", Text::Any, &mut self.metric);
        self.above = number(section, "above", THRESHOLD);
        self.below = number(section, "below", THRESHOLD);
        self.thresholds = usize::from(section.has("above")) + usize::from(section.has("below"));
        self.level = choice(section, "level", Level::Warning);
        if self.enabled {
            section.require("metric");
            section.require("level");
        }
        self.component = choice(section, "component", Component::Performance);
        section.whole("for", Number::whole(0.0, MAX_FOR_MS, "ms"), &mut self.for_ms);
        section.number("hysteresis", Number::real(0.0, MAX_SAFE, ""), &mut self.hysteresis);
        section.text("title", Text::Any, &mut self.title);
        section.text("message", Text::Any, &mut self.message);
    }

    fn check(&self, path: &str, problems: &mut Problems) {
        let at = |key: &str| Section::path_of(path, key);
        if let Some(flaw) = self.id.as_deref().and_then(id_flaw) {
            problems.add(&at("id"), flaw);
        }
        if let Some(metric) = self.metric.as_deref().filter(|metric| Metric::at_path(metric).is_none()) {
            problems.add(&at("metric"), unknown_metric(metric));
        }
        for (key, text, limit) in [("title", &self.title, TITLE), ("message", &self.message, MESSAGE)] {
            if let Some(flaw) = text.as_deref().and_then(|text| text_flaw(key, text, limit)) {
                problems.add(&at(key), flaw);
            }
        }
        match self.thresholds {
            2 => problems.add(&at("below"), "must not be there beside above: a rule has one threshold"),
            1 => self.check_end(path, problems),
            _ if !self.enabled => self.check_switch(path, problems),
            // What is no object at all has been refused already.
            _ if !problems.mentions(path) => {
                problems.add(path, "needs a threshold: above or below");
            }
            _ => {}
        }
    }
}

impl Draft {
    /// A rule that can never begin or never end is a slip. Every figure but money is at least 0.
    fn check_end(&self, path: &str, problems: &mut Problems) {
        let metric = self.metric.as_deref().and_then(Metric::at_path);
        if !metric.is_some_and(|metric| metric.row().unit != Unit::Dollars) {
            return;
        }
        let at = |key: &str| Section::path_of(path, key);
        if let Some(above) = self.above.filter(|above| above - self.hysteresis < 0.0) {
            let message = format!(
                "the alert would never end: it ends at above ({above}) minus hysteresis ({}), and the figure is never under 0",
                self.hysteresis
            );
            problems.add(&at(if above < 0.0 { "above" } else { "hysteresis" }), message);
        }
        if let Some(below) = self.below.filter(|below| *below <= 0.0) {
            problems.add(
                &at("below"),
                format_args!("must be over 0, which the figure is never under, got {below}"),
            );
        }
    }

    /// A switch for nothing is a slip of the id.
    fn check_switch(&self, path: &str, problems: &mut Problems) {
        let Some(id) = self.id.as_deref().filter(|id| self.metric.is_none() && id_flaw(id).is_none()) else {
            return;
        };
        if built_in::ids().all(|known| known != id) {
            let all = || format!("they are {}", built_in::ids().collect::<Vec<_>>().join(", "));
            let hint = nearest(id, built_in::ids()).map_or_else(all, did_you_mean);
            let message = format!("there is no built-in rule {} to switch off; {hint}", quoted(id));
            problems.add(&Section::path_of(path, "id"), message);
        }
    }

    /// The setting, if it is sound.
    fn setting(self) -> Option<RuleSetting> {
        let id = self.id.filter(|id| id_flaw(id).is_none())?;
        let metric = self.metric.as_deref().and_then(Metric::at_path);
        let is_whole =
            metric.is_some() && self.level.is_some() && (self.above.is_some() != self.below.is_some());
        (is_whole || !self.enabled).then_some(RuleSetting {
            id,
            metric,
            above: self.above,
            below: self.below,
            level: self.level,
            component: self.component,
            for_ms: self.for_ms,
            hysteresis: self.hysteresis,
            title: self.title,
            message: self.message,
            enabled: self.enabled,
        })
    }
}

fn id_flaw(id: &str) -> Option<String> {
    let is_sound = id.len() <= MAX_ID_CHARS
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
    (!is_sound).then(|| {
        format!("must be 1 to {MAX_ID_CHARS} of A-Z, a-z, 0-9, '.', '_' and '-', got {}", quoted(id))
    })
}

fn text_flaw(key: &str, text: &str, limit: Limit) -> Option<String> {
    limit.flaw(text).or_else(|| {
        // The title is by what an alert is known again, so it has no figures that change.
        let name = template::unknown_placeholder(text).filter(|_| key == "message")?;
        let known = template::PLACEHOLDERS.join("}, {");
        Some(format!("must not hold {}; figures are {{{known}}}", quoted(&format!("{{{name}}}"))))
    })
}

fn unknown_metric(path: &str) -> String {
    let hint = nearest(path, Metric::ALL.iter().map(|metric| metric.row().path));
    let hint = hint.map_or_else(|| "docs/metrics.md has all of them".to_owned(), did_you_mean);
    format!("there is no figure {}; {hint}", quoted(path))
}

fn did_you_mean(name: &str) -> String {
    format!("did you mean \"{name}\"?")
}

/// The most similar of the names, if it is similar enough, as a whole or by its last part (`hitRate`). Case does not count.
fn nearest<'k>(wrong: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let wrong: String = wrong.chars().take(COMPARED_CHARS).flat_map(char::to_lowercase).collect();
    let similarity = |name: &str| strsim::normalized_damerau_levenshtein(&wrong, &name.to_lowercase());
    let scored = known.map(|name| {
        let last = name.rsplit('.').next().unwrap_or(name);
        (name, similarity(name).max(similarity(last)))
    });
    // Of equals the first: the table stands in the order of importance.
    let best = scored.reduce(|best, next| if next.1 > best.1 { next } else { best })?;
    (best.1 >= SIMILAR_ENOUGH).then_some(best.0)
}

fn number(section: &mut Section<'_>, key: &'static str, rule: Number) -> Option<f64> {
    let mut value = f64::NAN;
    section.number(key, rule, &mut value);
    Some(value).filter(|value| value.is_finite())
}

fn choice<C: Choice>(section: &mut Section<'_>, key: &'static str, unused: C) -> Option<C> {
    let mut value = unused;
    section.choice(key, &mut value);
    section.has(key).then_some(value)
}

#[expect(clippy::ref_option, reason = "serde gives the field")]
fn as_path<S: Serializer>(metric: &Option<Metric>, serializer: S) -> Result<S::Ok, S::Error> {
    metric.map(|metric| metric.row().path).serialize(serializer)
}

fn is_zero(value: &u64) -> bool {
    *value == 0
}

fn is_nought(value: &f64) -> bool {
    *value == 0.0
}
