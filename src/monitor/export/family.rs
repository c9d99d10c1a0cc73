//! The second table: families that have a label of their own, so that they cannot stand in the metric table with its one value
//! per row. Also what both tables have in common for a writer: a [`Family`].

use crate::monitor::export::{GC_BUCKETS_S, LATENCY_BUCKETS_S, TOKEN_BUCKETS};
use crate::telemetry::metric::{Kind, MetricRow, Unit};

/// How points of a family look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    /// Goes up and down.
    Gauge,
    /// An amount that goes up and down and can be added up: a gauge in Prometheus, an `UpDownCounter` in OpenTelemetry.
    Amount,
    /// Only grows.
    Counter,
    /// Counts by bucket, with these bounds.
    Histogram(&'static [f64]),
    /// Always 1; the labels are what it says.
    Info,
}

/// What points have in common.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    /// Name in Prometheus.
    pub prometheus: &'static str,
    /// How its points look.
    pub shape: Shape,
    /// Unit in UCUM.
    pub unit: &'static str,
    /// Whether values are whole numbers.
    pub is_whole: bool,
    /// Labels in Prometheus, and the attributes that they are in OpenTelemetry.
    pub labels: &'static [(&'static str, &'static str)],
    /// Name in OpenTelemetry; empty where it is not exported there.
    pub otel: &'static str,
    /// What it is, one sentence without a full stop.
    pub help: &'static str,
    /// Where it comes from, for the documentation.
    pub source: &'static str,
}

macro_rules! families {
    ($($name:ident = $prometheus:literal, $shape:expr, $unit:literal, $is_whole:literal, [$($label:expr),*], $otel:literal, $help:literal, $source:literal;)+) => {
        $(
            #[doc = $help]
            pub const $name: Family = Family {
                prometheus: $prometheus, shape: $shape, unit: $unit, is_whole: $is_whole, labels: &[$($label),*],
                otel: $otel, help: $help, source: $source,
            };
        )+

        /// Every family of this table.
        pub const FAMILIES: &[Family] = &[$($name),+];
    };
}

const OPERATION: (&str, &str) = ("operation", "agentwise.operation");
const CHANNEL: (&str, &str) = ("channel", "agentwise.channel");

families! {
    REQUESTS = "agentwise_requests_total", Shape::Counter, "{request}", true, [OPERATION], "agentwise.operation.requests", "Requests of the operation", "around the calls";
    REQUEST_ERRORS = "agentwise_request_errors_total", Shape::Counter, "{request}", true, [OPERATION], "agentwise.operation.errors", "Requests of the operation that failed", "around the calls";
    REQUEST_DURATION = "agentwise_request_duration_seconds", Shape::Histogram(&LATENCY_BUCKETS_S), "s", false, [OPERATION], "agentwise.operation.duration", "Time of the requests of the operation", "around the calls";
    GC_DURATION = "agentwise_gc_duration_seconds", Shape::Histogram(&GC_BUCKETS_S), "s", false, [("kind", "v8js.gc.type")], "v8js.gc.duration", "Time of garbage collections of the kind: minor, major, incremental, weakcb", "`PerformanceObserver`";
    CPU_TIME = "agentwise_cpu_process_mode_seconds_total", Shape::Counter, "s", false, [("mode", "cpu.mode")], "process.cpu.time", "Processor time of the process by mode: user, system", "`/proc/self/stat`";
    TOKEN_USAGE = "agentwise_model_call_tokens", Shape::Histogram(&TOKEN_BUCKETS), "{token}", true, [("type", "gen_ai.token.type"), ("operation", "gen_ai.operation.name"), ("provider", "gen_ai.provider.name"), ("model", "gen_ai.request.model")], "gen_ai.client.token.usage", "Tokens of calls of models by type: input, output; only calls whose provider is known", "`trackUsage`";
    AGENT_MEMORY = "agentwise_agent_memory_bytes", Shape::Amount, "By", true, [("agent", "gen_ai.agent.id")], "agentwise.agent.memory", "Contexts and caches that the agent holds: the 50 largest, the rest together as `other`", "memory manager";
    ALERTS_FIRING = "agentwise_alerts_firing", Shape::Amount, "{alert}", true, [("rule", "agentwise.alert.rule"), ("severity", "agentwise.alert.severity"), ("component", "agentwise.component")], "agentwise.alerts.firing", "Alerts of the rule that are not resolved; those of the application have the rule `application`", "alerts";
    DELIVERED = "agentwise_alert_deliveries_total", Shape::Counter, "{notice}", true, [CHANNEL], "agentwise.alert.deliveries", "Notices of alerts that arrived", "channels";
    RETRIES = "agentwise_alert_retries_total", Shape::Counter, "{attempt}", true, [CHANNEL], "agentwise.alert.retries", "Attempts to deliver after the first", "channels";
    DEAD = "agentwise_alert_dead_letters_total", Shape::Counter, "{notice}", true, [CHANNEL], "agentwise.alert.dead_letters", "Notices that were given up", "channels";
    DROPPED = "agentwise_alert_dropped_total", Shape::Counter, "{notice}", true, [CHANNEL], "agentwise.alert.dropped", "Notices that found the queue full", "channels";
    QUEUED = "agentwise_alert_queued", Shape::Amount, "{notice}", true, [CHANNEL], "agentwise.alert.queued", "Notices that wait to be delivered", "channels";
    DEGRADED = "agentwise_degraded", Shape::Amount, "1", true, [("component", "agentwise.component"), ("metric", "agentwise.metric"), OPERATION], "agentwise.degraded", "1 while the figure is worse than its own baseline", "baselines";
    STARTED = "agentwise_start_time_seconds", Shape::Gauge, "s", false, [], "", "When counters began, Unix time", "wall clock";
    BUILD = "agentwise_build_info", Shape::Info, "1", true, [("version", "service.version"), ("environment", "deployment.environment.name"), ("project", "agentwise.project")], "", "Version, environment and project; attributes of the resource in OpenTelemetry", "configuration";
}

