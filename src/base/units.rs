//! Units that appear in more than one domain.

/// Bytes in a megabyte as this package counts them (2^20), in `MB` settings and figures alike.
pub const BYTES_PER_MB: f64 = 1_048_576.0;

/// Bytes as MB, two decimals: what people read.
pub fn to_mb(bytes: f64) -> f64 {
    round2(bytes / BYTES_PER_MB)
}

/// MB as whole bytes. Saturates; negative gives 0.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturating is what is wanted")]
pub fn mb_to_bytes(mb: f64) -> u64 {
    (mb * BYTES_PER_MB) as u64
}

/// Rounded to two decimals.
pub fn round2(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// A Unix time as text: `2026-01-31T12:34:56.789Z`; empty beyond the year 9999.
pub fn iso8601(wall_ms: u64) -> String {
    let at = i64::try_from(wall_ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    at.map(|at| format!("{at:.3}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn megabytes_round_trip_and_saturate() {
        assert_eq!(mb_to_bytes(1.5), 1_572_864);
        assert!((to_mb(1_572_864.0) - 1.5).abs() < f64::EPSILON);
        assert_eq!(mb_to_bytes(-1.0), 0);
        assert_eq!(mb_to_bytes(f64::INFINITY), u64::MAX);
    }

    #[test]
    fn time_is_written_as_iso_8601_in_utc() {
        assert_eq!(iso8601(1_767_225_599_001), "2025-12-31T23:59:59.001Z");
        assert_eq!(iso8601(0), "1970-01-01T00:00:00.000Z");
    }
}
