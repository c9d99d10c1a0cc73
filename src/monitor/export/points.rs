//! Points of a scrape, before anybody decides how they are written. Here is what keeps them in bounds: names that users choose
//! become labels of bounded number and length, and what could not be read has no point.

use std::collections::BTreeMap;

use crate::monitor::export::family::{self, Family, exported, otel_name};
use crate::monitor::export::{GC_BUCKETS_S, LATENCY_BUCKETS_S, Scrape, TOKEN_BUCKETS};
use crate::telemetry::metric::Metric;

/// Agents with a point of their own, the largest; a series for each of thousands would cost its reader more than it tells.
pub const MOST_AGENTS: usize = 50;
/// Operations with points of their own; the monitor keeps no more either.
pub const MOST_OPERATIONS: usize = 64;
/// Of the rest - rules that fire, degradations, models - each.
pub const MOST_OTHERS: usize = 100;
/// Bytes of a label's value.
pub const LABEL_BYTES: usize = 128;
/// The label of what is beyond a bound.
pub const OTHER: &str = "other";

/// The value of a point.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number.
    Number(f64),
    /// Counts by bucket.
    Histogram {
        /// Of all.
        count: u64,
        /// Of all.
        sum: f64,
        /// At or under each bound of the family; cumulative. Empty when that was not counted.
        buckets: Vec<u64>,
    },
}

/// One point.
#[derive(Debug, Clone)]
pub struct Point {
    /// What it belongs to.
    pub family: Family,
    /// Labels in Prometheus.
    pub labels: Vec<(&'static str, String)>,
    /// Attributes in OpenTelemetry.
    pub attributes: Vec<(&'static str, String)>,
    /// Its value.
    pub value: Value,
}

/// What a scrape says, in the order of the tables; points of a family stand together.
pub fn points(scrape: &Scrape) -> Vec<Point> {
    let mut points = figures(scrape);
    operations(scrape, &mut points);
    machine(scrape, &mut points);
    tokens(scrape, &mut points);
    agents(scrape, &mut points);
    alerts(scrape, &mut points);
    degradations(scrape, &mut points);
    points.push(point(family::STARTED, &[], scrape.started_ms as f64 / 1000.0));
    let info = &scrape.info;
    let labels =
        [label(&info.version), label(&info.environment), label(info.project.as_deref().unwrap_or("none"))];
    points.push(point(family::BUILD, &labels, 1.0));
    in_order(points)
}

/// A text as the value of a label: without control characters, cut at 128 bytes, never empty.
pub fn label(text: &str) -> String {
    let clean = text
        .chars()
        .map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { '\u{fffd}' } else { c });
    let mut value = String::new();
    for c in clean {
        if value.len() + c.len_utf8() > LABEL_BYTES {
            break;
        }
        value.push(c);
    }
    // An empty label is none, in Prometheus.
    if value.is_empty() { "unnamed".into() } else { value }
}

fn point(family: Family, labels: &[String], value: f64) -> Point {
    with(family, labels, Value::Number(value))
}

fn with(family: Family, values: &[String], value: Value) -> Point {
    let pairs = family.labels.iter().zip(values);
    let labels = pairs.clone().map(|((name, _), value)| (*name, value.clone())).collect();
    let attributes = pairs.map(|((_, name), value)| (*name, value.clone())).collect();
    Point { family, labels, attributes, value }
}

fn figures(scrape: &Scrape) -> Vec<Point> {
    let row = |(metric, value): (Metric, f64)| {
        let row = metric.row();
        let own = |(name, value): (&'static str, &'static str)| (name, value.to_owned());
        Point {
            family: Family::of(&row),
            labels: (!row.label.0.is_empty()).then(|| own(row.label)).into_iter().collect(),
            attributes: otel_name(row.otel).1.map(own).into_iter().collect(),
            value: Value::Number(exported(row.unit, value)),
        }
    };
    // The largest figures are infinite in a smaller unit.
    let is_finite = |point: &Point| matches!(point.value, Value::Number(value) if value.is_finite());
    scrape.figures.iter().map(row).filter(is_finite).collect()
}

/// A sum of counts by bucket. Names that are the same once they are clean, and those beyond a bound, are one point.
#[derive(Default, Clone)]
struct Sum {
    /// Those that have a time as well as those that have none.
    requests: u64,
    count: u64,
    errors: u64,
    total: f64,
    buckets: Vec<u64>,
}

impl Sum {
    fn add(&mut self, count: u64, errors: u64, total: f64, buckets: &[u64], bounds: &[f64]) {
        if self.count == 0 {
            self.buckets = buckets.to_vec();
        } else {
            self.buckets.truncate(buckets.len());
            self.buckets.iter_mut().zip(buckets).for_each(|(all, one)| *all = all.saturating_add(*one));
        }
        if self.buckets.len() != bounds.len() {
            self.buckets.clear();
        }
        self.count = self.count.saturating_add(count);
        self.errors = self.errors.saturating_add(errors);
        self.total += if total.is_finite() { total } else { 0.0 };
    }

