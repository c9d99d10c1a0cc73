//! Words of a message that more than one channel says. What comes from outside (titles, messages, names) is cleaned here: a
//! line stays one line, and nothing turns the direction of text or moves a cursor.

use super::parcel::{Digest, News, Parcel, Source, What};
use crate::monitor::alerts::{Component, Level};

/// `text` on one line, without characters that terminals or headers act on, at most `limit` characters.
pub(crate) fn line(text: &str, limit: usize) -> String {
    let cleaned: String = text.chars().map(|c| if is_unsafe(c) || c == '\n' { ' ' } else { c }).collect();
    clip(cleaned.trim(), limit)
}

/// The same with line breaks kept.
pub(crate) fn lines(text: &str, limit: usize) -> String {
    let cleaned: String = text.chars().map(|c| if is_unsafe(c) { ' ' } else { c }).collect();
    clip(cleaned.trim(), limit)
}

/// At most `limit` characters; what was longer ends with an ellipsis.
pub(crate) fn clip(text: &str, limit: usize) -> String {
    if text.chars().nth(limit).is_none() {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(limit.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// Control characters (but for the line feed), and those of Unicode that hide or turn text.
fn is_unsafe(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// `45 s`, `3 min 20 s`, `2 h 5 min`, `4 d 1 h`.
pub(crate) fn duration(ms: u64) -> String {
    let seconds = ms / 1_000;
    let two = |large: u64, large_unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{large} {large_unit}"),
        small => format!("{large} {large_unit} {small} {small_unit}"),
    };
    match seconds {
        0 => format!("{ms} ms"),
        1..60 => format!("{seconds} s"),
        60..3_600 => two(seconds / 60, "min", seconds % 60, "s"),
        3_600..86_400 => two(seconds / 3_600, "h", seconds % 3_600 / 60, "min"),
        _ => two(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h"),
    }
}

/// As JSON has it.
pub(crate) const fn level(level: Level) -> &'static str {
    match level {
        Level::Info => "info",
        Level::Warning => "warning",
        Level::Critical => "critical",
    }
}

/// As JSON has it.
pub(crate) const fn component(component: Component) -> &'static str {
    match component {
        Component::Memory => "memory",
        Component::Cache => "cache",
        Component::Cpu => "cpu",
        Component::Disk => "disk",
        Component::Agents => "agents",
        Component::Performance => "performance",
    }
}

/// `CRITICAL` or `RESOLVED`.
pub(crate) fn state(news: &News) -> &'static str {
    match (news.what.over(), news.alert.level) {
        (true, _) => "RESOLVED",
        (false, Level::Info) => "INFO",
        (false, Level::Warning) => "WARNING",
        (false, Level::Critical) => "CRITICAL",
    }
}

/// `CRITICAL memory: Memory is nearly full`.
pub(crate) fn headline(news: &News) -> String {
    format!("{} {}: {}", state(news), component(news.alert.component), line(&news.alert.title, 200))
}

/// `after 3 min 20 s`, and whether anybody could be told in time; empty while it goes on.
pub(crate) fn ending(news: &News) -> String {
    let Some(lasted_ms) = news.lasted_ms() else { return String::new() };
    let late = if news.what == What::Ended { " (over before it could be told)" } else { "" };
    format!("after {}{late}", duration(lasted_ms))
}

/// `1,000 alerts within 2 s: 12 critical, 988 warning; 3 resolved`.
pub(crate) fn digest_line(digest: &Digest) -> String {
    let total = digest.shown.len() as u64 + digest.more;
    let mut parts: Vec<String> = digest
        .by_level
        .iter()
        .map(|(which, count)| format!("{} {}", grouped(*count), level(*which)))
        .collect();
    if digest.resolved > 0 {
        parts.push(format!("{} resolved", grouped(digest.resolved)));
    }
    let span = duration(digest.to_ms.saturating_sub(digest.from_ms));
    format!("{} alerts within {span}: {}", grouped(total), parts.join(", "))
}

/// `memory 700, cpu 300`.
pub(crate) fn components_line(digest: &Digest) -> String {
    let parts: Vec<String> = digest
        .by_component
        .iter()
        .map(|(which, count)| format!("{} {}", component(*which), grouped(*count)))
        .collect();
    parts.join(", ")
}

/// The subject of a mail, the fallback text of a chat message.
pub(crate) fn subject(parcel: &Parcel, source: &Source) -> String {
    let what = match parcel {
        Parcel::Digest(digest) => digest_line(digest),
        Parcel::News(news) => match &news[..] {
            [one] => headline(one),
            all => {
                let over = all.iter().filter(|one| one.what.over()).count();
                match all.len() - over {
                    0 => format!("{over} alerts resolved"),
                    going if over == 0 => format!("{going} alerts"),
                    1 => format!("1 alert, {over} resolved"),
                    going => format!("{going} alerts, {over} resolved"),
                }
            }
        },
    };
    line(&format!("[{}] {what}", source.project.as_deref().unwrap_or(&source.environment)), 180)
}

/// Bytes as lowercase hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|n| char::from_digit(n.into(), 16))
        .collect()
}

/// `1234567` as `1,234,567`.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::super::parcel::Tally;
    use super::super::tests::alert;
    use super::*;
    use crate::base::clock::ManualClock;
    use crate::monitor::alerts::Alert;

    const START: u64 = ManualClock::WALL_START_MS;
    const RIGHT_TO_LEFT: char = '\u{202e}';

    #[test]
    fn durations_are_short() {
        for (ms, text) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (59_999, "59 s"),
            (60_000, "1 min"),
            (200_000, "3 min 20 s"),
            (7_500_000, "2 h 5 min"),
            (90_000_000, "1 d 1 h"),
        ] {
            assert_eq!(duration(ms), text);
        }
    }

    #[test]
    fn words_of_an_alert_say_what_it_is() {
        let resolved = Alert { resolved_at: Some(START + 200_000), timestamp: START, ..alert("a") };
        let news = News { what: What::Ended, alert: Arc::new(resolved) };
        assert_eq!(headline(&news), "RESOLVED memory: Title of a");
        assert_eq!(ending(&news), "after 3 min 20 s (over before it could be told)");
        let source = Source { environment: "production".into(), ..Source::default() };
        let parcel = Parcel::News(vec![news.clone(), News { what: What::Created, ..news.clone() }]);
        assert_eq!(subject(&parcel, &source), "[production] 1 alert, 1 resolved");
        let digest =
            Digest::new("k".into(), &vec![News { what: What::Created, ..news }; 1_234], &Tally::default());
        assert_eq!(
            (digest_line(&digest).as_str(), components_line(&digest).as_str()),
            ("1,234 alerts within 3 min 20 s: 1,234 warning", "memory 1,234")
        );
    }

    proptest! {
        #[test]
        fn a_line_is_one_line_within_its_limit(text in any::<String>(), limit in 1_usize..60) {
            let cleaned = line(&text, limit);
            prop_assert!(cleaned.chars().count() <= limit);
            let turned = cleaned.chars().any(|c| c.is_control() || c == RIGHT_TO_LEFT);
            prop_assert!(!turned);
        }
    }
}
