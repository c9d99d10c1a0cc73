//! Numbers as they stand in a block: whole ones of variable length, and columns of decimal figures.
//!
//! Figures are read with far fewer than the 16 digits of an `f64`, and their other digits are noise that no compression
//! removes. So a figure is kept as a decimal of at most [`MAX_DECIMALS`] places, and neighbours as differences. It knows no
//! metric; what is to be kept exactly is said by the caller.

/// Decimal places of what is not kept exactly: nanoseconds where figures are ms, a byte where they are MB.
pub(super) const MAX_DECIMALS: u8 = 6;
/// Significant digits of what is not kept exactly. No figure is measured better than to 1 part in 10 million.
const DIGITS: i32 = 7;
/// A figure below it in units of its last place is short: it is kept as it is even where it has more than [`DIGITS`] digits.
const SHORT: f64 = 1e9;
/// Whole numbers up to here are exact in an `f64`.
const LARGEST_EXACT: f64 = 9_007_199_254_740_992.0;

const POWERS: [f64; MAX_DECIMALS as usize + 1] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6];

/// Head of a column: its values are `f64`s as they are.
const RAW: u8 = 7;
const SCALE_MASK: u8 = 7;
/// Head of a column: some values are absent; a bit map of those that are there follows.
const HAS_GAPS: u8 = 8;

/// Appends a whole number: seven bits a byte, low ones first, the high bit where more follow.
pub(super) fn put_whole(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// Appends a difference: small ones of either sign are short.
pub(super) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put_whole(out, (value << 1 ^ value >> 63).cast_unsigned());
}

/// Appends a bit map.
pub(super) fn put_bits(out: &mut Vec<u8>, bits: impl ExactSizeIterator<Item = bool>) {
    let start = out.len();
    out.resize(start + bits.len().div_ceil(8), 0);
    for (at, _) in bits.enumerate().filter(|(_, bit)| *bit) {
        out[start + at / 8] |= 1 << (at % 8);
    }
}

/// Appends a column of figures; infinite ones and NaN count as absent.
///
/// With `is_exact` what is read is what was written, otherwise [`kept`] of it.
pub(super) fn put_column(out: &mut Vec<u8>, values: &[Option<f64>], is_exact: bool) {
    let values: Vec<Option<f64>> = values
        .iter()
        .map(|value| value.filter(|value| value.is_finite()))
        .map(|value| if is_exact { value } else { value.map(kept) })
        .collect();
    let there = || values.iter().flatten();
    let decimals = there().map(|value| decimal(*value).map(|(_, places)| places));
    // The place that is enough for all of them, unless one is no decimal or too large for it.
    let scale = decimals.collect::<Option<Vec<u8>>>().map(|places| places.into_iter().max().unwrap_or(0));
    let scale = scale.filter(|&scale| there().all(|value| units(*value, scale).is_some()));
    let gaps = if values.iter().any(Option::is_none) { HAS_GAPS } else { 0 };
    out.push(scale.unwrap_or(RAW) | gaps);
    if gaps != 0 {
        put_bits(out, values.iter().map(Option::is_some));
    }
    let Some(scale) = scale else {
        there().for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
        return;
    };
    let mut before = 0;
    for value in there().filter_map(|value| units(*value, scale)) {
        put_signed(out, value - before);
        before = value;
    }
}

/// What of a figure is kept that need not be exact: itself if it is short, else 7 significant digits and at most 6 decimals.
pub(super) fn kept(value: f64) -> f64 {
    if let Some((whole, _)) = decimal(value)
        && (whole as f64).abs() < SHORT
    {
        return value;
    }
    #[expect(clippy::cast_possible_truncation, reason = "the exponent of an f64")]
    let places = (DIGITS - 1 - value.abs().log10().floor() as i32).clamp(0, i32::from(MAX_DECIMALS));
    let power = POWERS[places.unsigned_abs() as usize];
    let rounded = (value * power).round() / power;
    // So large that it has no decimals.
    if rounded.is_finite() { rounded } else { value }
}

/// A figure as a whole number and the decimal places it has, the least number of them; `None` if it has too many.
fn decimal(value: f64) -> Option<(i64, u8)> {
    (0..=MAX_DECIMALS).find_map(|places| units(value, places).map(|whole| (whole, places)))
}

/// A figure in units of its decimal place `places`, if that is exactly what it is.
#[expect(clippy::cast_possible_truncation, reason = "checked to be exact")]
#[expect(clippy::float_cmp, reason = "what is read must be what was written")]
fn units(value: f64, places: u8) -> Option<i64> {
    let power = POWERS[usize::from(places)];
    let whole = (value * power).round();
    (whole.abs() < LARGEST_EXACT && whole / power == value).then_some(whole as i64)
}

