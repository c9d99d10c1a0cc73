//! One POST to one server, and what its answer means.
//!
//! Redirects are not followed: an alert is for the address that was given. Proxies are those of the environment
//! (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`), but never for this machine. Connections are not kept: alerts are rare.
//! Addresses never appear in a reason.

use std::path::PathBuf;
use std::sync::OnceLock;

use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Certificate, Client, StatusCode, Url};

use super::cause::cause;
use super::report::Outcome;
use super::secrets::is_loopback;

/// Of an answer's body no more is read.
const BODY_LIMIT: usize = 65_536;

/// The clients, made when they are needed first.
pub(crate) struct Http {
    extra_certificates: Option<PathBuf>,
    outside: OnceLock<Option<Client>>,
    this_machine: OnceLock<Option<Client>>,
}

impl Http {
    /// No client yet.
    pub(crate) fn new(extra_certificates: Option<PathBuf>) -> Self {
        Self { extra_certificates, outside: OnceLock::new(), this_machine: OnceLock::new() }
    }

    /// Posts `body` as JSON.
    pub(crate) async fn post(
        &self,
        url: &Url,
        headers: Vec<(HeaderName, HeaderValue)>,
        body: Vec<u8>,
        wall_ms: u64,
    ) -> Outcome {
        let Some(client) = self.client(url) else {
            return Outcome::Refused {
                reason: "the HTTP client cannot be made: no certificates to trust".into(),
            };
        };
        let mut request = client.post(url.clone()).header(CONTENT_TYPE, "application/json").body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        match request.send().await {
            Ok(response) => {
                let status = response.status();
                // Who says 2xx has it, whatever becomes of the rest of the answer.
                if status.is_success() {
                    return Outcome::Delivered;
                }
                let retry_after_ms = retry_after_ms(response.headers(), wall_ms);
                judge(status, word(response).await.as_deref(), retry_after_ms)
            }
            Err(error) => Outcome::Later { reason: reason(&error), retry_after_ms: None },
        }
    }

    /// Certificates of `NODE_EXTRA_CA_CERTS`, as PEM; none when the file cannot be read, as in Node.js.
    pub(crate) fn extra_pem(&self) -> Option<Vec<u8>> {
        std::fs::read(self.extra_certificates.as_ref()?).ok()
    }

    /// The client for other machines.
    pub(crate) fn outside(&self) -> Option<Client> {
        self.outside.get_or_init(|| self.build(false)).clone()
    }

    fn client(&self, url: &Url) -> Option<&Client> {
        if is_loopback(url) {
            return self.this_machine.get_or_init(|| self.build(true)).as_ref();
        }
        self.outside.get_or_init(|| self.build(false)).as_ref()
    }

    fn build(&self, direct: bool) -> Option<Client> {
        let mut builder = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(0)
            .user_agent(concat!("agentwise-optimization/", env!("CARGO_PKG_VERSION")));
        if direct {
            builder = builder.no_proxy();
        }
        let extra = self.extra_pem().and_then(|pem| Certificate::from_pem_bundle(&pem).ok());
        for certificate in extra.into_iter().flatten() {
            builder = builder.add_root_certificate(certificate);
        }
        builder.build().ok()
    }
}

/// What an answer other than 2xx means: that the server is busy or broken may pass, that it does not want this does not.
fn judge(status: StatusCode, word: Option<&str>, retry_after_ms: Option<u64>) -> Outcome {
    let word = word.map(|word| format!(": {word}")).unwrap_or_default();
    let reason = format!("the server answered {}{word}", status.as_u16());
    match status.as_u16() {
        408 | 429 | 500.. => Outcome::Later { reason, retry_after_ms },
        300..400 => Outcome::Refused { reason: format!("{reason}; redirects are not followed") },
        _ => Outcome::Refused { reason },
    }
}

/// The body when it is one word such as `invalid_payload`: anything else could hold what was sent.
async fn word(mut response: reqwest::Response) -> Option<String> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > BODY_LIMIT {
            return None;
        }
    }
    let text = String::from_utf8(body).ok()?;
    let text = text.trim();
    let is_word = (3..=40).contains(&text.len()) && text.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    is_word.then(|| text.to_owned())
}

/// `Retry-After` as seconds or a date (RFC 9110, 10.2.3). A date is compared with the server's own clock when it tells it.
fn retry_after_ms(headers: &HeaderMap, wall_ms: u64) -> Option<u64> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(seconds.saturating_mul(1_000));
    }
    let now_ms = headers.get(DATE).and_then(|date| http_date_ms(date.to_str().ok()?)).unwrap_or(wall_ms);
    Some(http_date_ms(text)?.saturating_sub(now_ms))
}

fn http_date_ms(text: &str) -> Option<u64> {
    let parser = jiff::fmt::rfc2822::DateTimeParser::new();
    u64::try_from(parser.parse_timestamp(text).ok()?.as_millisecond()).ok()
}

/// What went wrong, without the address.
fn reason(error: &reqwest::Error) -> String {
    let what = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "cannot connect"
    } else {
        "the answer broke off or is no HTTP"
    };
    match cause(error) {
        Some(cause) => format!("{what}: {cause}"),
        None => what.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_judged_by_what_may_pass() {
        let later = [408, 429, 500, 502, 503, 504, 599];
        let never = [300, 301, 302, 307, 400, 401, 403, 404, 405, 410, 413, 422];
        for (statuses, may_pass) in [(&later[..], true), (&never[..], false)] {
            for status in statuses {
                let outcome =
                    judge(StatusCode::from_u16(*status).expect("a status"), Some("no_service"), None);
                assert_eq!(matches!(outcome, Outcome::Later { .. }), may_pass, "{status}");
                let (Outcome::Later { reason, .. } | Outcome::Refused { reason }) = outcome else {
                    panic!("{status}")
                };
                assert!(reason.starts_with(&format!("the server answered {status}: no_service")));
            }
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let wall_ms = 784_111_777_000;
        for (value, date, expected) in [
            ("120", None, Some(120_000)),
            (" 0 ", None, Some(0)),
            ("99999999999999999999", None, None),
            ("-5", None, None),
            ("soon", None, None),
            ("1.5", None, None),
            ("Sun, 06 Nov 1994 08:50:37 GMT", None, Some(60_000)),
            ("Sun, 06 Nov 1994 08:49:36 GMT", None, Some(0)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some("Sun, 06 Nov 1994 08:50:30 GMT"), Some(7_000)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some("garbage"), Some(60_000)),
            ("Sun, 99 Nov 1994 08:50:37 GMT", None, None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_static(value));
            if let Some(date) = date {
                headers.insert(DATE, HeaderValue::from_static(date));
            }
            assert_eq!(retry_after_ms(&headers, wall_ms), expected, "{value}");
        }
        assert_eq!(retry_after_ms(&HeaderMap::new(), wall_ms), None);
    }
}