    fn histogram(self) -> Value {
        let mut least = 0;
        // Counters that are read while they are written may be off by one: cumulative counts must not show it.
        let buckets = self.buckets.into_iter().map(|count| {
            least = count.max(least).min(self.count);
            least
        });
        Value::Histogram { count: self.count, sum: self.total, buckets: buckets.collect() }
    }
}

/// The sum for a key: its own while there are fewer than `most`, else that of `OTHER`.
fn slot<T: Default, const N: usize>(
    sums: &mut BTreeMap<[String; N], T>,
    key: [String; N],
    most: usize,
) -> &mut T {
    let is_over = sums.len() >= most && !sums.contains_key(&key);
    sums.entry(if is_over { std::array::from_fn(|_| OTHER.to_owned()) } else { key }).or_default()
}

fn operations(scrape: &Scrape, points: &mut Vec<Point>) {
    let mut sums: BTreeMap<[String; 1], Sum> = BTreeMap::new();
    for one in &scrape.operations {
        let sum = slot(&mut sums, [label(&one.name)], MOST_OPERATIONS);
        sum.add(one.timed, one.errors, one.sum_s, &one.buckets, &LATENCY_BUCKETS_S);
        sum.requests = sum.requests.saturating_add(one.count);
    }
    for (name, sum) in sums {
        points.push(point(family::REQUESTS, &name, sum.requests as f64));
        points.push(point(family::REQUEST_ERRORS, &name, sum.errors as f64));
        points.push(with(family::REQUEST_DURATION, &name, sum.histogram()));
    }
}

fn machine(scrape: &Scrape, points: &mut Vec<Point>) {
    let mut sums: BTreeMap<[String; 1], Sum> = BTreeMap::new();
    for one in &scrape.gc {
        let sum = slot(&mut sums, [label(one.kind)], MOST_OTHERS);
        sum.add(one.count, 0, one.seconds, &one.buckets, &GC_BUCKETS_S);
    }
    points.extend(sums.into_iter().map(|(kind, sum)| with(family::GC_DURATION, &kind, sum.histogram())));
    let modes = scrape.cpu.map(|cpu| [("user", cpu.user_s), ("system", cpu.system_s)]);
    for (mode, seconds) in modes.into_iter().flatten().filter(|(_, seconds)| seconds.is_finite()) {
        points.push(point(family::CPU_TIME, &[mode.to_owned()], seconds));
    }
}

fn tokens(scrape: &Scrape, points: &mut Vec<Point>) {
    let mut sums: BTreeMap<[String; 4], Sum> = BTreeMap::new();
    for one in &scrape.token_usage {
        let model = if one.model.is_empty() { "unknown" } else { &one.model };
        let key = [label(one.kind), label(&one.operation), label(&one.provider), label(model)];
        let sum = slot(&mut sums, key, MOST_OTHERS);
        sum.add(one.count, 0, one.tokens as f64, &one.buckets, &TOKEN_BUCKETS);
    }
    points.extend(sums.into_iter().map(|(key, sum)| with(family::TOKEN_USAGE, &key, sum.histogram())));
}

fn agents(scrape: &Scrape, points: &mut Vec<Point>) {
    let mut largest: Vec<_> = scrape.agents.iter().collect();
    if largest.len() > MOST_AGENTS {
        largest.select_nth_unstable_by(MOST_AGENTS, |(a, x), (b, y)| y.cmp(x).then_with(|| a.cmp(b)));
    }
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    for (index, (agent, bytes)) in largest.into_iter().enumerate() {
        let name = if index < MOST_AGENTS { label(agent) } else { OTHER.to_owned() };
        let sum = sums.entry(name).or_default();
        *sum = sum.saturating_add(*bytes);
    }
    points.extend(sums.into_iter().map(|(agent, bytes)| point(family::AGENT_MEMORY, &[agent], bytes as f64)));
}

fn alerts(scrape: &Scrape, points: &mut Vec<Point>) {
    let mut firing: BTreeMap<[String; 3], u64> = BTreeMap::new();
    for (rule, level, component) in &scrape.alerts {
        let key = [label(rule), format!("{level:?}").to_lowercase(), format!("{component:?}").to_lowercase()];
        *slot(&mut firing, key, MOST_OTHERS) += 1;
    }
    points.extend(firing.into_iter().map(|(key, count)| point(family::ALERTS_FIRING, &key, count as f64)));
    for one in &scrape.channels {
        let name = [label(one.name)];
        points.push(point(family::DELIVERED, &name, one.delivered as f64));
        points.push(point(family::RETRIES, &name, one.retries as f64));
        points.push(point(family::DEAD, &name, one.dead as f64));
        points.push(point(family::DROPPED, &name, one.dropped as f64));
        points.push(point(family::QUEUED, &name, one.queued as f64));
    }
}

fn degradations(scrape: &Scrape, points: &mut Vec<Point>) {
    let mut degraded: BTreeMap<[String; 3], bool> = BTreeMap::new();
    for one in &scrape.degradations {
        let operation = label(one.operation.as_deref().unwrap_or("all"));
        *slot(&mut degraded, [label(&one.component), label(&one.metric), operation], MOST_OTHERS) = true;
    }
    points.extend(degraded.into_keys().map(|key| point(family::DEGRADED, &key, 1.0)));
}

/// Points of a family together, families in the order in which they came.
fn in_order(mut points: Vec<Point>) -> Vec<Point> {
    let mut order: BTreeMap<&str, usize> = BTreeMap::new();
    for point in &points {
        let next = order.len();
        order.entry(point.family.prometheus).or_insert(next);
    }
    points.sort_by_key(|point| order.get(point.family.prometheus).copied());
    points
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::monitor::alerts::{Component, Level};
    use crate::monitor::export::test_support::{busy, operation};

    fn values<'a>(points: &'a [Point], family: &str) -> Vec<(&'a str, &'a Value)> {
        let own = points.iter().filter(|point| point.family.prometheus == family);
        own.map(|point| (point.labels.first().map_or("", |(_, value)| value.as_str()), &point.value))
            .collect()
    }

