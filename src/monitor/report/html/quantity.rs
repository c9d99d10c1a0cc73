//! Figures, durations and times as people read them: three digits that matter, the unit that fits, UTC.

use crate::base::units::iso8601;
use crate::telemetry::metric::Unit;

/// Between a number and its unit, so that they stay on one line.
const SPACE: char = '\u{a0}';
/// For what is not known.
pub(crate) const NOTHING: &str = "–";
/// From here on MB are shown as GB.
pub(crate) const LARGE_MB: f64 = 8192.0;

/// A figure with its unit.
pub(crate) fn quantity(value: f64, unit: Unit) -> String {
    let (value, unit) = match unit {
        _ if !value.is_finite() => return NOTHING.to_owned(),
        Unit::Seconds => return duration(value),
        Unit::Dollars if value < 0.0 => return format!("-${}", money(-value)),
        Unit::Dollars => return format!("${}", money(value)),
        Unit::Megabytes if value.abs() >= LARGE_MB => (value / 1024.0, "GB"),
        Unit::Bytes if value.abs() >= 1_048_576.0 => return quantity(value / 1_048_576.0, Unit::Megabytes),
        Unit::Bytes if value.abs() >= 1024.0 => (value / 1024.0, "KB"),
        Unit::Milliseconds if value.abs() >= 60_000.0 => return duration(value / 1000.0),
        Unit::Milliseconds if value.abs() >= 1000.0 => (value / 1000.0, "s"),
        Unit::Milliseconds if value != 0.0 && value.abs() < 0.1 => (value * 1000.0, "µs"),
        Unit::One | Unit::Tokens if value.abs() >= 1e9 => (value / 1e9, "billion"),
        Unit::One | Unit::Tokens if value.abs() >= 1e6 => (value / 1e6, "million"),
        Unit::One | Unit::Tokens | Unit::Ratio => (value, ""),
        other => (value, other.shown()),
    };
    let number = number(value);
    if unit.is_empty() { number } else { format!("{number}{SPACE}{unit}") }
}

/// From one figure to another; the unit once where it is the same.
pub(crate) fn range(low: f64, high: f64, unit: Unit) -> String {
    let (low, high) = (quantity(low, unit), quantity(high, unit));
    if low == high {
        return high;
    }
    match (low.split_once(SPACE), high.split_once(SPACE)) {
        (Some((number, unit)), Some((_, other))) if unit == other => format!("{number}–{high}"),
        _ => format!("{low}–{high}"),
    }
}

/// Three digits that matter, whole thousands in full: `0.031`, `4.2`, `1,234`.
pub(crate) fn number(value: f64) -> String {
    /// Beyond, all digits would only be noise.
    const MOST: f64 = 1e15;
    let size = value.abs();
    if !value.is_finite() {
        return NOTHING.to_owned();
    }
    if size >= MOST {
        return format!("{value:.2e}");
    }
    let decimals = match size {
        _ if size >= 99.95 => 0,
        _ if size >= 9.995 => 1,
        _ if size >= 0.9995 => 2,
        _ => 3,
    };
    let text = format!("{value:.decimals$}");
    let text = if decimals > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    let (whole, rest) = text.split_once('.').map_or((text, ""), |(whole, rest)| (whole, rest));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut out = String::from(if digits == "0" && rest.is_empty() { "" } else { sign });
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if !rest.is_empty() {
        out.push('.');
        out.push_str(rest);
    }
    out
}

fn money(dollars: f64) -> String {
    if dollars < 99.995 { format!("{dollars:.2}") } else { number(dollars) }
}

