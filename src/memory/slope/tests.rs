use proptest::prelude::*;

use super::*;

const MB: u64 = 1 << 20;

fn series(points: impl IntoIterator<Item = (u64, u64)>) -> Series {
    let mut series = Series::default();
    for (at_ms, bytes) in points {
        series.push(at_ms, bytes);
    }
    series
}

fn close(left: f64, right: f64) -> bool {
    (left - right).abs() <= 1e-9 * right.abs().max(1.0)
}

#[test]
fn there_is_no_growth_before_four_points_that_span_a_second() {
    let mut series = Series::default();
    assert_eq!(series.growth(), None);
    for (at_ms, known) in [(0, false), (300, false), (600, false), (900, false), (1000, true)] {
        series.push(at_ms, at_ms);
        assert_eq!(series.growth().is_some(), known, "{at_ms}");
    }
    assert_eq!(self::series([(0, 0), (5000, 1), (9000, 2)]).growth(), None, "three points");
}

#[test]
fn garbage_collections_do_not_look_like_a_trend() {
    // Up by 10 MB/s, but for two points of ten just after a collection.
    let heap = series((0..10).map(|step| {
        let bytes = 500 * MB + step * 10 * MB;
        (step * 1000, if step % 5 == 3 { bytes / 2 } else { bytes })
    }));
    assert!(close(heap.growth().unwrap(), (10 * MB) as f64));
}

#[test]
fn a_leak_after_a_long_rest_is_seen_within_two_seconds() {
    let resting = (0..20).map(|step| (step * 500, 100 * MB));
    let leaking = (1..=4).map(|step| (9_500 + step * 500, 100 * MB + step * 50 * MB));
    assert!(close(series(resting.chain(leaking)).growth().unwrap(), (100 * MB) as f64));
}

#[test]
fn few_recent_points_are_judged_with_those_before_them() {
    let slow = series((0..10).map(|step| (step * 1000, step * MB)));
    assert!(close(slow.growth().unwrap(), MB as f64));
    // Four in the last 2 s, but within 210 ms.
    let burst = (0..4).map(|step| (9_000 + step * 70, 9 * MB + step * 9 * MB));
    let jumpy = series((0..8).map(|step| (step * 1000, step * MB)).chain(burst));
    assert!(close(jumpy.growth().unwrap(), MB as f64));
}

#[test]
fn a_burst_is_what_the_last_two_steps_both_had() {
    let burst = |points: &[(u64, u64)]| series(points.iter().copied()).burst();
    assert_eq!((burst(&[]), burst(&[(0, 0), (100, 50)])), (None, None));
    assert_eq!(burst(&[(0, 0), (100, 50), (200, 80)]), Some(300.0));
    assert_eq!(burst(&[(0, 0), (100, 10), (200, 80)]), Some(100.0));
    // A single jump is none, wherever it is.
    assert_eq!(burst(&[(0, 0), (100, 0), (200, 1000)]), Some(0.0));
    assert_eq!(burst(&[(0, 0), (100, 1000), (200, 1000)]), Some(0.0));
    assert_eq!(burst(&[(0, 0), (100, 1000), (200, 500)]), Some(-5000.0));
}

#[test]
fn the_last_step_is_known_of_two_points() {
    let mut series = Series::default();
    let mut seen = Vec::new();
    for (at_ms, bytes) in [(0, 500), (250, 0), (500, 1), (1000, 101)] {
        series.push(at_ms, bytes);
        seen.push(series.last_step());
    }
    assert_eq!(seen, [None, Some(-2000.0), Some(4.0), Some(200.0)]);
}

#[test]
fn only_the_last_ten_seconds_count() {
    let old = (0..5).map(|step| (step * 1000, step * 100 * MB));
    let late = (0..4).map(|step| (14_001 + step * 2500, 7));
    let series = series(old.chain(late));
    assert_eq!(series.points().len(), 4);
    assert_eq!(series.growth(), Some(0.0));
}

#[test]
fn a_clock_that_stands_still_or_goes_back_adds_nothing() {
    let mut series = series((0..5).map(|step| (1000 + step * 500, step * 500)));
    series.push(3000, 9999);
    series.push(2999, 1);
    series.push(0, 1);
    assert_eq!(series.points().last(), Some(&Point { at_ms: 3000, bytes: 9999 }));
    assert_eq!(series.points().len(), 5);
    let still = self::series((0..100).map(|bytes| (7, bytes)));
    assert_eq!((still.points().len(), still.growth()), (1, None));
}

#[test]
fn points_that_come_too_often_are_thinned_and_still_span_two_seconds() {
    for step_ms in [1, 10, 64, 65, 100] {
        let often = series((0..=6000 / step_ms).map(|step| (step * step_ms, step * step_ms * 3)));
        let points = often.points();
        assert!(points.last().unwrap().at_ms - points[0].at_ms >= 1900, "{step_ms}");
        assert_eq!(points.last().unwrap().at_ms, 6000 / step_ms * step_ms);
        assert!(close(often.growth().unwrap(), 3000.0), "{step_ms}");
    }
}

#[test]
fn the_extremes_of_all_figures_give_finite_growth() {
    let steep = series((0..4).map(|step| (step * 400, if step % 2 == 0 { 0 } else { u64::MAX })));
    assert!(steep.growth().unwrap().is_finite());
    let late = series((0..4).map(|step| (u64::MAX - 1500 + step * 500, u64::MAX - 3 + step)));
    assert!(close(late.growth().unwrap(), 2.0));
}

