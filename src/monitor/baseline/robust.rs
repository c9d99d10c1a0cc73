//! Statistics that a few wild values do not move: the median and the median absolute deviation.

/// How many MADs make a standard deviation where values are normally distributed: 1 / Φ⁻¹(3/4) (Rousseeuw and Croux,
/// "Alternatives to the Median Absolute Deviation", J. Am. Stat. Assoc. 88, 1993).
pub(super) const SIGMA_PER_MAD: f64 = 1.482_602_218_505_602;

/// The middle value, of an even number the mean of both in the middle; `None` of none. Reorders them. No value is NaN.
pub(super) fn median(values: &mut [f64]) -> Option<f64> {
    let middle = values.len() / 2;
    if values.is_empty() {
        return None;
    }
    let is_odd = values.len() % 2 == 1;
    let (below, upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let upper = *upper;
    if is_odd {
        return Some(upper);
    }
    let lower = below.iter().copied().max_by(f64::total_cmp)?;
    Some(lower.midpoint(upper))
}

/// The median, and the standard deviation as the MAD estimates it.
pub(super) fn center_and_sigma(values: &mut [f64]) -> Option<(f64, f64)> {
    let center = median(values)?;
    for value in &mut *values {
        *value = (*value - center).abs();
    }
    Some((center, median(values)? * SIGMA_PER_MAD))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_few_wild_values_do_not_matter() {
        let (center, sigma) = center_and_sigma(&mut [1.0, 2.0, 3.0, 4.0, 1e9]).expect("there are some");
        assert_eq!((center, sigma), (3.0, SIGMA_PER_MAD));
        assert_eq!(median(&mut [4.0, 1.0]), Some(2.5));
        assert_eq!(center_and_sigma(&mut []), None);
    }

    proptest! {
        #[test]
        fn the_median_is_in_the_middle(mut values in prop::collection::vec(-1e9..1e9_f64, 1..50)) {
            let middle = median(&mut values).expect("there are some");
            values.sort_unstable_by(f64::total_cmp);
            let (lower, upper) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
            prop_assert!((lower..=upper).contains(&middle));
            prop_assert!((middle - f64::midpoint(lower, upper)).abs() <= middle.abs() * 1e-12);
        }
    }
}
