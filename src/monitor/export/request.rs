//! What the server answers to a request: which page, to whom, in which format. No sockets here.

use std::net::IpAddr;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    ACCEPT, ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderMap, HeaderValue,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use hyper::http::request::Parts;
use hyper::http::uri::Authority;
use hyper::{Method, Response, StatusCode, Version};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::base::error::{Error, ErrorKind, Result};
use crate::monitor::export::prometheus::{self, Format};
use crate::monitor::export::{Exported, Healthz};

pub(crate) const TEXT: &str = "text/plain; charset=utf-8";
pub(crate) const JSON: &str = "application/json; charset=utf-8";

/// What readers of `/metrics` have to know. Only its SHA-256 is kept.
#[derive(Clone)]
pub struct Token([u8; 32]);

impl Token {
    /// From the text that readers send.
    ///
    /// # Errors
    /// `E_INVALID_ARGUMENT` when it is empty or holds what a header cannot: only visible ASCII can be sent.
    pub fn new(text: &str) -> Result<Self> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            let message = "METRICS_TOKEN must be one or more visible ASCII characters, without spaces";
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        Ok(Self(Sha256::digest(text.as_bytes()).into()))
    }

    /// Whether this is it. Takes the same time for every wrong one: what is compared are digests, all bytes of them.
    fn is(&self, given: &[u8]) -> bool {
        let given: [u8; 32] = Sha256::digest(given).into();
        self.0
            .iter()
            .zip(given)
            .fold(0, |differing, (own, other)| std::hint::black_box(differing | (own ^ other)))
            == 0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Who may read.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    /// Needed for `/metrics`, if there is one.
    pub(crate) token: Option<Token>,
    /// The configured host, if the server is reached from this machine only. Then requests must be for it: a web page whose
    /// name was made to point here (DNS rebinding) sends its own.
    pub(crate) local_host: Option<String>,
}

