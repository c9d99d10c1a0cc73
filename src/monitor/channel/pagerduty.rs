//! `PagerDuty`: one event of its Events API v2 for each alert, an incident that opens and closes under the id of the alert. A
//! storm is one incident, which closes with the last of its alerts.

use std::sync::Arc;

use reqwest::Url;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::pace::Limits;
use super::parcel::{Digest, News, Parcel, Source};
use super::report::Outcome;
use super::secrets::{PAGERDUTY_KEY, PAGERDUTY_URL, encrypted, problem, without_user};
use super::{Attempt, Channel, ChannelSettings, Office, Opened, Row, Secrets, text, webhook};
use crate::base::units::iso8601;
use crate::monitor::alerts::Level;

pub(super) const ROW: Row = Row {
    name: "pagerduty",
    // PagerDuty takes 120 events a minute for a key.
    limits: Limits {
        group_wait_ms: 1_000,
        per_message: 1,
        digest_over: 5,
        burst: 20,
        refill_ms: 1_000,
        incidents: true,
    },
    kept: true,
    enabled: |settings| settings.pagerduty,
    open,
};

const SWITCH: &str = "enablePagerDutyAlerts";
/// Where events go when `PAGERDUTY_EVENTS_URL` names no other place.
const EVENTS_URL: &str = "https://events.pagerduty.com/v2/enqueue";
/// Limits of the API, in characters.
const SUMMARY: usize = 1_024;
const DEDUP_KEY: usize = 255;
/// An event may have 512 KB; metadata larger than this is left out.
const METADATA: usize = 65_536;

struct PagerDuty {
    url: Url,
    routing_key: String,
}

fn open(_: &ChannelSettings, secrets: &Secrets) -> Opened {
    let own = secrets.url(PAGERDUTY_URL, SWITCH, &["https", "http"]);
    let url = match own {
        Err(missing) if missing.path == SWITCH => Url::parse(EVENTS_URL).map_err(|_| missing),
        own => own,
    };
    let url = url.and_then(|url| {
        encrypted(PAGERDUTY_URL, &url)?;
        without_user(PAGERDUTY_URL, &url, "")?;
        Ok(url)
    });
    let missing =
        || problem(SWITCH, &format!("needs the environment variable {PAGERDUTY_KEY}, which is not set"));
    let key = secrets.key(PAGERDUTY_KEY).and_then(|key| key.ok_or_else(missing));
    match (url, key) {
        (Ok(url), Ok(key)) => Ok(Arc::new(PagerDuty { url, routing_key: key.into() })),
        (url, key) => Err(url.err().into_iter().chain(key.err()).collect()),
    }
}

impl Channel for PagerDuty {
    fn send<'a>(&'a self, parcel: &'a Parcel, office: Office<'a>) -> Attempt<'a> {
        Box::pin(async move {
            let mut events = match parcel {
                Parcel::News(news) => news.iter().map(|one| event(one, office.source)).collect::<Vec<_>>(),
                Parcel::Digest(digest) => vec![storm(digest, office.source)],
            };
            for event in &mut events {
                event["routing_key"] = self.routing_key.as_str().into();
                let body = event.to_string().into_bytes();
                let outcome = office.http.post(&self.url, Vec::new(), body, office.wall_ms).await;
                if outcome != Outcome::Delivered {
                    return outcome;
                }
            }
            Outcome::Delivered
        })
    }
}

fn event(news: &News, source: &Source) -> Value {
    let alert = &news.alert;
    if news.what.over() {
        return json!({ "event_action": "resolve", "dedup_key": dedup_key(&alert.id) });
    }
    let metadata = Value::Object(alert.metadata.clone());
    let metadata =
        if metadata.to_string().len() > METADATA { "left out: too large".into() } else { metadata };
    let mut event = trigger(&alert.id, alert.level, &text::line(&alert.title, SUMMARY), source);
    event["payload"]["component"] = text::component(alert.component).into();
    event["payload"]["timestamp"] = iso8601(alert.timestamp).into();
    if let Some(Value::String(metric)) = alert.metadata.get("metric") {
        event["payload"]["class"] = text::line(metric, DEDUP_KEY).into();
    }
    event["payload"]["custom_details"] =
        json!({ "message": text::lines(&alert.message, METADATA), "metadata": metadata, "source": source });
    event
}

