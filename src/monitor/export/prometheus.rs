//! The text that Prometheus reads: its own format, and `OpenMetrics` 1.0, which differs in the names of families, in units, and in
//! that it ends. Bounds of buckets are written in one way in both, so that series do not depend on which was asked for.

use std::fmt::Write;

use crate::monitor::export::Scrape;
use crate::monitor::export::family::{Family, Shape};
use crate::monitor::export::points::{Point, Value, points};

/// Which text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text format 0.0.4.
    Prometheus,
    /// `OpenMetrics` 1.0.0.
    OpenMetrics,
}

impl Format {
    /// For the header of an answer.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// The one with this name, as `metricsText()` takes it.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "prometheus" => Some(Self::Prometheus),
            "openmetrics" => Some(Self::OpenMetrics),
            _ => None,
        }
    }
}

/// Units that `OpenMetrics` knows by the end of a name.
const UNITS: [&str; 3] = ["seconds", "bytes", "ratio"];

/// Everything as text.
pub fn text(scrape: &Scrape, format: Format) -> String {
    let points = points(scrape);
    let mut text = String::with_capacity(points.len() * 160);
    let mut last = "";
    for point in &points {
        if point.family.prometheus != last {
            last = point.family.prometheus;
            head(&mut text, &point.family, format);
        }
        sample(&mut text, point);
    }
    if format == Format::OpenMetrics {
        text.push_str("# EOF\n");
    }
    text
}

fn head(text: &mut String, family: &Family, format: Format) {
    let name = match (format, family.shape) {
        (Format::OpenMetrics, Shape::Counter) => family.prometheus.trim_end_matches("_total"),
        (Format::OpenMetrics, Shape::Info) => family.prometheus.trim_end_matches("_info"),
        _ => family.prometheus,
    };
    let kind = match family.shape {
        Shape::Counter => "counter",
        Shape::Histogram(_) => "histogram",
        Shape::Info if format == Format::OpenMetrics => "info",
        Shape::Gauge | Shape::Amount | Shape::Info => "gauge",
    };
    text.push_str("# HELP ");
    text.push_str(name);
    text.push(' ');
    // Escaping a quote is right in one format only, so that help texts have none: a test looks.
    escaped(text, family.help);
    text.push('\n');
    line(text, format_args!("# TYPE {name} {kind}\n"));
    if format == Format::OpenMetrics
        && let Some(unit) =
            UNITS.iter().find(|unit| name.strip_suffix(*unit).is_some_and(|rest| rest.ends_with('_')))
    {
        line(text, format_args!("# UNIT {name} {unit}\n"));
    }
}

fn sample(text: &mut String, point: &Point) {
    let name = point.family.prometheus;
    match &point.value {
        Value::Number(value) => {
            text.push_str(name);
            labels(text, &point.labels, None);
            line(text, format_args!(" {value}\n"));
        }
        Value::Histogram { count, sum, buckets } => {
            let Shape::Histogram(bounds) = point.family.shape else { return };
            let counted = bounds.iter().zip(buckets).map(|(bound, count)| (canonical(*bound), *count));
            for (bound, count) in counted.chain([("+Inf".to_owned(), *count)]) {
                text.push_str(name);
                text.push_str("_bucket");
                labels(text, &point.labels, Some(&bound));
                line(text, format_args!(" {count}\n"));
            }
            for (end, value) in [("_sum", *sum), ("_count", *count as f64)] {
                text.push_str(name);
                text.push_str(end);
                labels(text, &point.labels, None);
                line(text, format_args!(" {value}\n"));
            }
        }
    }
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("invariant: writing to a String cannot fail");
}

fn labels(text: &mut String, labels: &[(&'static str, String)], bound: Option<&str>) {
    let all =
        labels.iter().map(|(name, value)| (*name, value.as_str())).chain(bound.map(|bound| ("le", bound)));
    let mut open = '{';
    for (name, value) in all {
        text.push(open);
        open = ',';
        text.push_str(name);
        text.push_str("=\"");
        escaped(text, value);
        text.push('"');
    }
    if open == ',' {
        text.push('}');
    }
}

fn escaped(text: &mut String, value: &str) {
    for c in value.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            c => text.push(c),
        }
    }
}