impl Family {
    /// That of a row of the metric table.
    pub fn of(row: &MetricRow) -> Self {
        let is_bytes = matches!(row.unit, Unit::Megabytes | Unit::Bytes);
        let shape = match row.kind {
            Kind::Counter => Shape::Counter,
            // What is in use or left of something adds up over processes, as the semantic conventions have it.
            Kind::Gauge if is_bytes => Shape::Amount,
            Kind::Gauge => Shape::Gauge,
        };
        Self {
            prometheus: row.prometheus,
            shape,
            unit: row.unit.ucum(),
            is_whole: is_bytes || row.kind == Kind::Counter && matches!(row.unit, Unit::One | Unit::Tokens),
            labels: &[],
            otel: otel_name(row.otel).0,
            help: row.help,
            source: row.source,
        }
    }
}

/// `name{key=value}` of the metric table as name and attribute.
pub fn otel_name(text: &'static str) -> (&'static str, Option<(&'static str, &'static str)>) {
    let Some((name, rest)) = text.split_once('{') else { return (text, None) };
    (name, rest.strip_suffix('}').and_then(|pair| pair.split_once('=')))
}

/// A figure as shown, in the unit it is exported in. Divides where the factor is a fraction, so that 83 % is 0.83 and not a
/// neighbour of it.
pub fn exported(unit: Unit, value: f64) -> f64 {
    let factor = unit.export_factor();
    if factor < 1.0 { value / (1.0 / factor).round() } else { value * factor }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::telemetry::metric::Metric;

    fn all() -> Vec<Family> {
        Metric::ALL.iter().map(|metric| Family::of(&metric.row())).chain(FAMILIES.iter().copied()).collect()
    }

    #[test]
    fn names_keep_to_the_conventions_of_prometheus() {
        for family in all() {
            let name = family.prometheus;
            assert!(name.starts_with("agentwise_"), "{name}");
            assert!(
                name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'),
                "{name}"
            );
            assert_eq!(name.ends_with("_total"), family.shape == Shape::Counter, "{name}");
            assert_eq!(name.ends_with("_info"), family.shape == Shape::Info, "{name}");
            for reserved in ["_bucket", "_sum", "_count", "_created"] {
                assert!(!name.ends_with(reserved), "{name}");
            }
            let suffix = name.trim_end_matches("_total");
            assert!(family.unit != "By" || suffix.ends_with("_bytes"), "{name} is in bytes");
            assert!(family.unit != "s" || suffix.ends_with("_seconds"), "{name} is in seconds");
            assert!(!family.help.is_empty() && !family.help.ends_with('.'), "{name}");
        }
    }

    #[test]
    fn rows_that_share_a_name_share_the_rest_and_differ_by_label() {
        let mut seen: BTreeMap<&str, (MetricRow, BTreeSet<&str>)> = BTreeMap::new();
        for row in Metric::ALL.iter().map(|metric| metric.row()) {
            let (first, values) = seen.entry(row.prometheus).or_insert_with(|| (row, BTreeSet::new()));
            assert!(values.insert(row.label.1), "{} twice with {:?}", row.prometheus, row.label);
            assert_eq!(
                (first.kind, first.unit, first.label.0),
                (row.kind, row.unit, row.label.0),
                "{}",
                row.prometheus
            );
            assert_ne!(row.label.0, "quantile", "{}: that is a summary's", row.prometheus);
        }
        for family in FAMILIES {
            assert!(!seen.contains_key(family.prometheus), "{} is in both tables", family.prometheus);
        }
        let names: BTreeSet<_> = FAMILIES.iter().map(|family| family.prometheus).collect();
        assert_eq!(names.len(), FAMILIES.len());
    }

    #[test]
    fn names_in_opentelemetry_are_one_thing_each_and_no_namespace_of_another() {
        let mut seen = BTreeMap::new();
        for metric in Metric::ALL {
            let row = metric.row();
            let (name, attribute) = otel_name(row.otel);
            assert!(!name.contains(['{', '}', '=']) && name.contains('.'), "{name}");
            assert_eq!(attribute.is_some(), row.otel.contains('{'), "{}", row.otel);
            assert!(seen.insert((name, attribute), row.path).is_none(), "{} twice", row.otel);
        }
        let mut names: BTreeSet<_> = seen.keys().map(|(name, _)| *name).collect();
        for family in FAMILIES.iter().filter(|family| !family.otel.is_empty()) {
            assert!(names.insert(family.otel), "{} twice", family.otel);
        }
        for name in &names {
            assert!(
                !names.iter().any(|other| other.starts_with(&format!("{name}."))),
                "{name} is a namespace too"
            );
        }
    }

    #[test]
    fn shown_values_are_exported_in_base_units() {
        for (unit, shown, wanted) in [
            (Unit::Percent, 83.0, 0.83),
            (Unit::Percent, 57.0, 0.57),
            (Unit::Milliseconds, 1.7, 0.0017),
            (Unit::Megabytes, 1.5, 1_572_864.0),
            (Unit::One, 3.0, 3.0),
        ] {
            assert!((exported(unit, shown) - wanted).abs() < f64::EPSILON, "{unit:?} {shown}");
        }
    }
}