fn storm(digest: &Digest, source: &Source) -> Value {
    let level = digest.level().unwrap_or(Level::Warning);
    let mut event = trigger(&digest.key, level, &text::digest_line(digest), source);
    event["payload"]["timestamp"] = iso8601(digest.from_ms).into();
    let worst: Vec<String> = digest.shown.iter().map(text::headline).collect();
    event["payload"]["custom_details"] =
        json!({ "digest": webhook::figures(digest), "worst": worst, "source": source });
    event
}

fn trigger(key: &str, level: Level, summary: &str, source: &Source) -> Value {
    let host = if source.host.is_empty() { "unknown host" } else { &source.host };
    json!({
        "event_action": "trigger",
        "dedup_key": dedup_key(key),
        "client": "agentwise-optimization",
        "payload": {
            "summary": text::clip(if summary.is_empty() { "Alert" } else { summary }, SUMMARY),
            "source": host,
            "severity": text::level(level),
            "group": source.project.as_deref().unwrap_or(&source.environment),
        },
    })
}

/// The id, or its hash when it is longer than a key may be.
fn dedup_key(id: &str) -> String {
    if id.chars().count() <= DEDUP_KEY {
        return id.to_owned();
    }
    text::hex(&Sha256::digest(id.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::super::parcel::{Tally, What};
    use super::super::tests::alert;
    use super::*;
    use crate::monitor::alerts::Alert;

    fn news(what: What, alert: Alert) -> News {
        News { what, alert: Arc::new(alert) }
    }

    #[test]
    fn alert_opens_and_closes_one_incident() {
        let source = Source { environment: "production".into(), host: "h".into(), ..Source::default() };
        let mut firing = alert("a-1");
        firing.metadata.insert("metric".into(), "cpu.usage".into());
        let opened = event(&news(What::Created, firing.clone()), &source);
        assert_eq!((&opened["event_action"], &opened["dedup_key"]), (&json!("trigger"), &json!("a-1")));
        let payload = &opened["payload"];
        assert_eq!(
            (&payload["severity"], &payload["source"], &payload["class"], &payload["component"]),
            (&json!("warning"), &json!("h"), &json!("cpu.usage"), &json!("memory"))
        );
        let closed = event(&news(What::Resolved, firing), &source);
        assert_eq!(closed, json!({ "event_action": "resolve", "dedup_key": "a-1" }));
    }

    #[test]
    fn long_ids_texts_and_metadata_keep_to_the_limits() {
        let mut long = Alert { title: "t".repeat(5_000), ..alert(&"i".repeat(300)) };
        long.metadata.insert("big".into(), "x".repeat(1_000_000).into());
        let event = event(&news(What::Created, long), &Source::default());
        assert_eq!(event["dedup_key"].as_str().map(str::len), Some(64));
        assert_eq!(event["payload"]["summary"].as_str().map(|text| text.chars().count()), Some(SUMMARY));
        assert!(event.to_string().len() < 100_000);
    }

    #[test]
    fn storm_is_one_incident_of_the_worst_level() {
        let mut all: Vec<News> = (0..50).map(|n| news(What::Created, alert(&format!("a{n}")))).collect();
        all.push(news(What::Created, Alert { level: Level::Critical, ..alert("c") }));
        let event = storm(&Digest::new("storm-a0".into(), &all, &Tally::default()), &Source::default());
        assert_eq!(
            (&event["dedup_key"], &event["payload"]["severity"]),
            (&json!("storm-a0"), &json!("critical"))
        );
        assert_eq!(event["payload"]["custom_details"]["digest"]["created"], 51);
    }
}
