//! Alerts: by id, bounded, by time.

use super::*;
use crate::monitor::alerts::{Component, Level};

fn alert(number: u64, resolved: bool) -> Alert {
    Alert {
        id: format!("id-{number}"),
        level: Level::Warning,
        component: Component::Cpu,
        title: "CPU usage".to_owned(),
        message: format!("CPU usage is {number} %"),
        timestamp: 1_767_225_600_000 + number,
        resolved,
        resolved_at: resolved.then_some(1_767_225_700_000 + number),
        metadata: serde_json::Map::from_iter([("rule".to_owned(), "cpuWarning".into())]),
    }
}

#[test]
fn alerts_are_kept_by_id_and_given_by_time() {
    let dir = tempfile::tempdir().expect("temp dir");
    let mut store = open(dir.path());
    store.put_alerts(&[alert(2, false), alert(1, false), alert(3, false)]).expect("put");
    store.put_alerts(&[alert(1, true)]).expect("put");
    store.put_alerts(&[]).expect("put");
    store.close().expect("close");
    let mut store = open(dir.path());
    let expected = [alert(1, true), alert(2, false), alert(3, false)];
    assert_eq!(store.alerts(0).expect("alerts"), expected);
    assert_eq!(store.alerts(alert(2, false).timestamp).expect("alerts"), expected[1..]);
}

#[test]
fn oldest_resolved_alerts_go_first() {
    let dir = tempfile::tempdir().expect("temp dir");
    let mut store = open(dir.path());
    let most = u64::try_from(MOST_ALERTS).expect("count");
    // The first ten are not over.
    let all: Vec<_> = (0..most + 20).map(|number| alert(number, number >= 10)).collect();
    for part in all.chunks(3000) {
        store.put_alerts(part).expect("put");
    }
    let kept = store.alerts(0).expect("alerts");
    assert_eq!(kept.len() as u64, most);
    let numbers: Vec<_> = kept.iter().map(|alert| alert.timestamp - 1_767_225_600_000).collect();
    assert_eq!(numbers[..12], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 30, 31]);
}

#[test]
fn resolved_alerts_go_with_age_and_others_stay() {
    let dir = tempfile::tempdir().expect("temp dir");
    let mut store = open(dir.path());
    store.put_alerts(&[alert(1, true), alert(2, false), alert(9, true)]).expect("put");
    store.maintain(alert(5, true).timestamp + DAY_MS, DAY_MS).expect("maintain");
    assert_eq!(store.alerts(0).expect("alerts"), [alert(2, false), alert(9, true)]);
}

#[test]
fn alert_that_cannot_be_read_is_left_out_with_a_warning() {
    let dir = tempfile::tempdir().expect("temp dir");
    let mut store = open(dir.path());
    store.put_alerts(&[alert(1, true), alert(2, false)]).expect("put");
    let connection = &store.opened().expect("open").connection;
    connection.execute("UPDATE a SET data = '{' WHERE id = 'id-1'", []).expect("update");
    assert_eq!(store.alerts(0).expect("alerts"), [alert(2, false)]);
    assert_eq!(store.take_warnings().len(), 1);
    assert_eq!(store.take_warnings().len(), 0);
}
