//! Where OTLP goes, by the setting and the variables that the specification of OpenTelemetry's exporters names. Headers and the
//! address may hold secrets: neither is shown but for the address's host and path.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::base::error::Problem;

/// Where a collector on the same machine listens.
const DEFAULT_ENDPOINT: &str = "http://localhost:4318";
/// What an address without a signal's path gets.
const METRICS_PATH: &str = "v1/metrics";
/// The specification's default.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// A request that takes longer than a minute stands in the way of the next.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(60);

/// Where and how.
#[derive(Clone)]
pub struct OtlpSettings {
    pub(crate) endpoint: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) timeout: Duration,
    /// Attributes of the resource that the environment gives.
    pub(crate) attributes: Vec<(String, String)>,
}

impl OtlpSettings {
    /// By the setting `otlpEndpoint`, else `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT` as it stands, else
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`, else `http://localhost:4318`; the setting and the last two get `/v1/metrics`. Also read:
    /// `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_EXPORTER_OTLP_TIMEOUT` (ms) and their `_METRICS_` forms, which win;
    /// `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`.
    ///
    /// # Errors
    /// Everything that is wrong, without what may be secret.
    pub fn from_variables(
        variables: &BTreeMap<String, String>,
        endpoint: Option<&str>,
    ) -> Result<Self, Vec<Problem>> {
        let variable = |name: &'static str| {
            let text = variables.get(name).map(|text| text.trim()).filter(|text| !text.is_empty());
            text.map(|text| (name, text))
        };
        let mut problems = Vec::new();
        let (source, text) = endpoint
            .map(|text| ("otlpEndpoint", text))
            .or_else(|| variable("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"))
            .or_else(|| variable("OTEL_EXPORTER_OTLP_ENDPOINT"))
            .unwrap_or(("otlpEndpoint", DEFAULT_ENDPOINT));
        let mut problem = |path: &str, message: String| problems.push(Problem { path: path.into(), message });
        let url = address(text, source == "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT");
        if let Err(message) = &url {
            problem(source, (*message).to_owned());
        }
        let mut headers = HeaderMap::new();
        for name in ["OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_METRICS_HEADERS"] {
            for (index, pair) in pairs(variable(name).map_or("", |(_, text)| text)).enumerate() {
                match pair.as_ref().and_then(header) {
                    Some((key, value)) => drop(headers.insert(key, value)),
                    None => problem(name, format!("entry {} is not `name=value` of a header", index + 1)),
                }
            }
        }
        let mut attributes = BTreeMap::new();
        for (index, pair) in
            pairs(variable("OTEL_RESOURCE_ATTRIBUTES").map_or("", |(_, text)| text)).enumerate()
        {
            match pair {
                Some((key, value)) => drop(attributes.insert(key, value)),
                None => {
                    problem("OTEL_RESOURCE_ATTRIBUTES", format!("entry {} is not `name=value`", index + 1));
                }
            }
        }
        if let Some((_, name)) = variable("OTEL_SERVICE_NAME") {
            attributes.insert("service.name".into(), name.into());
        }
        let time =
            variable("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT").or_else(|| variable("OTEL_EXPORTER_OTLP_TIMEOUT"));
        let timeout =
            time.map_or(Some(DEFAULT_TIMEOUT), |(_, text)| text.parse().ok().map(Duration::from_millis));
        if let (None, Some((name, _))) = (timeout.filter(|timeout| !timeout.is_zero()), time) {
            problem(name, "must be a whole number of milliseconds, at least 1".into());
        }
        match url {
            Ok(endpoint) if problems.is_empty() => Ok(Self {
                endpoint,
                headers,
                timeout: timeout.unwrap_or(DEFAULT_TIMEOUT).min(LONGEST_TIMEOUT),
                attributes: attributes.into_iter().collect(),
            }),
            _ => Err(problems),
        }
    }

    /// The address without its query, which may hold a key.
    pub fn shown(&self) -> String {
        let mut shown = self.endpoint.clone();
        shown.set_query(None);
        shown.into()
    }
}

impl fmt::Debug for OtlpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpSettings").field("endpoint", &self.shown()).finish_non_exhaustive()
    }
}

