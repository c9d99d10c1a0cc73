//! Slack: a Block Kit message to an incoming webhook. The limits are those of Slack's reference (header 150 characters, section
//! 3,000, field 2,000); `&`, `<` and `>` are escaped, so that no alert mentions a channel or shows another link than it has.

use std::sync::Arc;

use reqwest::Url;
use serde_json::{Value, json};

use super::pace::Limits;
use super::parcel::{Digest, News, Parcel, Source};
use super::secrets::{SLACK_URL, encrypted, without_user};
use super::{Attempt, Channel, Office, Row, text};
use crate::base::units::iso8601;
use crate::monitor::alerts::Level;

pub(super) const ROW: Row = Row {
    name: "slack",
    // Slack allows a message a second; people read slower.
    limits: Limits {
        group_wait_ms: 1_000,
        per_message: 10,
        digest_over: 10,
        burst: 5,
        refill_ms: 10_000,
        incidents: false,
    },
    kept: true,
    enabled: |settings| settings.slack,
    open: |_, secrets| {
        let url = secrets.url(SLACK_URL, "enableSlackAlerts", &["https", "http"]).and_then(|url| {
            encrypted(SLACK_URL, &url)?;
            without_user(SLACK_URL, &url, "")?;
            Ok(url)
        });
        url.map(|url| Arc::new(Slack { url }) as Arc<dyn Channel>).map_err(|problem| vec![problem])
    },
};

const HEADER: usize = 150;
const SECTION: usize = 3_000;
const FIELD: usize = 2_000;
const CONTEXT: usize = 2_000;

struct Slack {
    url: Url,
}

impl Channel for Slack {
    fn send<'a>(&'a self, parcel: &'a Parcel, office: Office<'a>) -> Attempt<'a> {
        let body = message(parcel, office.source).to_string().into_bytes();
        Box::pin(office.http.post(&self.url, Vec::new(), body, office.wall_ms))
    }
}

fn message(parcel: &Parcel, source: &Source) -> Value {
    let attachments: Vec<Value> = match parcel {
        Parcel::News(news) => news.iter().map(|one| attachment(one, source)).collect(),
        Parcel::Digest(digest) => vec![digest_attachment(digest, source)],
    };
    json!({ "text": escaped(&text::subject(parcel, source), SECTION), "attachments": attachments })
}

fn attachment(news: &News, source: &Source) -> Value {
    let alert = &news.alert;
    let mut fields = vec![
        field("Level", text::level(alert.level)),
        field("Component", text::component(alert.component)),
        field("Since", &iso8601(alert.timestamp)),
    ];
    if news.what.over() {
        fields.push(field("Over", &text::ending(news)));
    }
    for (title, key) in [("Metric", "metric"), ("Value", "value"), ("Threshold", "threshold")] {
        match alert.metadata.get(key) {
            Some(Value::String(value)) => fields.push(field(title, value)),
            Some(value @ Value::Number(_)) => fields.push(field(title, &value.to_string())),
            _ => {}
        }
    }
    let color = if news.what.over() { RESOLVED } else { color(alert.level) };
    let title = format!("{}: {}", text::state(news), text::line(&alert.title, HEADER));
    let mut blocks = vec![header(&title)];
    // A section without text is refused by Slack.
    let message = escaped(&text::lines(&alert.message, SECTION), SECTION);
    if !message.is_empty() {
        blocks.push(section(&message));
    }
    blocks.push(json!({ "type": "section", "fields": fields }));
    blocks.push(context(&format!("{} · {}", source.line(), alert.id)));
    json!({ "color": color, "blocks": blocks })
}

fn digest_attachment(digest: &Digest, source: &Source) -> Value {
    let mut list: Vec<String> =
        digest.shown.iter().map(|one| format!("• {}", escaped(&text::headline(one), 250))).collect();
    if digest.more > 0 {
        list.push(format!("… and {} more", digest.more));
    }
    let blocks = [
        header(&text::digest_line(digest)),
        section(&list.join("\n")),
        json!({ "type": "section", "fields": [
            field("By component", &text::components_line(digest)),
            field("From", &iso8601(digest.from_ms)),
            field("To", &iso8601(digest.to_ms)),
        ] }),
        context(&source.line()),
    ];
    json!({ "color": digest.level().map_or(RESOLVED, color), "blocks": blocks })
}

const RESOLVED: &str = "#2e7d32";

const fn color(level: Level) -> &'static str {
    match level {
        Level::Info => "#1976d2",
        Level::Warning => "#f9a825",
        Level::Critical => "#c62828",
    }
}

fn header(title: &str) -> Value {
    json!({ "type": "header", "text": { "type": "plain_text", "text": escaped(title, HEADER), "emoji": false } })
}

