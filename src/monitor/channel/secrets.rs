//! Addresses and keys of the channels, from environment variables, and the checks of addresses. None of it is ever part of a
//! message, an error, a log or a status: only whether it is set.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use reqwest::Url;

use crate::base::error::Problem;

/// Where Slack's incoming webhook is.
pub const SLACK_URL: &str = "SLACK_WEBHOOK_URL";
/// Where mails go: an HTTP API or an SMTP server.
pub const EMAIL_URL: &str = "EMAIL_SERVICE_API";
/// Bearer token of the HTTP API for mails.
pub const EMAIL_TOKEN: &str = "EMAIL_SERVICE_TOKEN";
/// Where the generic webhook is.
pub const WEBHOOK_URL: &str = "ALERT_WEBHOOK_URL";
/// Signs its bodies.
pub const WEBHOOK_SECRET: &str = "ALERT_WEBHOOK_SECRET";
/// Which service of `PagerDuty` is told.
pub const PAGERDUTY_KEY: &str = "PAGERDUTY_ROUTING_KEY";
/// Another address of its events API: that of the EU region, or a test's.
pub const PAGERDUTY_URL: &str = "PAGERDUTY_EVENTS_URL";
/// File with certificates that are trusted too, as Node.js does.
pub const EXTRA_CERTIFICATES: &str = "NODE_EXTRA_CA_CERTS";

const ALL: [&str; 8] = [
    SLACK_URL,
    EMAIL_URL,
    EMAIL_TOKEN,
    WEBHOOK_URL,
    WEBHOOK_SECRET,
    PAGERDUTY_KEY,
    PAGERDUTY_URL,
    EXTRA_CERTIFICATES,
];

/// Longer addresses and keys are a mistake.
const LONGEST: usize = 4_096;

/// What the environment says about the channels. Its `Debug` shows which variables are set, never their values.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets(BTreeMap<&'static str, String>);

impl Secrets {
    /// Picks the variables that the channels know; an empty one counts as not set.
    pub fn from_variables(variables: &BTreeMap<String, String>) -> Self {
        let set = |name: &'static str| {
            let value = variables.get(name).filter(|value| !value.is_empty())?;
            Some((name, value.clone()))
        };
        Self(ALL.into_iter().filter_map(set).collect())
    }

    /// The file of `NODE_EXTRA_CA_CERTS`.
    pub(crate) fn extra_certificates(&self) -> Option<PathBuf> {
        self.0.get(EXTRA_CERTIFICATES).map(PathBuf::from)
    }

    /// A key that goes into a header or a body.
    ///
    /// # Errors
    /// It holds a character that no header may hold, or is far too long.
    pub(crate) fn key(&self, name: &'static str) -> Result<Option<&str>, Problem> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        if value.len() > LONGEST || !value.chars().all(|c| c.is_ascii_graphic() || c == ' ') {
            return Err(problem(
                name,
                "must be printable ASCII on one line, without a line break at its end",
            ));
        }
        Ok(Some(value))
    }

    /// An address, with a scheme of `schemes`.
    ///
    /// # Errors
    /// `switch` is on and the variable is not set; the address is none.
    pub(crate) fn url(&self, name: &'static str, switch: &str, schemes: &[&str]) -> Result<Url, Problem> {
        let Some(value) = self.0.get(name) else {
            return Err(problem(switch, &format!("needs the environment variable {name}, which is not set")));
        };
        // The parser would drop line breaks without a word.
        if value.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(problem(name, "must not hold spaces, line breaks or control characters"));
        }
        let url = Url::parse(value).ok().filter(|url| url.has_host() && value.len() <= LONGEST);
        match url {
            Some(url) if schemes.contains(&url.scheme()) => Ok(url),
            _ => Err(problem(name, &format!("must be a URL that begins with {}", schemes_text(schemes)))),
        }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")?;
        f.debug_list().entries(self.0.keys()).finish()
    }
}