fn address(text: &str, is_whole: bool) -> Result<Url, &'static str> {
    if text.chars().any(char::is_control) {
        return Err("must not hold control characters");
    }
    let mut url = Url::parse(text).map_err(|_| "must be an http:// or https:// address")?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err("must be an http:// or https:// address");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user or password: give them in OTEL_EXPORTER_OTLP_HEADERS");
    }
    url.set_fragment(None);
    let path = url.path().trim_end_matches('/').to_owned();
    if !is_whole && !path.ends_with(METRICS_PATH) {
        url.set_path(&format!("{path}/{METRICS_PATH}"));
    }
    Ok(url)
}

/// `name=value,name=value` with percent escapes in values, as W3C baggage has it; `None` for what is not a pair.
fn pairs(text: &str) -> impl Iterator<Item = Option<(String, String)>> {
    text.split(',').map(str::trim).filter(|pair| !pair.is_empty()).map(|pair| {
        let (key, value) = pair.split_once('=')?;
        let (key, value) = (key.trim(), decoded(value.trim())?);
        (!key.is_empty() && !value.chars().any(char::is_control)).then(|| (key.to_owned(), value))
    })
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit =
                |byte: Option<u8>| char::from(byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            bytes.push(digit(rest.next())? * 16 + digit(rest.next())?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

fn header((key, value): &(String, String)) -> Option<(HeaderName, HeaderValue)> {
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some((HeaderName::from_bytes(key.as_bytes()).ok()?, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)], endpoint: Option<&str>) -> Result<OtlpSettings, Vec<Problem>> {
        let own = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        OtlpSettings::from_variables(&own, endpoint)
    }

    #[test]
    fn address_is_that_of_the_setting_else_of_the_environment() {
        const METRICS: (&str, &str) = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://m:1/own");
        const ALL: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:2/base/");
        for (variables, setting, wanted) in [
            (&[][..], None, "http://localhost:4318/v1/metrics"),
            (&[ALL], None, "http://a:2/base/v1/metrics"),
            (&[ALL, METRICS], None, "http://m:1/own"),
            (&[ALL, METRICS], Some("https://s:3"), "https://s:3/v1/metrics"),
            (&[], Some("https://s/otlp/v1/metrics?key=secret"), "https://s/otlp/v1/metrics"),
        ] {
            assert_eq!(settings(variables, setting).expect(wanted).shown(), wanted);
        }
    }

    #[test]
    fn bad_addresses_are_refused_without_showing_them() {
        for bad in [
            "",
            "collector",
            "ftp://host",
            "file:///etc/passwd",
            "http://user:hunter2@host",
            "http://ho\nst",
            "http://",
        ] {
            let problems = settings(&[], Some(bad)).expect_err(bad);
            assert_eq!(problems[0].path, "otlpEndpoint");
            assert!(!problems[0].message.contains("hunter2"));
        }
    }

    #[test]
    fn headers_and_attributes_are_decoded_and_every_problem_is_told() {
        let good = settings(
            &[
                ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20hunter2, x-a=1"),
                ("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "x-a=2"),
                ("OTEL_RESOURCE_ATTRIBUTES", "team=a%2Cb,service.name=lost"),
                ("OTEL_SERVICE_NAME", "shop"),
                ("OTEL_EXPORTER_OTLP_TIMEOUT", "2500"),
            ],
            None,
        )
        .expect("sound");
        assert_eq!(good.headers["authorization"], "Bearer hunter2");
        assert_eq!(good.headers["x-a"], "2");
        assert_eq!(good.timeout, Duration::from_millis(2500));
        let wanted = [("service.name", "shop"), ("team", "a,b")];
        assert!(good.attributes.iter().map(|(key, value)| (key.as_str(), value.as_str())).eq(wanted));
        assert!(!format!("{good:?} {:?}", good.headers).contains("hunter2"));

        let problems = settings(
            &[
                ("OTEL_EXPORTER_OTLP_HEADERS", "hunter2,x-a=a%0d%0ax-b: 1,bad name=1"),
                ("OTEL_RESOURCE_ATTRIBUTES", "=1,ok=%zz"),
                ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
            ],
            Some("gopher://host"),
        )
        .expect_err("everything is wrong");
        assert_eq!(problems.len(), 7, "{problems:?}");
        assert!(!format!("{problems:?}").contains("hunter2"));
    }
}
