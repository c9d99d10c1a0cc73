//! Messages with places for figures, and figures in words.

use crate::telemetry::metric::{Metric, Unit};

/// What may stand in braces.
pub(super) const PLACEHOLDERS: [&str; 4] = ["value", "threshold", "metric", "unit"];

/// A piece of a template.
enum Piece<'t> {
    Text(&'t str),
    /// A word in braces, whether known or not.
    Placeholder(&'t str),
}

/// Cuts a template; braces around anything but one word of letters are text.
fn pieces(template: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = template;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let word = |text: &str| {
            let end = text.starts_with('{').then(|| text.find('}'))??;
            (end > 1 && text[1..end].bytes().all(|byte| byte.is_ascii_alphabetic())).then_some(end)
        };
        if let Some(end) = word(rest) {
            let name = &rest[1..end];
            rest = &rest[end + 1..];
            return Some(Piece::Placeholder(name));
        }
        // From the second character on: a brace that opens nothing is text itself.
        let start = rest.chars().next().map_or(0, char::len_utf8);
        let end = rest[start..].find('{').map_or(rest.len(), |at| at + start);
        let text = &rest[..end];
        rest = &rest[end..];
        Some(Piece::Text(text))
    })
}

/// The first word in braces that stands for nothing: a slip that would be sent as it is.
pub(super) fn unknown_placeholder(template: &str) -> Option<&str> {
    pieces(template).find_map(|piece| match piece {
        Piece::Placeholder(name) if !PLACEHOLDERS.contains(&name) => Some(name),
        _ => None,
    })
}

/// The template with the figures in their places. What is put in is not looked at again.
pub(super) fn render(template: &str, metric: Metric, value: f64, threshold: f64) -> String {
    let mut words = String::with_capacity(template.len() + 32);
    for piece in pieces(template) {
        match piece {
            Piece::Text(text) => words.push_str(text),
            Piece::Placeholder("value") => words.push_str(&number(value)),
            Piece::Placeholder("threshold") => words.push_str(&number(threshold)),
            Piece::Placeholder("metric") => words.push_str(metric.row().path),
            Piece::Placeholder("unit") => match unit(metric.row().unit) {
                "" if words.ends_with(' ') => drop(words.pop()),
                unit => words.push_str(unit),
            },
            Piece::Placeholder(name) => words.extend(["{", name, "}"]),
        }
    }
    words
}

/// A figure with its unit: `81.25 %`, `3`.
pub fn figure(value: f64, of: Unit) -> String {
    match unit(of) {
        "" => number(value),
        unit => format!("{} {unit}", number(value)),
    }
}

/// A share from 0 to 1 has no unit that stands after a number.
const fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Ratio => "",
        unit => unit.shown(),
    }
}

/// As many digits as people read: two decimals, one from 100 on, four under 1; as a power of ten from 10^15 on.
fn number(value: f64) -> String {
    let size = value.abs();
    if size >= 1e15 {
        return format!("{value:e}");
    }
    let scale = if size >= 100.0 {
        10.0
    } else if size >= 1.0 {
        100.0
    } else {
        10_000.0
    };
    // Adding 0 turns -0 into 0.
    ((value * scale).round() / scale + 0.0).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn figures_stand_where_their_names_stood() {
        for (template, words) in [
            (
                "{metric} is {value} {unit}, over {threshold} {unit}",
                "memory.percentage is 81.26 %, over 80 %",
            ),
            ("no figures", "no figures"),
            ("", ""),
            ("{", "{"),
            ("{}{{value}}", "{}{81.26}"),
            ("{ value } {value", "{ value } {value"),
            ("ä{value}ä", "ä81.26ä"),
            ("{valeu}", "{valeu}"),
        ] {
            assert_eq!(render(template, Metric::MemoryPercentage, 81.256, 80.0), words);
        }
    }

    #[test]
    fn a_figure_without_unit_leaves_no_blank() {
        assert_eq!(render("{value} {unit}.", Metric::AgentsThrottled, 3.0, 0.0), "3.");
        assert_eq!(render("{value} {unit}.", Metric::CacheHitRate, 0.123_46, 0.0), "0.1235.");
        assert_eq!(figure(81.25, Unit::Percent), "81.25 %");
        assert_eq!(figure(3.0, Unit::One), "3");
    }

    #[test]
    fn numbers_have_the_digits_that_people_read() {
        for (value, words) in
            [(0.0, "0"), (-0.0, "0"), (0.000_04, "0"), (5432.19, "5432.2"), (99.999, "100"), (1e300, "1e300")]
        {
            assert_eq!(number(value), words);
        }
    }

    #[test]
    fn slips_in_braces_are_found() {
        assert_eq!(unknown_placeholder("{value} of {limit}"), Some("limit"));
        assert_eq!(unknown_placeholder(r#"{value} {"a": 1} {} {1}"#), None);
    }

    proptest! {
        #[test]
        fn any_text_is_taken_and_one_without_braces_stays(text in ".{0,200}") {
            let words = render(&text, Metric::CpuUsage, 1.0, 2.0);
            if !text.contains('{') {
                prop_assert_eq!(words, text);
            }
        }
    }
}