    #[test]
    fn absent_figure_has_no_point() {
        let mut scrape = Scrape::default();
        assert_eq!(points(&scrape).len(), 2, "only who it is and since when");
        scrape.figures.set(Metric::CpuUsage, 50.0);
        scrape.figures.set(Metric::Load1, f64::NAN);
        assert_eq!(points(&scrape).len(), 3);
    }

    #[test]
    fn fifty_largest_agents_have_points_and_the_rest_share_one() {
        let agents = (0..10_000_u64).map(|index| (format!("agent-{index}"), index)).collect();
        let points = points(&Scrape { agents, ..Scrape::default() });
        let memory = values(&points, "agentwise_agent_memory_bytes");
        assert_eq!(memory.len(), MOST_AGENTS + 1);
        assert!(memory.contains(&("agent-9999", &Value::Number(9999.0))));
        let rest: u64 = (0..9950).sum();
        assert!(memory.contains(&(OTHER, &Value::Number(rest as f64))));
    }

    #[test]
    fn names_that_are_the_same_once_clean_are_one_point() {
        let names = ["a\nb", "a\rb", "a\u{0}b"];
        let operations = names.iter().map(|name| operation(name, 2, 1)).collect();
        let agents = names.iter().map(|name| ((*name).to_owned(), 5)).collect();
        let points = points(&Scrape { operations, agents, ..Scrape::default() });
        assert_eq!(values(&points, "agentwise_requests_total"), [("a\u{fffd}b", &Value::Number(6.0))]);
        assert_eq!(values(&points, "agentwise_agent_memory_bytes"), [("a\u{fffd}b", &Value::Number(15.0))]);
    }

    #[test]
    fn what_is_beyond_a_bound_is_counted_as_other() {
        let operations = (0..1000).map(|index| operation(&format!("op-{index}"), 1, 0)).collect();
        let alerts = (0..1000).map(|index| (format!("rule-{index}"), Level::Info, Component::Cpu)).collect();
        let points = points(&Scrape { operations, alerts, ..Scrape::default() });
        let requests = values(&points, "agentwise_requests_total");
        assert_eq!(requests.len(), MOST_OPERATIONS + 1);
        assert!(requests.contains(&(OTHER, &Value::Number(936.0))));
        let firing = values(&points, "agentwise_alerts_firing");
        assert!(firing.contains(&(OTHER, &Value::Number(900.0))));
    }

    #[test]
    fn counts_by_bucket_never_fall_and_never_pass_the_count() {
        let mut torn = operation("torn", 3, 0);
        torn.buckets = vec![1, 0, 5].into_iter().chain([2; 16]).collect();
        let points = points(&Scrape { operations: vec![torn], ..Scrape::default() });
        let Value::Histogram { buckets, .. } = values(&points, "agentwise_request_duration_seconds")[0].1
        else {
            panic!("no histogram");
        };
        assert_eq!(buckets[..4], [1, 1, 3, 3]);
    }

    #[test]
    fn points_of_a_family_stand_together() {
        let points = points(&busy());
        let mut seen = Vec::new();
        for point in &points {
            if seen.last() != Some(&point.family.prometheus) {
                assert!(!seen.contains(&point.family.prometheus), "{}", point.family.prometheus);
                seen.push(point.family.prometheus);
            }
        }
    }

    proptest! {
        #[test]
        fn label_is_clean_and_bounded(text in any::<String>()) {
            let value = label(&text);
            prop_assert!(!value.is_empty() && value.len() <= LABEL_BYTES);
            prop_assert!(!value.chars().any(char::is_control));
        }

        #[test]
        fn long_label_is_cut_between_characters(text in "[é🦀a]{0,200}") {
            let value = label(&text);
            prop_assert!(text.is_empty() || text.starts_with(&value));
            prop_assert!(text.len() <= LABEL_BYTES || value.len() > LABEL_BYTES - 4);
        }
    }
}
