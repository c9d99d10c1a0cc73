//! Against a naive model: a list of all samples that were ever taken.

use super::*;
use crate::monitor::store::test_support::{operation, row_of};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    /// So many samples, so far apart.
    Samples(u64, u64),
    /// Time in which the process did not run.
    Pause(u64),
    Maintain,
    Restart,
    /// The process starts, and its counters at 0.
    Reset,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..500_u64, prop_oneof![Just(10_000), Just(500), Just(300_000), 1..100_000_u64])
            .prop_map(|(count, apart_ms)| Step::Samples(count, apart_ms)),
        1 => (0..3 * DAY_MS).prop_map(Step::Pause),
        4 => Just(Step::Maintain),
        1 => Just(Step::Restart),
        1 => Just(Step::Reset),
    ]
}

fn requests(rows: &[SampleRow]) -> u64 {
    rows.iter().flat_map(|row| &row.operations).map(|operation| operation.count).sum()
}

/// How much a counter grew, as every reader of counters does it: one that went back began at 0 again.
fn increase(rows: &[SampleRow]) -> f64 {
    let values: Vec<f64> = rows.iter().filter_map(|row| row.figures.get(Metric::Requests)).collect();
    values.windows(2).map(|pair| if pair[1] < pair[0] { pair[1] } else { pair[1] - pair[0] }).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn nothing_is_lost_but_what_is_too_old(
        steps in prop::collection::vec(step(), 1..25),
        retention_ms in prop_oneof![Just(3650 * DAY_MS), DAY_MS..10 * DAY_MS],
    ) {
        let dir = tempfile::tempdir().expect("temp dir");
        let mut store = open(dir.path());
        let (mut now_ms, mut counter) = (1_767_225_600_000, 0.0);
        // The first sample stands alone in its minute: increases are counted from it.
        let first = row_of(now_ms, 1, &[(Metric::Requests, 0.0)]);
        store.append(&first).expect("append");
        let mut model = vec![first];
        now_ms += 2 * 60 * MINUTE_MS;
        let mut full_since_ms = 0;
        for step in &steps {
            match *step {
                Step::Samples(count, apart_ms) => for at in 0..count {
                    now_ms += apart_ms;
                    counter += (at % 7) as f64;
                    let mut row = row_of(now_ms, apart_ms, &[(Metric::Requests, counter), (Metric::CpuUsage, 5.0)]);
                    row.operations.extend((at % 3 == 0).then(|| operation("get", at, 0, 1.5)));
                    store.append(&row).expect("append");
                    model.push(row);
                },
                Step::Pause(ms) => now_ms += ms,
                Step::Maintain => {
                    store.maintain(now_ms, retention_ms).expect("maintain");
                    full_since_ms = now_ms - DAY_MS;
                }
                Step::Restart => {
                    store.close().expect("close");
                    store = open(dir.path());
                }
                Step::Reset => counter = 0.0,
            }
        }
        let rows = store.load(0).expect("load");
        prop_assert!(store.take_warnings().is_empty());
        prop_assert!(rows.windows(2).all(|pair| pair[0].at_ms <= pair[1].at_ms));
        let since = |rows: &[SampleRow], ms: u64| -> Vec<SampleRow> {
            rows.iter().filter(|row| row.at_ms > ms).cloned().collect()
        };
        prop_assert_eq!(texts(&since(&rows, full_since_ms)), kept_texts(&since(&model, full_since_ms)), "a day in full");
        if retention_ms == 3650 * DAY_MS {
            let time = |rows: &[SampleRow]| rows.iter().map(|row| row.interval_ms).sum::<u64>();
            prop_assert_eq!(time(&rows), time(&model));
            prop_assert_eq!(requests(&rows), requests(&model));
            prop_assert!((increase(&rows) - increase(&model)).abs() < 0.5);
        }
        store.maintain(now_ms, retention_ms).expect("maintain");
        let oldest = store.load(0).expect("load").first().map(|row| row.at_ms);
        prop_assert!(oldest.is_none_or(|at_ms| at_ms >= now_ms - retention_ms));
    }
}

#[test]
fn history_is_small_and_its_log_does_not_grow() {
    const SAMPLES: u64 = 3 * 8640;
    let dir = tempfile::tempdir().expect("temp dir");
    let mut store = open(dir.path());
    let mut largest_log = 0;
    let log = PathBuf::from(format!("{}-wal", store.path().display()));
    for at in 0..SAMPLES {
        let row = busy_row(at);
        store.append(&row).expect("append");
        if at % 6 == 0 {
            store.maintain(row.at_ms, 2 * DAY_MS).expect("maintain");
        }
        if at % 500 == 0 {
            largest_log = largest_log.max(log.metadata().map_or(0, |metadata| metadata.len()));
        }
    }
    let rows = store.load(0).expect("load");
    let path = store.path().to_owned();
    store.close().expect("close");
    let bytes = path.metadata().expect("metadata").len();
    assert!(!log.exists(), "closing leaves one file");
    assert!((10_080..11_000).contains(&rows.len()), "{}", rows.len());
    assert!(bytes < 3 << 20, "{bytes}");
    assert!(largest_log < 2 << 20, "{largest_log}");
}
