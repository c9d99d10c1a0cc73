use super::*;
use proptest::prelude::*;

/// A repeatable stream of numbers from 0 to 1 (xorshift64*, Vigna 2016).
fn uniform(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn normal(next: &mut impl FnMut() -> f64) -> f64 {
    // Box-Muller.
    (-2.0 * (1.0 - next()).ln()).sqrt() * (std::f64::consts::TAU * next()).cos()
}

fn exact(all: &mut [f64], share: f64) -> f64 {
    all.sort_unstable_by(f64::total_cmp);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank")]
    let rank = (share * all.len() as f64).ceil() as usize;
    all[rank - 1]
}

#[test]
fn percentiles_are_within_two_percent_of_the_exact_ones() {
    let mut next = uniform(7);
    let series: [(&str, Vec<f64>); 5] = [
        ("uniform", (0..20_000).map(|_| 1.0 + 99.0 * next()).collect()),
        ("lognormal", (0..20_000).map(|_| (1.5 + 1.2 * normal(&mut next)).exp()).collect()),
        (
            "bimodal",
            (0..20_000)
                .map(|_| if next() < 0.97 { 0.002 + 0.001 * next() } else { 900.0 + 50.0 * next() })
                .collect(),
        ),
        ("constant", vec![0.123_456; 1_000]),
        ("nanoseconds", (0..20_000).map(|_| 0.0001 + 0.0002 * next()).collect()),
    ];
    for (name, mut series) in series {
        let operations = Operations::new(0);
        for ms in &series {
            operations.record(name, *ms, false);
        }
        let row = operations.take(10_000).operations.remove(0);
        for (share, read) in [(0.5, row.p50_ms), (0.95, row.p95_ms), (0.99, row.p99_ms), (1.0, row.max_ms)] {
            let exact = exact(&mut series, share);
            let off = (read / exact - 1.0).abs();
            assert!(off < 0.005, "{name} p{}: {read} for {exact}", share * 100.0);
        }
        let mean = series.iter().sum::<f64>() / series.len() as f64;
        assert!((row.mean_ms / mean - 1.0).abs() < 1e-9, "{name}: {} for {mean}", row.mean_ms);
    }
}

#[test]
fn an_interval_has_what_was_recorded_in_it() {
    let operations = Operations::new(0);
    for (operation, ms, is_error) in [("set", 4.0, false), ("get", 1.0, false), ("get", 3.0, true)] {
        operations.record(operation, ms, is_error);
    }
    let first = operations.take(10_000);
    assert_eq!((first.count, first.errors), (3, 1));
    let names: Vec<_> =
        first.operations.iter().map(|row| (&*row.name, row.count, row.errors, row.max_ms)).collect();
    assert_eq!(names, [("get", 2, 1, 3.0), ("set", 1, 0, 4.0)]);
    assert_eq!(first.all.map(|all| (all.mean_ms, all.max_ms)), Some((8.0 / 3.0, 4.0)));

    let second = operations.take(20_000);
    assert_eq!((second.count, second.operations.len(), second.all), (0, 0, None));
    assert!((second.slowest_p95_ms.expect("of the minute") - 4.0).abs() < 0.06);
    assert_eq!(operations.counts(), (3, 1));
}

#[test]
fn what_is_no_time_is_a_request_without_one() {
    let operations = Operations::new(0);
    for ms in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 1e13] {
        operations.record("odd", ms, true);
    }
    let interval = operations.take(10_000);
    assert_eq!((interval.count, interval.errors, interval.all), (5, 5, None));
    assert!(interval.operations[0].p95_ms.is_nan() && interval.operations[0].mean_ms.is_nan());
    operations.record("odd", 2.0, false);
    operations.record("odd", f64::NAN, false);
    operations.record("odd", -0.0, false);
    let row = operations.take(20_000).operations.remove(0);
    assert_eq!((row.count, row.mean_ms, row.max_ms), (3, 1.0, 2.0));
    let totals = operations.totals().remove(0);
    assert_eq!((totals.count, totals.errors, totals.timed, totals.sum_s), (8, 5, 2, 0.002));
    assert_eq!(totals.buckets[0], 1, "0 is below the first limit");
    assert_eq!(totals.buckets.last(), Some(&2));
}

#[test]
fn totals_count_a_limit_as_below_itself_and_grow_for_ever() {
    let operations = Operations::new(0);
    for seconds in LATENCY_BUCKETS_S {
        operations.record("limits", seconds * 1e3, false);
    }
    operations.record("limits", 60_001.0, false);
    operations.take(10_000);
    let totals = operations.totals().remove(0);
    let expected: Vec<u64> = (1..=LATENCY_BUCKETS_S.len() as u64).collect();
    assert_eq!(totals.buckets.to_vec(), expected);
    assert_eq!(totals.timed, LATENCY_BUCKETS_S.len() as u64 + 1);
}

