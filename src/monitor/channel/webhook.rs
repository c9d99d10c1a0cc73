//! Generic webhook: versioned JSON for programs, signed when there is a secret. The format and a receiver that checks the
//! signature are in `docs/alert-channels.md`.

use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use reqwest::Url;
use reqwest::header::{HeaderName, HeaderValue};
use serde_json::{Map, Value, json};
use sha2::Sha256;

use super::pace::Limits;
use super::parcel::{Digest, News, Parcel, Source};
use super::secrets::{WEBHOOK_SECRET, WEBHOOK_URL, without_user};
use super::text;
use super::{Attempt, Channel, Office, Row};
use crate::base::units::iso8601;

pub(super) const ROW: Row = Row {
    name: "webhook",
    limits: Limits {
        group_wait_ms: 1_000,
        per_message: 10,
        digest_over: 10,
        burst: 5,
        refill_ms: 10_000,
        incidents: false,
    },
    kept: true,
    enabled: |settings| settings.webhook,
    open: |_, secrets| {
        let url = secrets.url(WEBHOOK_URL, "enableWebhookAlerts", &["https", "http"]).and_then(|url| {
            without_user(WEBHOOK_URL, &url, "; ALERT_WEBHOOK_SECRET signs what is sent")?;
            Ok(url)
        });
        let secret = secrets.key(WEBHOOK_SECRET);
        match (url, secret) {
            (Ok(url), Ok(secret)) => Ok(Arc::new(Webhook { url, secret: secret.map(Into::into) })),
            (url, secret) => Err(url.err().into_iter().chain(secret.err()).collect()),
        }
    },
};

/// Of the body. Fields are only added within one.
const VERSION: u32 = 1;
/// `t=<Unix seconds>,v1=<hex of HMAC-SHA256 over "<t>.<body>">`.
const SIGNATURE: HeaderName = HeaderName::from_static("x-agentwise-signature");

struct Webhook {
    url: Url,
    secret: Option<String>,
}

impl Channel for Webhook {
    fn send<'a>(&'a self, parcel: &'a Parcel, office: Office<'a>) -> Attempt<'a> {
        let body = body(parcel, office.source, office.wall_ms).to_string().into_bytes();
        let signature = self.secret.as_ref().and_then(|secret| sign(secret, office.wall_ms / 1_000, &body));
        let headers = signature.into_iter().map(|signature| (SIGNATURE, signature)).collect();
        Box::pin(office.http.post(&self.url, headers, body, office.wall_ms))
    }
}

fn body(parcel: &Parcel, source: &Source, wall_ms: u64) -> Value {
    let mut body = json!({
        "version": VERSION,
        "type": if matches!(parcel, Parcel::Digest(_)) { "digest" } else { "alerts" },
        "sentAt": iso8601(wall_ms),
        "source": source,
        "summary": text::subject(parcel, source),
        "alerts": alerts(parcel),
    });
    if let Parcel::Digest(digest) = parcel {
        body["digest"] = figures(digest);
    }
    body
}

/// The alerts of a message as programs get them: what happened, and the alert with times as text.
pub(super) fn alerts(parcel: &Parcel) -> Vec<Value> {
    parcel.shown().iter().map(one).collect()
}

fn one(news: &News) -> Value {
    let mut alert = serde_json::to_value(&*news.alert).unwrap_or_default();
    alert["timestamp"] = iso8601(news.alert.timestamp).into();
    if let Some(at_ms) = news.alert.resolved_at {
        alert["resolvedAt"] = iso8601(at_ms).into();
    }
    json!({ "event": if news.what.over() { "resolved" } else { "created" }, "alert": alert })
}

/// The figures of a digest as programs get them.
pub(super) fn figures(digest: &Digest) -> Value {
    let levels: Map<String, Value> =
        digest.by_level.iter().map(|(which, count)| (text::level(*which).into(), (*count).into())).collect();
    let components: Map<String, Value> = digest
        .by_component
        .iter()
        .map(|(which, count)| (text::component(*which).into(), (*count).into()))
        .collect();
    json!({
        "created": digest.created,
        "resolved": digest.resolved,
        "byLevel": levels,
        "byComponent": components,
        "from": iso8601(digest.from_ms),
        "to": iso8601(digest.to_ms),
        "notShown": digest.more,
    })
}

/// The value of the signature header; none only if the secret were no header text, which was checked.
fn sign(secret: &str, unix_seconds: u64, body: &[u8]) -> Option<HeaderValue> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(unix_seconds.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    let hex = text::hex(&mac.finalize().into_bytes());
    HeaderValue::from_str(&format!("t={unix_seconds},v1={hex}")).ok()
}

#[cfg(test)]
mod tests {
    use super::super::parcel::{Tally, What};
    use super::super::tests::alert;
    use super::*;
    use crate::monitor::alerts::Alert;

    #[test]
    fn signature_is_what_openssl_says() {
        // printf '1767225600.{"a":1}' | openssl dgst -sha256 -hmac key
        let signature = sign("key", 1_767_225_600, br#"{"a":1}"#).expect("signed");
        assert_eq!(
            signature.to_str().expect("text"),
            "t=1767225600,v1=80f7b75f8618b9b24d72673996a625f1a43f7387a26b6739d667431724fe4d23"
        );
    }

    #[test]
    fn body_says_what_happened_with_times_as_text() {
        let over = Alert { resolved: true, resolved_at: Some(alert("a").timestamp + 1_500), ..alert("a") };
        let parcel = Parcel::News(vec![News { what: What::Ended, alert: Arc::new(over) }]);
        let source = Source {
            environment: "staging".into(),
            host: "h".into(),
            pid: 1,
            version: "1.0.0".into(),
            project: None,
        };
        assert_eq!(
            body(&parcel, &source, 1_767_225_602_000),
            json!({
                "version": 1,
                "type": "alerts",
                "sentAt": "2026-01-01T00:00:02.000Z",
                "source": { "environment": "staging", "host": "h", "pid": 1, "version": "1.0.0" },
                "summary": "[staging] RESOLVED memory: Title of a",
                "alerts": [{ "event": "resolved", "alert": {
                    "id": "a", "type": "warning", "component": "memory", "title": "Title of a", "message": "Message of a",
                    "timestamp": "2026-01-01T00:00:00.000Z", "resolved": true, "resolvedAt": "2026-01-01T00:00:01.500Z",
                    "metadata": {},
                } }],
            })
        );
    }

    #[test]
    fn digest_has_its_figures() {
        let all: Vec<News> =
            (0..30).map(|n| News { what: What::Created, alert: Arc::new(alert(&format!("a{n}"))) }).collect();
        let digest = Digest::new("k".into(), &all, &Tally::default());
        let body = body(&Parcel::Digest(digest), &Source::default(), 0);
        assert_eq!((&body["type"], body["alerts"].as_array().map(Vec::len)), (&json!("digest"), Some(10)));
        assert_eq!(body["digest"]["byLevel"], json!({ "warning": 30 }));
        assert_eq!((&body["digest"]["created"], &body["digest"]["notShown"]), (&json!(30), &json!(20)));
    }
}
