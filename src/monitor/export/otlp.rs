//! A scrape as `ExportMetricsServiceRequest` of OTLP, in its JSON form: names of fields in lower camel case, enumerations as
//! numbers, whole numbers of 64 bits as texts. Counts are cumulative since the start of the monitor, so that a request that was
//! lost costs resolution and no counts.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::monitor::export::Scrape;
use crate::monitor::export::family::Shape;
use crate::monitor::export::points::{Point, Value, label, points};

/// `service.name` unless the environment gives another.
pub const SERVICE_NAME: &str = "agentwise-optimization";
/// `AGGREGATION_TEMPORALITY_CUMULATIVE`.
const CUMULATIVE: u8 = 2;

/// The request. `attributes` are those of the resource that the environment gives; they win over our own.
pub fn request(scrape: &Scrape, attributes: &[(String, String)]) -> Json {
    let mut order: Vec<&str> = Vec::new();
    let all = points(scrape);
    let mut metrics: BTreeMap<&str, Vec<&Point>> = BTreeMap::new();
    for point in all.iter().filter(|point| !otel(point).is_empty()) {
        let points = metrics.entry(otel(point)).or_default();
        if points.is_empty() {
            order.push(otel(point));
        }
        points.push(point);
    }
    let metrics: Vec<Json> = order.iter().map(|name| metric(scrape, name, &metrics[name])).collect();
    json!({ "resourceMetrics": [{
        "resource": { "attributes": resource(scrape, attributes) },
        "scopeMetrics": [{
            "scope": { "name": SERVICE_NAME, "version": scrape.info.version },
            "metrics": metrics,
        }],
    }] })
}

fn otel(point: &Point) -> &'static str {
    point.family.otel
}

fn resource(scrape: &Scrape, attributes: &[(String, String)]) -> Vec<Json> {
    let info = &scrape.info;
    let mut own: BTreeMap<&str, Json> = BTreeMap::new();
    let mut text = |name: &'static str, value: &str| {
        if !value.is_empty() {
            own.insert(name, json!({ "stringValue": label(value) }));
        }
    };
    text("service.name", SERVICE_NAME);
    text("service.version", &info.version);
    text("service.instance.id", &info.instance);
    text("deployment.environment.name", &info.environment);
    text("host.name", &info.host);
    text("process.runtime.name", "nodejs");
    text("agentwise.project", info.project.as_deref().unwrap_or_default());
    own.insert("process.pid", json!({ "intValue": info.pid.to_string() }));
    own.extend(attributes.iter().map(|(name, value)| (name.as_str(), json!({ "stringValue": value }))));
    own.into_iter().map(|(key, value)| json!({ "key": key, "value": value })).collect()
}

fn metric(scrape: &Scrape, name: &str, points: &[&Point]) -> Json {
    let family = &points[0].family;
    let data: Vec<Json> = points.iter().map(|point| data(scrape, point)).collect();
    let (kind, value) = match family.shape {
        Shape::Gauge | Shape::Info => ("gauge", json!({ "dataPoints": data })),
        Shape::Amount => {
            ("sum", json!({ "dataPoints": data, "aggregationTemporality": CUMULATIVE, "isMonotonic": false }))
        }
        Shape::Counter => {
            ("sum", json!({ "dataPoints": data, "aggregationTemporality": CUMULATIVE, "isMonotonic": true }))
        }
        Shape::Histogram(_) => {
            ("histogram", json!({ "dataPoints": data, "aggregationTemporality": CUMULATIVE }))
        }
    };
    json!({ "name": name, "description": family.help, "unit": family.unit, kind: value })
}

fn data(scrape: &Scrape, point: &Point) -> Json {
    let attribute = |(key, value): &(&str, String)| json!({ "key": key, "value": { "stringValue": value } });
    let attributes: Vec<Json> = point.attributes.iter().map(attribute).collect();
    let mut data = json!({ "attributes": attributes, "timeUnixNano": nanoseconds(scrape.at_ms) });
    // A gauge has no beginning.
    if point.family.shape != Shape::Gauge {
        data["startTimeUnixNano"] = nanoseconds(scrape.started_ms);
    }
    match &point.value {
        Value::Number(value) if point.family.is_whole => data["asInt"] = whole(*value),
        Value::Number(value) => data["asDouble"] = json!(value),
        Value::Histogram { count, sum, buckets } => {
            data["count"] = json!(count.to_string());
            data["sum"] = json!(sum);
            let bounds = match point.family.shape {
                Shape::Histogram(bounds) if bounds.len() == buckets.len() => bounds,
                _ => &[],
            };
            // Cumulative counts as counts of each bucket, the last one beyond all bounds.
            let mut before = 0;
            let counts = buckets.iter().copied().chain([*count]).map(|at_or_under| {
                let own = at_or_under.saturating_sub(before);
                before = at_or_under;
                own.to_string()
            });
            data["bucketCounts"] = counts.collect();
            data["explicitBounds"] = json!(bounds);
        }
    }
    data
}