#[test]
fn ten_thousand_names_become_sixty_four_and_other() {
    let operations = Operations::new(0);
    for number in 0..10_000 {
        operations.record(&format!("operation {number}"), 1.0, false);
    }
    let interval = operations.take(10_000);
    assert_eq!((interval.operations.len(), interval.count), (MAX_OPERATIONS + 1, 10_000));
    let other = interval.operations.iter().find(|row| &*row.name == OTHER).expect("there is one");
    assert_eq!(other.count, 10_000 - MAX_OPERATIONS as u64);
    assert_eq!(operations.index_of("operation 5"), 6, "numbers stay");
}

#[test]
fn names_are_cleaned_and_cut() {
    let long = "ä".repeat(100);
    for (given, kept) in
        [("a\r\nb", "a__b"), ("  get ", "get"), ("", "other"), ("\u{7}", "_"), (long.as_str(), &long[..64])]
    {
        let operations = Operations::new(0);
        operations.record(given, 1.0, false);
        operations.record(given, 1.0, false);
        let rows = operations.take(10_000).operations;
        assert_eq!(
            rows.iter().map(|row| (&*row.name, row.count)).collect::<Vec<_>>(),
            [(kept, 2)],
            "{given:?}"
        );
    }
}

#[test]
fn batches_are_requests_by_number() {
    let operations = Operations::new(0);
    let get = f64::from(operations.index_of("get"));
    operations.record_batch(&[
        get,
        1.0,
        0.0,
        get,
        3.0,
        1.0,
        99.0,
        5.0,
        0.0,
        f64::NAN,
        5.0,
        0.0,
        0.5,
        5.0,
        0.0,
        get,
        7.0,
    ]);
    let rows = operations.take(10_000).operations;
    let rows: Vec<_> = rows.iter().map(|row| (&*row.name, row.count, row.errors, row.max_ms)).collect();
    assert_eq!(rows, [("get", 2, 1, 3.0), ("other", 3, 0, 5.0)]);
}

#[test]
fn no_request_is_lost_while_intervals_are_taken() {
    const EACH: u64 = 20_000;
    let operations = Operations::new(0);
    let mut seen = (0, 0);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..3)
            .map(|thread| {
                let operations = &operations;
                scope.spawn(move || {
                    for number in 0..EACH {
                        let name = ["a", "b", "c"][(number % 3) as usize];
                        operations.record(name, 0.5 * f64::from(thread), number % 10 == 0);
                    }
                })
            })
            .collect();
        let mut now_ms = 0;
        while threads.iter().any(|thread| !thread.is_finished()) {
            now_ms += 100;
            let interval = operations.take(now_ms);
            seen = (seen.0 + interval.count, seen.1 + interval.errors);
        }
        let last = operations.take(now_ms + 100);
        seen = (seen.0 + last.count, seen.1 + last.errors);
    });
    assert_eq!(seen, (3 * EACH, 3 * EACH / 10));
    assert_eq!(operations.counts(), seen);
}

#[test]
fn memory_is_bounded() {
    let operations = Operations::new(0);
    let mut next = uniform(3);
    let fill = |now_ms, next: &mut dyn FnMut() -> f64| {
        for index in 0..=64 {
            for _ in 0..2_000 {
                // From 100 ns to 1,000 s, each as likely.
                operations.record_index(index, 10_f64.powf(10.0 * next() - 4.0), false);
            }
        }
        operations.take(now_ms);
        operations.held_bytes()
    };
    for name in 0..64 {
        operations.index_of(&format!("operation {name}"));
    }
    for minute in 1..=8 {
        fill(minute * 10_000, &mut next);
    }
    let held = fill(90_000, &mut next);
    assert!(held < 6_000_000, "{held}");
    for minute in 10..=20 {
        assert!(fill(minute * 10_000, &mut next) < held + held / 10);
    }
}

proptest! {
    #[test]
    fn any_text_is_a_name(name in "\\PC*|.{0,200}|[\\x00-\\x20]{0,9}") {
        let operations = Operations::new(0);
        operations.record(&name, 1.0, false);
        let row = operations.take(10_000).operations.remove(0);
        prop_assert!(!row.name.is_empty() && row.name.len() <= MAX_NAME_BYTES);
        prop_assert!(!row.name.chars().any(char::is_control));
        prop_assert_eq!(operations.index_of(&row.name), operations.index_of(&name));
    }
}