#[test]
fn the_time_to_a_limit_is_left_over_growth() {
    for (limit, used, growth, expected) in [
        (1000, 500, 100.0, Some(5_000)),
        (1000, 999, 3.0, Some(333)),
        (1000, 1000, 1.0, Some(0)),
        (1000, 2000, -1.0, Some(0)),
        (0, 0, f64::NAN, Some(0)),
        (1000, 500, 0.0, None),
        (1000, 500, -0.0, None),
        (1000, 500, -5.0, None),
        (1000, 500, f64::NAN, None),
        (1000, 500, f64::INFINITY, Some(0)),
        (1000, 500, f64::NEG_INFINITY, None),
        (86_400, 0, 1.0, Some(86_400_000)),
        (86_401, 0, 1.0, None),
        (u64::MAX, 0, f64::MIN_POSITIVE, None),
        (u64::MAX, 0, f64::MAX, Some(0)),
    ] {
        assert_eq!(time_to(limit, used, growth), expected, "{used} of {limit} by {growth}");
    }
}

/// The estimator as its definition says it: all slopes, sorted.
fn naive(points: &[(u64, u64)]) -> f64 {
    let mut slopes = Vec::new();
    for (index, first) in points.iter().enumerate() {
        for second in &points[index + 1..] {
            let change = i128::from(second.1) - i128::from(first.1);
            slopes.push(change as f64 / (second.0 - first.0) as f64 * 1000.0);
        }
    }
    slopes.sort_by(f64::total_cmp);
    f64::midpoint(slopes[(slopes.len() - 1) / 2], slopes[slopes.len() / 2])
}

proptest! {
    #[test]
    fn growth_is_the_median_slope_of_the_points_it_is_of(
        steps in prop::collection::vec((65_u64..1500, 0_u64..1 << 40), 1..60),
    ) {
        let mut at_ms = 0;
        let all: Vec<(u64, u64)> = steps.iter().map(|(step, bytes)| { at_ms += step; (at_ms, *bytes) }).collect();
        // The last 32 of the last 10 s; of those the last 2 s, if they suffice.
        let within = |points: &[(u64, u64)], ms: u64| -> Vec<(u64, u64)> {
            points.iter().copied().filter(|point| at_ms - point.0 <= ms).collect()
        };
        let kept = within(&all[all.len().saturating_sub(32)..], 10_000);
        let suffices = |points: &[(u64, u64)]| {
            points.len() >= 4 && points[points.len() - 1].0 - points[0].0 >= 1000
        };
        let expected = [within(&kept, 2000), kept].iter().find(|points| suffices(points)).map(|points| naive(points));
        let growth = series(all).growth();
        prop_assert_eq!(growth.is_some(), expected.is_some());
        if let (Some(growth), Some(expected)) = (growth, expected) {
            prop_assert!(close(growth, expected), "{} {}", growth, expected);
        }
    }

    #[test]
    fn a_fifth_of_outliers_changes_nothing(
        times in prop::collection::btree_set(0_u64..100_000, 4..32),
        start in 0_u64..1 << 40,
        per_ms in 0_u64..1 << 20,
        outliers in prop::collection::vec((any::<prop::sample::Index>(), any::<u64>()), 6),
    ) {
        let line = times.iter().map(|at_ms| Point { at_ms: *at_ms, bytes: start + at_ms * per_ms });
        let mut points: Vec<Point> = line.collect();
        let count = points.len();
        for (index, bytes) in outliers.iter().take(count / 5) {
            points[index.index(count)].bytes = *bytes;
        }
        prop_assert!(close(theil_sen(&points), (per_ms * 1000) as f64));
    }

    #[test]
    fn one_outlier_in_each_five_points_changes_nothing_wherever_they_are(
        count in 5_u64..60,
        first in 0_u64..5,
        bytes in any::<u64>(),
    ) {
        let points = (0..count).map(|step| (step * 500, if step % 5 == first { bytes } else { MB + step }));
        prop_assert!(close(series(points).growth().unwrap(), 2.0));
    }

    #[test]
    fn what_is_constant_does_not_grow(bytes in any::<u64>(), steps in prop::collection::vec(0_u64..3000, 0..80)) {
        let mut at_ms = 0;
        let constant = series(steps.iter().map(|step| { at_ms += step; (at_ms, bytes) }));
        prop_assert!(constant.growth().is_none_or(|growth| growth == 0.0));
    }

    #[test]
    fn on_a_line_growth_is_its_slope(
        per_ms in 0_u64..1 << 30,
        down in any::<bool>(),
        count in 4_u64..80,
        step_ms in 334_u64..2000,
    ) {
        let line = (0..count).map(|step| {
            let change = step * step_ms * per_ms;
            (step * step_ms, if down { (1 << 50) - change } else { change })
        });
        let slope = (per_ms * 1000) as f64;
        let growth = series(line).growth().unwrap();
        prop_assert!(close(growth, if down { -slope } else { slope }), "{} {}", growth, slope);
    }

    #[test]
    fn points_of_any_kind_keep_order_bounds_and_finite_growth(
        points in prop::collection::vec((any::<u64>(), any::<u64>()), 0..100),
        near in prop::collection::vec((0_u64..20_000, any::<u64>()), 0..100),
    ) {
        let mut series = Series::default();
        for (at_ms, bytes) in near.into_iter().chain(points) {
            series.push(at_ms, bytes);
            let kept = series.points();
            prop_assert!(kept.len() <= CAPACITY && kept.windows(2).all(|pair| pair[0].at_ms < pair[1].at_ms));
            prop_assert!(kept[kept.len() - 1].at_ms - kept[0].at_ms <= WINDOW_MS);
            for figure in [series.growth(), series.burst(), series.last_step()] {
                prop_assert!(figure.is_none_or(f64::is_finite));
            }
        }
    }
}