/// `verbatim`: words that look like links or names stay words.
fn section(escaped: &str) -> Value {
    json!({ "type": "section", "text": { "type": "mrkdwn", "text": escaped, "verbatim": true } })
}

fn field(title: &str, value: &str) -> Value {
    let value = escaped(&text::line(value, FIELD / 2), FIELD - 50);
    json!({ "type": "mrkdwn", "text": format!("*{title}*\n{value}"), "verbatim": true })
}

fn context(line: &str) -> Value {
    let element =
        json!({ "type": "plain_text", "text": escaped(&text::line(line, CONTEXT), CONTEXT), "emoji": false });
    json!({ "type": "context", "elements": [element] })
}

/// Escaped as Slack wants it, at most `limit` UTF-16 units; an escape is never cut.
fn escaped(text: &str, limit: usize) -> String {
    let (mut result, mut length) = (String::new(), 0);
    for c in text.chars() {
        let mut buffer = [0; 4];
        let piece: &str = match c {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            _ => c.encode_utf8(&mut buffer),
        };
        length += piece.encode_utf16().count();
        if length > limit.saturating_sub(1) {
            result.push('…');
            break;
        }
        result.push_str(piece);
    }
    result
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::parcel::{Tally, What};
    use super::super::tests::alert;
    use super::*;
    use crate::monitor::alerts::Alert;

    fn news(what: What, alert: Alert) -> News {
        News { what, alert: Arc::new(alert) }
    }

    fn strings(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::String(text) => found.push(text.clone()),
            Value::Array(all) => all.iter().for_each(|one| strings(one, found)),
            Value::Object(all) => all.values().for_each(|one| strings(one, found)),
            _ => {}
        }
    }

    #[test]
    fn firing_and_resolved_alerts_look_different() {
        let source =
            Source { environment: "production".into(), host: "h".into(), pid: 7, ..Source::default() };
        let mut firing = alert("a-1");
        firing.level = Level::Critical;
        firing.metadata.insert("value".into(), json!(96.5));
        let over = Alert { resolved: true, resolved_at: Some(firing.timestamp + 90_000), ..firing.clone() };
        let both = Parcel::News(vec![news(What::Created, firing), news(What::Resolved, over)]);
        let message = message(&both, &source);
        let [first, second] = message["attachments"].as_array().expect("list").as_slice() else {
            panic!("two")
        };
        assert_eq!((&first["color"], &second["color"]), (&json!("#c62828"), &json!(RESOLVED)));
        assert_eq!(first["blocks"][0]["text"]["text"], "CRITICAL: Title of a-1");
        assert_eq!(second["blocks"][0]["text"]["text"], "RESOLVED: Title of a-1");
        assert_eq!(second["blocks"][2]["fields"][3]["text"], "*Over*\nafter 1 min 30 s");
        assert_eq!(first["blocks"][2]["fields"][3]["text"], "*Value*\n96.5");
        assert_eq!(message["text"], "[production] 1 alert, 1 resolved");
        assert_eq!(first["blocks"][3]["elements"][0]["text"], "production · h · pid 7 · a-1");
    }

    #[test]
    fn digest_names_the_first_and_counts_the_rest() {
        let all: Vec<News> = (0..50).map(|n| news(What::Created, alert(&format!("a{n}")))).collect();
        let digest = Parcel::Digest(Digest::new("k".into(), &all, &Tally::default()));
        let message = message(&digest, &Source::default());
        let list = message["attachments"][0]["blocks"][1]["text"]["text"].as_str().expect("text");
        assert!(
            list.starts_with("• WARNING memory: Title of a0\n") && list.ends_with("\n… and 40 more"),
            "{list}"
        );
    }

    proptest! {
        #[test]
        fn texts_keep_to_the_limits_and_mention_nobody(title in ".{0,4000}", text in any::<String>(), id in any::<String>()) {
            let text = format!("<!channel> <@U1> & {}", text.repeat(40));
            let evil = Alert { title, message: text, id, ..alert("x") };
            let all = vec![news(What::Created, evil); 11];
            for parcel in [
                Parcel::News(all[..10].to_vec()),
                Parcel::Digest(Digest::new("k".into(), &all, &Tally::default())),
            ] {
                let message = message(&parcel, &Source::default());
                let mut found = Vec::new();
                strings(&message, &mut found);
                prop_assert!(found.iter().all(|one| !one.contains(['<', '>']) && one.encode_utf16().count() <= SECTION));
                for attachment in message["attachments"].as_array().expect("list") {
                    let header = attachment["blocks"][0]["text"]["text"].as_str().expect("text");
                    prop_assert!((1..=HEADER).contains(&header.encode_utf16().count()));
                }
            }
        }
    }
}