/// A bound as `OpenMetrics` wants it, which is what a `float` of Python prints: `1e-06`, `0.0001`, `1.0`, `67108864.0`.
fn canonical(bound: f64) -> String {
    if bound >= 1e-4 {
        return format!("{bound:?}");
    }
    let text = format!("{bound:e}");
    match text.split_once("e-") {
        Some((digits, exponent)) => format!("{digits}e-{exponent:0>2}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::monitor::alerts::{Component, Level};
    use crate::monitor::export::family::FAMILIES;
    use crate::monitor::export::points::label;
    use crate::monitor::export::strict::{self, Family as Parsed};
    use crate::monitor::export::test_support::{busy, operation};
    use crate::telemetry::metric::Metric;

    fn parsed(scrape: &Scrape, format: Format) -> Vec<Parsed> {
        let text = text(scrape, format);
        strict::parse(&text, format).unwrap_or_else(|problem| panic!("{problem}\n{text}"))
    }

    #[test]
    fn both_texts_are_sound_and_hold_every_family() {
        for format in [Format::Prometheus, Format::OpenMetrics] {
            for scrape in [Scrape::default(), busy()] {
                parsed(&scrape, format);
            }
            let found: Vec<_> =
                parsed(&busy(), format).into_iter().map(|family| family.full_name()).collect();
            let rows = Metric::ALL.iter().map(|metric| metric.row().prometheus);
            for name in rows.chain(FAMILIES.iter().map(|family| family.prometheus)) {
                assert!(found.iter().any(|found| found == name), "{name} in {format:?}");
            }
        }
    }

    #[test]
    fn text_is_as_the_formats_have_it() {
        let mut scrape = Scrape { started_ms: 1_500, ..Scrape::default() };
        scrape.figures.set(Metric::CpuTime, 1.5);
        scrape.info.version = "1.0".into();
        scrape.info.environment = "staging".into();
        let wanted = "\
# HELP agentwise_cpu_process_seconds Processor time of the process, user and system
# TYPE agentwise_cpu_process_seconds counter
# UNIT agentwise_cpu_process_seconds seconds
agentwise_cpu_process_seconds_total 1.5
# HELP agentwise_start_time_seconds When counters began, Unix time
# TYPE agentwise_start_time_seconds gauge
# UNIT agentwise_start_time_seconds seconds
agentwise_start_time_seconds 1.5
# HELP agentwise_build Version, environment and project; attributes of the resource in OpenTelemetry
# TYPE agentwise_build info
agentwise_build_info{version=\"1.0\",environment=\"staging\",project=\"none\"} 1
# EOF
";
        assert_eq!(text(&scrape, Format::OpenMetrics), wanted);
        let plain = text(&scrape, Format::Prometheus);
        assert!(plain.contains("# TYPE agentwise_cpu_process_seconds_total counter\n"));
        assert!(!plain.contains("# UNIT") && !plain.contains("# EOF"));
    }

    #[test]
    fn help_needs_no_escape() {
        let rows = Metric::ALL.iter().map(|metric| metric.row().help);
        for help in rows.chain(FAMILIES.iter().map(|family| family.help)) {
            assert!(!help.contains(['"', '\\', '\n']), "{help}");
        }
    }

    #[test]
    fn bounds_are_canonical() {
        for (bound, wanted) in [
            (1e-6, "1e-06"),
            (1e-5, "1e-05"),
            (1e-4, "0.0001"),
            (0.0025, "0.0025"),
            (1.0, "1.0"),
            (60.0, "60.0"),
            (67_108_864.0, "67108864.0"),
        ] {
            assert_eq!(canonical(bound), wanted);
        }
    }

    proptest! {
        #[test]
        fn any_name_is_read_back(names in prop::collection::vec(any::<String>(), 1..8), is_open in any::<bool>()) {
            let format = if is_open { Format::OpenMetrics } else { Format::Prometheus };
            let scrape = Scrape {
                operations: names.iter().map(|name| operation(name, 1, 0)).collect(),
                agents: names.iter().map(|name| (name.clone(), 1)).collect(),
                alerts: names.iter().map(|name| (name.clone(), Level::Info, Component::Disk)).collect(),
                ..busy()
            };
            let text = text(&scrape, format);
            let families = strict::parse(&text, format).map_err(TestCaseError::fail)?;
            let requests = families.iter().find(|family| family.full_name() == "agentwise_requests_total");
            let samples = &requests.expect("there were requests").samples;
            for name in names {
                let wanted = vec![("operation".to_owned(), label(&name))];
                prop_assert!(samples.iter().any(|sample| sample.labels == wanted), "{name:?}");
            }
        }

        #[test]
        fn any_figures_are_read_back(values in prop::collection::vec(any::<f64>(), Metric::COUNT)) {
            let mut scrape = Scrape::default();
            for (metric, value) in Metric::ALL.iter().zip(values) {
                scrape.figures.set(*metric, value.abs());
            }
            for format in [Format::Prometheus, Format::OpenMetrics] {
                strict::parse(&text(&scrape, format), format).map_err(TestCaseError::fail)?;
            }
        }
    }
}