/// Reads what was appended; `None` wherever it ends too early or cannot be.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// From the start of `bytes`.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    /// What has not been read.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    pub(super) fn whole(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    pub(super) fn signed(&mut self) -> Option<i64> {
        let value = self.whole()?;
        Some((value >> 1).cast_signed() ^ -((value & 1).cast_signed()))
    }

    /// A number of things of which each takes at least one bit of what is left.
    pub(super) fn count(&mut self) -> Option<usize> {
        let count = usize::try_from(self.whole()?).ok()?;
        (count <= self.rest.len().saturating_mul(8)).then_some(count)
    }

    pub(super) fn bits(&mut self, count: usize) -> Option<Vec<bool>> {
        let bytes = self.take(count.div_ceil(8))?;
        Some((0..count).map(|at| bytes[at / 8] >> (at % 8) & 1 == 1).collect())
    }

    /// A column of `count` figures.
    pub(super) fn column(&mut self, count: usize) -> Option<Vec<Option<f64>>> {
        let head = self.byte()?;
        let there = if head & HAS_GAPS == 0 { vec![true; count] } else { self.bits(count)? };
        let scale = head & SCALE_MASK;
        let mut before = 0_i64;
        let mut values = Vec::with_capacity(count);
        for is_there in there {
            let value = match is_there {
                false => None,
                true if scale == RAW => Some(f64::from_le_bytes(self.take(8)?.try_into().ok()?)),
                true => {
                    before = before.checked_add(self.signed()?)?;
                    Some(before as f64 / POWERS[usize::from(scale)])
                }
            };
            values.push(value);
        }
        Some(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn through(values: &[Option<f64>], is_exact: bool) -> (Vec<Option<f64>>, usize) {
        let mut out = Vec::new();
        put_column(&mut out, values, is_exact);
        let mut reader = Reader::new(&out);
        let read = reader.column(values.len()).expect("column");
        assert!(reader.rest().is_empty());
        (read, out.len())
    }

    #[test]
    fn what_is_kept_of_a_figure() {
        for (value, expected) in [
            (0.0, 0.0),
            (-0.25, -0.25),
            (123.45, 123.45),
            (123_456.789, 123_456.789),
            (100.0 / 3.0, 33.333_33),
            (2.0 / 3.0, 0.666_667),
            (1e-9, 0.0),
            (12_345_678_901.0, 12_345_678_901.0),
            (9_876_543_210.123, 9_876_543_210.0),
            (f64::MAX, f64::MAX),
        ] {
            assert_eq!(kept(value).to_bits(), expected.to_bits(), "{value}");
        }
    }

    #[test]
    fn constant_and_slow_columns_are_short() {
        for (values, is_exact, most_bytes) in [
            (vec![Some(2048.0); 100], true, 103),
            ((0..100).map(|at| Some(f64::from(at) / 100.0)).collect::<Vec<_>>(), false, 102),
            (vec![None; 100], false, 14),
        ] {
            let (read, bytes) = through(&values, is_exact);
            assert_eq!(read, values);
            assert!(bytes <= most_bytes, "{bytes}");
        }
    }

    #[test]
    fn not_finite_is_absent() {
        let (read, _) = through(&[Some(f64::NAN), Some(1.0), Some(f64::INFINITY)], true);
        assert_eq!(read, [None, Some(1.0), None]);
    }

    fn figure() -> impl Strategy<Value = f64> {
        prop_oneof![
            any::<f64>(),
            -1e6..1e6_f64,
            (any::<i32>(), 0..7_i32).prop_map(|(whole, places)| f64::from(whole) / 10_f64.powi(places)),
            (0..1_u64 << 54).prop_map(|whole| whole as f64),
        ]
    }

    proptest! {
        #[test]
        fn exact_column_is_read_as_it_was_written(values in prop::collection::vec(prop::option::of(figure()), 0..40)) {
            let finite: Vec<_> = values.iter().map(|value| value.filter(|value| value.is_finite())).collect();
            prop_assert_eq!(through(&values, true).0, finite);
        }

        #[test]
        fn other_column_is_read_to_seven_digits(values in prop::collection::vec(figure(), 0..40)) {
            let finite: Vec<_> = values.iter().map(|value| Some(*value).filter(|value| value.is_finite())).collect();
            let (read, _) = through(&finite, false);
            for (read, value) in read.iter().zip(&finite) {
                let (Some(read), Some(value)) = (read, value) else {
                    prop_assert_eq!(read, value);
                    continue;
                };
                prop_assert!((read - value).abs() <= value.abs() * 5.1e-7 + 5.1e-7, "{value} became {read}");
            }
            prop_assert_eq!(through(&read, false).0, read, "kept is kept");
        }

        #[test]
        fn whole_numbers_go_through(unsigned in any::<u64>(), signed in any::<i64>()) {
            let mut out = Vec::new();
            put_whole(&mut out, unsigned);
            put_signed(&mut out, signed);
            let mut reader = Reader::new(&out);
            prop_assert_eq!((reader.whole(), reader.signed(), reader.byte()), (Some(unsigned), Some(signed), None));
        }

        #[test]
        fn anything_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64), count in 0..200_usize) {
            let mut reader = Reader::new(&bytes);
            let _ = reader.column(count);
            let _ = reader.whole();
        }
    }
}