fn nanoseconds(ms: u64) -> Json {
    json!((u128::from(ms) * 1_000_000).min(u128::from(u64::MAX)).to_string())
}

#[expect(clippy::cast_possible_truncation, reason = "saturating is what is wanted")]
fn whole(value: f64) -> Json {
    json!((value.round() as i64).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::export::family::{FAMILIES, otel_name};
    use crate::monitor::export::test_support::busy;
    use crate::telemetry::metric::Metric;

    fn metrics(request: &Json) -> &Vec<Json> {
        request["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].as_array().expect("metrics")
    }

    fn named<'a>(request: &'a Json, name: &str) -> &'a Json {
        metrics(request).iter().find(|metric| metric["name"] == name).unwrap_or_else(|| panic!("no {name}"))
    }

    fn attribute<'a>(list: &'a Json, key: &str) -> &'a Json {
        let list = list.as_array().expect("attributes");
        list.iter().find(|pair| pair["key"] == key).map_or(&Json::Null, |pair| &pair["value"])
    }

    #[test]
    fn every_family_is_there_once() {
        let request = request(&busy(), &[]);
        let names: Vec<_> =
            metrics(&request).iter().map(|metric| metric["name"].as_str().unwrap_or_default()).collect();
        let rows = Metric::ALL.iter().map(|metric| otel_name(metric.row().otel).0);
        let families = FAMILIES.iter().map(|family| family.otel).filter(|name| !name.is_empty());
        for wanted in rows.chain(families) {
            assert_eq!(names.iter().filter(|name| **name == wanted).count(), 1, "{wanted}");
        }
    }

    #[test]
    fn kinds_and_values_are_as_the_semantic_conventions_have_them() {
        let request = request(&busy(), &[]);
        let memory = &named(&request, "process.memory.usage")["sum"];
        assert_eq!(memory["isMonotonic"], false);
        assert_eq!(memory["aggregationTemporality"], 2);
        assert_eq!(memory["dataPoints"][0]["asInt"], "524288");
        let time = &named(&request, "process.cpu.time")["sum"];
        assert_eq!(time["isMonotonic"], true);
        let modes = time["dataPoints"].as_array().expect("points");
        let mode = |point: &Json| attribute(&point["attributes"], "cpu.mode")["stringValue"].clone();
        assert_eq!(modes.iter().map(mode).collect::<Vec<_>>(), ["user", "system"]);
        let files =
            named(&request, "system.filesystem.usage")["sum"]["dataPoints"].as_array().expect("points");
        assert_eq!(files.len(), 2);
        let delay = &named(&request, "nodejs.eventloop.delay.p99")["gauge"]["dataPoints"][0];
        assert!(delay["asDouble"].is_number() && delay["startTimeUnixNano"].is_null(), "{delay}");
        let usage = &named(&request, "gen_ai.client.token.usage")["histogram"]["dataPoints"][0];
        assert_eq!(attribute(&usage["attributes"], "gen_ai.token.type")["stringValue"], "input");
    }

    #[test]
    fn histograms_have_one_count_more_than_bounds() {
        let request = request(&busy(), &[]);
        for name in ["agentwise.operation.duration", "v8js.gc.duration", "gen_ai.client.token.usage"] {
            for point in named(&request, name)["histogram"]["dataPoints"].as_array().expect("points") {
                let counts = point["bucketCounts"].as_array().expect("counts");
                assert_eq!(
                    counts.len(),
                    point["explicitBounds"].as_array().expect("bounds").len() + 1,
                    "{point}"
                );
                let sum: u64 = counts.iter().filter_map(|count| count.as_str()?.parse::<u64>().ok()).sum();
                assert_eq!(point["count"], sum.to_string());
            }
        }
    }

    #[test]
    fn environment_wins_over_our_own_attributes() {
        let given = [("service.name".to_owned(), "shop".to_owned()), ("team".to_owned(), "a".to_owned())];
        let request = request(&busy(), &given);
        let resource = &request["resourceMetrics"][0]["resource"]["attributes"];
        for (key, wanted) in [
            ("service.name", json!({ "stringValue": "shop" })),
            ("team", json!({ "stringValue": "a" })),
            ("process.pid", json!({ "intValue": "4711" })),
            ("host.name", json!({ "stringValue": "host-1" })),
            ("deployment.environment.name", json!({ "stringValue": "production" })),
        ] {
            assert_eq!(attribute(resource, key), &wanted, "{key}");
        }
    }
}