/// `850 ms`, `42 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`.
pub(crate) fn duration(seconds: f64) -> String {
    if !(0.0..1e12).contains(&seconds) {
        return NOTHING.to_owned();
    }
    if seconds < 0.9995 {
        return format!("{}{SPACE}ms", number(seconds * 1000.0));
    }
    if seconds < 59.5 {
        return format!("{}{SPACE}s", number((seconds * 10.0).round() / 10.0));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
    let seconds = seconds.round() as u64;
    let minutes = (seconds + 30) / 60;
    let hours = (minutes + 30) / 60;
    let (large, small) = match seconds {
        ..3600 => ((seconds / 60, "min"), (seconds % 60, "s")),
        3600..86_400 => ((minutes / 60, "h"), (minutes % 60, "min")),
        _ => ((hours / 24, "d"), (hours % 24, "h")),
    };
    let part = |(count, unit): (u64, &str)| format!("{}{SPACE}{unit}", number(count as f64));
    if small.0 == 0 { part(large) } else { format!("{}{SPACE}{}", part(large), part(small)) }
}

/// `2026-03-14 14:32`.
pub(crate) fn day_and_time(at_ms: u64) -> String {
    iso8601(at_ms).get(..16).map_or_else(|| NOTHING.to_owned(), |text| text.replace('T', " "))
}

/// `14:32:10`.
pub(crate) fn time_of_day(at_ms: u64) -> String {
    iso8601(at_ms).get(11..19).unwrap_or(NOTHING).to_owned()
}

/// From one moment to another, the day once if it is the same.
pub(crate) fn period(from_ms: u64, to_ms: u64) -> String {
    let (from, to) = (day_and_time(from_ms), day_and_time(to_ms));
    if from == to {
        return from;
    }
    let to = if from.get(..10) == to.get(..10) { to.get(11..).unwrap_or(&to) } else { &to };
    format!("{from} to {to}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits_and_the_unit_that_fits() {
        for (value, unit, wanted) in [
            (412.4, Unit::Megabytes, "412 MB"),
            (8192.0, Unit::Megabytes, "8 GB"),
            (8_191.0, Unit::Megabytes, "8,191 MB"),
            (1536.0, Unit::Bytes, "1.5 KB"),
            (3_145_728.0, Unit::Bytes, "3 MB"),
            (0.0, Unit::Milliseconds, "0 ms"),
            (0.031, Unit::Milliseconds, "31 µs"),
            (9.999, Unit::Milliseconds, "10 ms"),
            (1250.0, Unit::Milliseconds, "1.25 s"),
            (200_000.0, Unit::Milliseconds, "3 min 20 s"),
            (99.96, Unit::Percent, "100 %"),
            (-0.0, Unit::Percent, "0 %"),
            (-0.000_1, Unit::Percent, "0 %"),
            (-4.25, Unit::Percent, "-4.25 %"),
            (123_456.0, Unit::Tokens, "123,456"),
            (1_234_567.0, Unit::Tokens, "1.23 million"),
            (4.5e9, Unit::One, "4.5 billion"),
            (1e300, Unit::Megabytes, "9.77e296 GB"),
            (3.456, Unit::Dollars, "$3.46"),
            (-12_345.0, Unit::Dollars, "-$12,345"),
            (90_000.0, Unit::Seconds, "1 d 1 h"),
            (f64::NAN, Unit::One, "–"),
            (f64::NEG_INFINITY, Unit::Seconds, "–"),
        ] {
            assert_eq!(quantity(value, unit).replace(SPACE, " "), wanted, "{value} {unit:?}");
        }
    }

    #[test]
    fn a_range_says_its_unit_once() {
        assert_eq!(range(1.0, 2.0, Unit::Percent).replace(SPACE, " "), "1–2 %");
        assert_eq!(range(500.0, 2000.0, Unit::Milliseconds).replace(SPACE, " "), "500 ms–2 s");
        assert_eq!(range(3.0, 3.0, Unit::One), "3");
    }

    #[test]
    fn durations_have_two_parts_at_most() {
        for (seconds, wanted) in [
            (0.0, "0 ms"),
            (0.85, "850 ms"),
            (59.4, "59.4 s"),
            (59.6, "1 min"),
            (3599.6, "1 h"),
            (7530.0, "2 h 6 min"),
            (86_399.0, "24 h"),
            (273_600.0, "3 d 4 h"),
            (-1.0, "–"),
        ] {
            assert_eq!(duration(seconds).replace(SPACE, " "), wanted, "{seconds}");
        }
    }

    #[test]
    fn a_day_is_told_once() {
        assert_eq!(period(1_773_446_400_000, 1_773_450_000_000), "2026-03-14 00:00 to 01:00");
        assert_eq!(period(1_773_446_400_000, 1_773_536_400_000), "2026-03-14 00:00 to 2026-03-15 01:00");
        assert_eq!(period(0, 1), "1970-01-01 00:00");
        assert_eq!(day_and_time(u64::MAX), "–");
    }
}
