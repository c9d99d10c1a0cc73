//! Email: a mail with a plain and an HTML part, to an HTTP API as documented JSON or to an SMTP server (`smtp`), by the scheme
//! of `EMAIL_SERVICE_API`.

use std::fmt::Write;
use std::sync::Arc;

use lettre::message::Mailbox;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde_json::json;

use super::pace::Limits;
use super::parcel::{News, Parcel, Source};
use super::secrets::{EMAIL_TOKEN, EMAIL_URL, encrypted, problem, without_user};
use super::smtp::Smtp;
use super::{Attempt, Channel, ChannelSettings, Office, Opened, Row, Secrets, text, webhook};
use crate::base::error::Problem;
use crate::base::units::iso8601;
use crate::monitor::alerts::Level;

pub(super) const ROW: Row = Row {
    name: "email",
    // Mails pile up: one a minute once the first few are out.
    limits: Limits {
        group_wait_ms: 1_000,
        per_message: 10,
        digest_over: 10,
        burst: 5,
        refill_ms: 60_000,
        incidents: false,
    },
    kept: true,
    enabled: |settings| settings.email,
    open,
};

/// Recipients of one mail.
const MOST_RECIPIENTS: usize = 50;

/// From whom and to whom.
#[derive(Debug, Clone, Default)]
pub(super) struct Addresses {
    pub(super) from: Option<Mailbox>,
    pub(super) to: Vec<Mailbox>,
}

impl Addresses {
    fn of(settings: &ChannelSettings) -> Result<Self, Vec<Problem>> {
        let (mut own, mut problems) = (Self::default(), Vec::new());
        if let Some(from) = &settings.email_from {
            own.from = mailbox("alertEmailFrom", from).map_err(|problem| problems.push(problem)).ok();
        }
        for (index, to) in settings.email_to.iter().enumerate() {
            match mailbox(&format!("alertEmailTo[{index}]"), to) {
                Ok(to) => own.to.push(to),
                Err(problem) => problems.push(problem),
            }
        }
        if settings.email_to.len() > MOST_RECIPIENTS {
            problems.push(problem(
                "alertEmailTo",
                &format!("must not hold more than {MOST_RECIPIENTS} addresses"),
            ));
        }
        if problems.is_empty() { Ok(own) } else { Err(problems) }
    }
}

/// Parses `ops@example.com` or `Ops <ops@example.com>`.
pub(super) fn mailbox(path: &str, value: &str) -> Result<Mailbox, Problem> {
    let wrong = || problem(path, "must be an email address such as ops@example.com or Ops <ops@example.com>");
    if value.len() > 320 || value.chars().any(char::is_control) {
        return Err(wrong());
    }
    value.parse().map_err(|_| wrong())
}

fn open(settings: &ChannelSettings, secrets: &Secrets) -> Opened {
    let url = secrets.url(EMAIL_URL, "enableEmailAlerts", &["https", "http", "smtps", "smtp"]);
    let (url, addresses) = match (url, Addresses::of(settings)) {
        (Ok(url), Ok(addresses)) => (url, addresses),
        (url, addresses) => {
            return Err(url.err().into_iter().chain(addresses.err().into_iter().flatten()).collect());
        }
    };
    if url.scheme().starts_with("smtp") {
        return Ok(Arc::new(Smtp::new(&url, addresses)?));
    }
    let one = |problem| vec![problem];
    without_user(EMAIL_URL, &url, "; EMAIL_SERVICE_TOKEN is sent as a bearer token").map_err(one)?;
    let authorization = secrets.key(EMAIL_TOKEN).map_err(one)?.and_then(|token| {
        let mut value = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
        value.set_sensitive(true);
        Some(value)
    });
    if authorization.is_some() {
        encrypted(EMAIL_URL, &url).map_err(one)?;
    }
    Ok(Arc::new(Api { url, authorization, addresses }))
}

/// A mail service with an HTTP API.
struct Api {
    url: Url,
    authorization: Option<HeaderValue>,
    addresses: Addresses,
}

impl Channel for Api {
    fn send<'a>(&'a self, parcel: &'a Parcel, office: Office<'a>) -> Attempt<'a> {
        let letter = Letter::new(parcel, office.source);
        let body = json!({
            "from": self.addresses.from.as_ref().map(ToString::to_string),
            "to": self.addresses.to.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "subject": letter.subject,
            "text": letter.text,
            "html": letter.html,
            "alerts": webhook::alerts(parcel),
        });
        let headers = self.authorization.iter().map(|value| (AUTHORIZATION, value.clone())).collect();
        Box::pin(office.http.post(&self.url, headers, body.to_string().into_bytes(), office.wall_ms))
    }
}

/// What a mail says.
pub(super) struct Letter {
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
}

impl Letter {
    pub(super) fn new(parcel: &Parcel, source: &Source) -> Self {
        let (mut text, mut html) = (String::new(), String::from(HTML_BEGIN));
        if let Parcel::Digest(digest) = parcel {
            let (line, components) = (text::digest_line(digest), text::components_line(digest));
            let span = format!("{} to {}", iso8601(digest.from_ms), iso8601(digest.to_ms));
            add(&mut text, format_args!("{line}\n{components}\n{span}\n\n"));
            add(&mut html, format_args!("<p><b>{}</b><br>{components}<br>{span}</p>", escaped(&line)));
        }
        for news in parcel.shown() {
            paragraph(news, &mut text, &mut html);
        }
        if let Parcel::Digest(digest) = parcel
            && digest.more > 0
        {
            add(&mut text, format_args!("... and {} more\n\n", digest.more));
            add(&mut html, format_args!("<p>… and {} more</p>", digest.more));
        }
        let from = text::line(&source.line(), 300);
        add(&mut text, format_args!("--\n{from}\n"));
        add(&mut html, format_args!("<p style=\"color:#666\">{}</p></body></html>", escaped(&from)));
        Self { subject: text::subject(parcel, source), text, html }
    }
}