/// Something that is wrong with `path`, which is a setting or a variable.
pub(crate) fn problem(path: &str, message: &str) -> Problem {
    Problem { path: path.into(), message: message.into() }
}

/// Whether `url` is this machine by name or number.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let number = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || number.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The address must not carry a name or password.
pub(crate) fn without_user(name: &'static str, url: &Url, instead: &str) -> Result<(), Problem> {
    if url.username().is_empty() && url.password().is_none() {
        return Ok(());
    }
    Err(problem(name, &format!("must not hold a user name or password{instead}")))
}

/// Keys travel in the address or the body: not in the clear, but on this machine.
pub(crate) fn encrypted(name: &'static str, url: &Url) -> Result<(), Problem> {
    if url.scheme() == "https" || is_loopback(url) {
        return Ok(());
    }
    Err(problem(name, "must begin with https://; http:// is for this machine only"))
}

fn schemes_text(schemes: &[&str]) -> String {
    let all: Vec<String> = schemes.iter().map(|scheme| format!("{scheme}://")).collect();
    all.join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(name: &str, value: &str) -> Secrets {
        Secrets::from_variables(&BTreeMap::from([(name.to_owned(), value.to_owned())]))
    }

    #[test]
    fn debug_shows_names_only() {
        let secrets = secrets(SLACK_URL, "https://hooks.example/T0/secret");
        assert_eq!(format!("{secrets:?}"), r#"Secrets["SLACK_WEBHOOK_URL"]"#);
        assert_eq!(format!("{:?}", Secrets::from_variables(&BTreeMap::new())), "Secrets[]");
    }

    #[test]
    fn odd_addresses_are_refused_without_being_told() {
        for value in [
            "hunter2",
            "ftp://hunter2.example/",
            "javascript:hunter2",
            "file:///hunter2",
            "https://",
            "https:///",
            "https://example.com/hunter2\r\nX-Header: 1",
            "https://example.com/hunter2\n",
            " https://example.com/hunter2",
            "https://example.com/hunter2\u{0}",
            "http:hunter2@",
            "//hunter2.example",
            "https://[hunter2",
            "https://example.com:99999/hunter2",
        ] {
            let error = secrets(SLACK_URL, value).url(SLACK_URL, "enableSlackAlerts", &["https", "http"]);
            let problem = error.expect_err(value);
            assert_eq!(problem.path, SLACK_URL);
            assert!(!problem.message.contains("hunter2"), "{}", problem.message);
        }
        let long = format!("https://example.com/{}", "a".repeat(5_000));
        assert!(secrets(SLACK_URL, &long).url(SLACK_URL, "", &["https"]).is_err());
    }

    #[test]
    fn missing_address_names_switch_and_variable() {
        for secrets in [Secrets::default(), secrets(SLACK_URL, "")] {
            let problem = secrets.url(SLACK_URL, "enableSlackAlerts", &["https"]).expect_err("not set");
            assert_eq!(problem.path, "enableSlackAlerts");
            assert!(problem.message.contains(SLACK_URL));
        }
    }

    #[test]
    fn plain_http_is_for_this_machine() {
        for (text, sound) in [
            ("https://example.com/", true),
            ("http://127.0.0.1:1/", true),
            ("http://127.8.9.1/", true),
            ("http://[::1]:80/", true),
            ("http://LOCALHOST/", true),
            ("http://example.com/", false),
            ("http://localhost.example.com/", false),
            ("http://10.0.0.1/", false),
        ] {
            let url = Url::parse(text).expect(text);
            assert_eq!(encrypted(SLACK_URL, &url).is_ok(), sound, "{text}");
        }
    }

    #[test]
    fn keys_that_no_header_takes_are_refused() {
        for value in ["a\r\nX: y", "a\n", "ä", "\u{7f}"] {
            assert!(secrets(EMAIL_TOKEN, value).key(EMAIL_TOKEN).is_err(), "{value:?}");
        }
        assert_eq!(secrets(EMAIL_TOKEN, "a b-c").key(EMAIL_TOKEN).expect("sound"), Some("a b-c"));
    }
}