/// The answer. `source` is gone when the monitor was stopped.
pub(crate) fn answer(parts: &Parts, access: &Access, source: Option<&dyn Exported>) -> Response<Full<Bytes>> {
    if let Err((status, message)) = host_is_ours(parts, access) {
        return page(status, TEXT, message);
    }
    let path = parts.uri.path();
    if !["/metrics", "/healthz", "/readyz"].contains(&path) {
        return page(StatusCode::NOT_FOUND, TEXT, "not found: there are /metrics, /healthz, /readyz\n");
    }
    if parts.method != Method::GET && parts.method != Method::HEAD {
        let mut refused = page(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET and HEAD\n");
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    if path == "/metrics" && !access.token.as_ref().is_none_or(|token| is_known(&parts.headers, token)) {
        let mut refused = page(StatusCode::UNAUTHORIZED, TEXT, "the token is missing or wrong\n");
        let scheme = HeaderValue::from_static("Bearer realm=\"metrics\"");
        refused.headers_mut().insert(WWW_AUTHENTICATE, scheme);
        return refused;
    }
    let Some(source) = source else {
        return page(StatusCode::SERVICE_UNAVAILABLE, TEXT, "the monitor was stopped\n");
    };
    if path == "/metrics" {
        let format = wanted(&parts.headers);
        return page(StatusCode::OK, format.content_type(), prometheus::text(&source.scrape(), format));
    }
    let Healthz { is_live, is_ready, body } = source.health();
    let is_well = if path == "/healthz" { is_live } else { is_ready };
    let status = if is_well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    page(status, JSON, json_line(&body))
}

fn json_line(body: &Value) -> String {
    format!("{body}\n")
}

/// A page that nobody keeps.
pub(crate) fn page(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut page = Response::new(Full::new(body.into()));
    *page.status_mut() = status;
    let headers = page.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    page
}

fn host_is_ours(parts: &Parts, access: &Access) -> std::result::Result<(), (StatusCode, &'static str)> {
    let Some(own) = &access.local_host else { return Ok(()) };
    let mut given = parts.headers.get_all(HOST).iter();
    let host = match (given.next(), given.next()) {
        (Some(host), None) => host.to_str().ok(),
        // Browsers speak HTTP/1.1, which must say for whom a request is.
        (None, _) if parts.version < Version::HTTP_11 => return Ok(()),
        _ => return Err((StatusCode::BAD_REQUEST, "there must be one Host header\n")),
    };
    let hosts = [host, parts.uri.authority().map(Authority::as_str).or(host)];
    if hosts.iter().all(|host| host.is_some_and(|host| is_local(host, own))) {
        return Ok(());
    }
    Err((
        StatusCode::MISDIRECTED_REQUEST,
        "this server is for its own machine: ask it by localhost or a loopback address\n",
    ))
}

/// Whether a `Host` is this machine's, by an address or a name that nobody else can point elsewhere.
fn is_local(host: &str, own: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or("", |(name, _)| name),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    let is_loopback = name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    is_loopback
        || name.eq_ignore_ascii_case("localhost")
        || name.eq_ignore_ascii_case(own.trim_matches(['[', ']']))
}

fn is_known(headers: &HeaderMap, token: &Token) -> bool {
    let given = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
    match given.split_at_checked(7) {
        Some((scheme, text)) => scheme.eq_ignore_ascii_case(b"bearer ") && token.is(text.trim_ascii()),
        None => false,
    }
}

/// The format that the reader prefers; Prometheus's where it does not care.
fn wanted(headers: &HeaderMap) -> Format {
    let (mut open, mut plain) = (0.0_f64, 0.0_f64);
    let lines = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    for range in lines.flat_map(|line| line.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
        let (mut quality, mut is_known) = (1.0, true);
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            match name.trim().to_ascii_lowercase().as_str() {
                "q" => quality = value.trim().parse().unwrap_or(0.0),
                "version" => is_known = matches!(value.trim().trim_matches('"'), "1.0.0" | "0.0.1" | "0.0.4"),
                _ => {}
            }
        }
        match kind.as_str() {
            "application/openmetrics-text" if is_known => open = open.max(quality),
            "text/plain" | "text/*" | "*/*" if is_known => plain = plain.max(quality),
            _ => {}
        }
    }
    if open > 0.0 && open >= plain { Format::OpenMetrics } else { Format::Prometheus }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::monitor::export::Scrape;
    use crate::monitor::export::test_support::busy;

    struct Sick;

    impl Exported for Sick {
        fn scrape(&self) -> Scrape {
            busy()
        }

        fn health(&self) -> Healthz {
            Healthz { is_live: true, is_ready: false, body: json!({ "status": "starting" }) }
        }
    }

    fn asked(line: &str, headers: &[(&str, &str)], access: &Access) -> Response<Full<Bytes>> {
        let (method, uri) = line.split_once(' ').expect("method and address");
        let mut request = hyper::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(&request.body(()).expect("a request").into_parts().0, access, Some(&Sick))
    }

    fn local(token: Option<&str>) -> Access {
        let token = token.map(|token| Token::new(token).expect("a token"));
        Access { token, local_host: Some("127.0.0.1".into()) }
    }

    #[test]
    fn pages_and_methods() {
        for (line, wanted) in [
            ("GET /metrics", 200),
            ("HEAD /metrics", 200),
            ("GET /metrics?x=1", 200),
            ("GET /healthz", 200),
            ("GET /readyz", 503),
            ("GET /", 404),
            ("GET /metrics/", 404),
            ("GET /../metrics", 404),
            ("POST /metrics", 405),
            ("DELETE /healthz", 405),
            ("POST /other", 404),
        ] {
            let answer = asked(line, &[("host", "localhost:9464")], &local(None));
            assert_eq!(answer.status().as_u16(), wanted, "{line}");
            assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
        }
    }

    #[test]
    fn token_is_needed_for_figures_and_for_nothing_else() {
        let access = local(Some("hunter2"));
        for (given, wanted) in [
            (None, 401),
            (Some(""), 401),
            (Some("Bearer"), 401),
            (Some("Bearer "), 401),
            (Some("Bearer hunter"), 401),
            (Some("Bearer hunter22"), 401),
            (Some("Basic hunter2"), 401),
            (Some("Bearer hunter2"), 200),
            (Some("bearer  hunter2 "), 200),
        ] {
            let host = ("host", "localhost");
            let headers: Vec<_> =
                given.map(|given| ("authorization", given)).into_iter().chain([host]).collect();
            let answer = asked("GET /metrics", &headers, &access);
            assert_eq!(answer.status().as_u16(), wanted, "{given:?}");
            assert_eq!(answer.headers().contains_key("www-authenticate"), wanted == 401);
        }
        assert_eq!(asked("GET /healthz", &[("host", "localhost")], &access).status(), 200);
        assert!(!format!("{access:?}").contains("hunter2"));
    }

    #[test]
    fn unusable_tokens_are_refused() {
        for bad in ["", " ", "two words", "a\r\nb", "é", "a\0"] {
            assert_eq!(Token::new(bad).expect_err(bad).kind(), ErrorKind::InvalidArgument);
        }
    }

    #[test]
    fn request_for_another_name_is_refused_on_loopback() {
        for (host, wanted) in [
            ("localhost", 200),
            ("LOCALHOST:9464", 200),
            ("127.0.0.1:9464", 200),
            ("127.8.8.8", 200),
            ("[::1]:9464", 200),
            ("evil.example", 421),
            ("evil.example:9464", 421),
            ("localhost.evil.example", 421),
            ("127.0.0.1.evil.example", 421),
            ("[::1", 421),
            ("10.0.0.1", 421),
            ("", 421),
        ] {
            assert_eq!(
                asked("GET /healthz", &[("host", host)], &local(None)).status().as_u16(),
                wanted,
                "{host:?}"
            );
        }
        let whole = asked("GET http://evil.example/healthz", &[("host", "localhost")], &local(None));
        assert_eq!(whole.status(), 421);
        assert_eq!(asked("GET /healthz", &[], &local(None)).status(), 400);
        assert_eq!(
            asked("GET /healthz", &[("host", "localhost"), ("host", "x")], &local(None)).status(),
            400
        );
        let open = Access { local_host: None, ..local(Some("t")) };
        assert_eq!(asked("GET /healthz", &[("host", "metrics.example")], &open).status(), 200);
    }

    #[test]
    fn format_is_the_one_that_the_reader_prefers() {
        let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                          text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        for (accept, wanted) in [
            (prometheus, Format::OpenMetrics),
            ("", Format::Prometheus),
            ("*/*", Format::Prometheus),
            ("text/html", Format::Prometheus),
            ("application/openmetrics-text", Format::OpenMetrics),
            ("application/openmetrics-text; version=2.0.0", Format::Prometheus),
            ("application/openmetrics-text;q=0", Format::Prometheus),
            ("application/openmetrics-text;q=0.2,text/plain;q=0.9", Format::Prometheus),
        ] {
            let answer = asked("GET /metrics", &[("host", "localhost"), ("accept", accept)], &local(None));
            assert_eq!(answer.headers()["content-type"], wanted.content_type(), "{accept}");
        }
    }
}