const HTML_BEGIN: &str = "<!doctype html><html><head><meta charset=\"utf-8\"></head>\
     <body style=\"font-family:sans-serif;font-size:14px\">";

fn paragraph(news: &News, text: &mut String, html: &mut String) {
    let alert = &news.alert;
    let headline = text::headline(news);
    let message = text::lines(&alert.message, 5_000);
    let mut when = format!("since {}", iso8601(alert.timestamp));
    let ending = text::ending(news);
    if !ending.is_empty() {
        add(&mut when, format_args!(", over {ending}"));
    }
    let id = text::line(&alert.id, 200);
    add(text, format_args!("{headline}\n{message}\n{when}\nid {id}\n\n"));
    let color = match (news.what.over(), alert.level) {
        (true, _) => "#2e7d32",
        (false, Level::Critical) => "#c62828",
        (false, Level::Warning) => "#f9a825",
        (false, Level::Info) => "#1976d2",
    };
    add(
        html,
        format_args!(
            "<div style=\"border-left:4px solid {color};padding-left:8px;margin:12px 0\"><b>{}</b><br>{}\
             <br><span style=\"color:#666\">{when} · {}</span></div>",
            escaped(&headline),
            escaped(&message).replace('\n', "<br>"),
            escaped(&id)
        ),
    );
}

fn add(to: &mut String, what: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = to.write_fmt(what);
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::parcel::What;
    use super::super::tests::alert;
    use super::*;
    use crate::monitor::alerts::Alert;

    #[test]
    fn letter_escapes_what_came_from_outside() {
        let evil = Alert {
            title: "<b>\r\nBcc: x@example.com".into(),
            message: "a & \"b\"\n<script>".into(),
            ..alert("a")
        };
        let parcel = Parcel::News(vec![News { what: What::Created, alert: Arc::new(evil) }]);
        let letter = Letter::new(&parcel, &Source { environment: "production".into(), ..Source::default() });
        assert_eq!(letter.subject, "[production] WARNING memory: <b>  Bcc: x@example.com");
        assert!(
            letter.html.contains("a &amp; &quot;b&quot;<br>&lt;script&gt;")
                && !letter.html.contains("<script>")
        );
        assert!(
            letter
                .text
                .starts_with("WARNING memory: <b>  Bcc: x@example.com\na & \"b\"\n<script>\nsince 2026-")
        );
    }

    #[test]
    fn wrong_settings_are_all_told_without_secrets() {
        let secrets = |url: &str, token: &str| {
            let pairs = [(EMAIL_URL, url), (EMAIL_TOKEN, token)];
            let all: BTreeMap<String, String> = pairs.map(|(name, value)| (name.into(), value.into())).into();
            Secrets::from_variables(&all)
        };
        let mail = |from: &str, to: &[&str]| ChannelSettings {
            email_from: Some(from.into()),
            email_to: to.iter().map(|to| (*to).into()).collect(),
            ..ChannelSettings::default()
        };
        let fine = || mail("a@example.com", &["Ops <b@example.com>"]);
        for (secrets, settings, paths) in [
            (secrets("https://hunter2:x@example.com/", ""), fine(), &["EMAIL_SERVICE_API"][..]),
            (secrets("https://example.com/", "hunter2\n"), fine(), &["EMAIL_SERVICE_TOKEN"]),
            (secrets("mailto:hunter2@example.com", ""), fine(), &["EMAIL_SERVICE_API"]),
            (secrets("", ""), fine(), &["enableEmailAlerts"]),
            (
                secrets("https://example.com/", ""),
                mail("a@example.com\r\nBcc: c@example.com", &["b@example.com", "nobody", "a@b\n"]),
                &["alertEmailFrom", "alertEmailTo[1]", "alertEmailTo[2]"],
            ),
            (
                secrets("smtp://u:hunter2@mail.example.com", ""),
                ChannelSettings::default(),
                &["alertEmailFrom", "alertEmailTo"],
            ),
            (secrets("smtp://mail.example.com?to=hunter2", ""), fine(), &["EMAIL_SERVICE_API"]),
            (secrets("smtp://mail.example.com?cc=a@example.com", ""), fine(), &["EMAIL_SERVICE_API"]),
            (secrets("smtp://u:hunter2%0D%0A@mail.example.com", ""), fine(), &["EMAIL_SERVICE_API"]),
        ] {
            let problems = open(&settings, &secrets).err().unwrap_or_default();
            let found: Vec<_> = problems.iter().map(|problem| problem.path.as_str()).collect();
            assert_eq!(found, paths);
            assert!(problems.iter().all(|problem| !problem.message.contains("hunter2")));
        }
        assert!(open(&fine(), &secrets("https://example.com/", "token")).is_ok());
        assert!(open(&ChannelSettings::default(), &secrets("https://example.com/", "")).is_ok());
        let both = secrets("smtps://mail.example.com/?to=a@example.com,b@example.com&from=c@example.com", "");
        assert!(open(&ChannelSettings::default(), &both).is_ok());
    }
}
