//! What happens to what waits: at a stop, after a restart, when a channel is switched off; and test messages.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::{ChannelSettings, Notice};
use super::alert;
use super::conformance::{LONG, Rig, each_way};
use super::server::Act;
use crate::base::clock::Clock;
use crate::base::error::ErrorKind;

#[test]
fn flush_sends_at_once_what_waits() {
    each_way(|way| {
        let rig = Rig::new(way, &[]);
        rig.create("a-1");
        assert_eq!(rig.channels.flush(LONG), 0, "{way}");
        assert_eq!((rig.taken().len(), rig.clock.now_ms()), (1, 0), "{way}");
        assert_eq!(rig.channels.flush(Duration::ZERO), 0);
    });
}

#[test]
fn what_could_not_be_sent_is_handed_out_and_given_again() {
    each_way(|way| {
        let rig = Rig::new(way, &[Act::Hang]);
        rig.create("a-1");
        let start = Instant::now();
        assert_eq!(rig.channels.flush(LONG), 1, "{way}: one attempt");
        assert!(start.elapsed() < LONG);
        rig.channels.close();
        let mut left = rig.channels.undelivered();
        let one = left.pop().expect("one");
        assert!(left.is_empty());
        rig.create("a-2");
        assert_eq!(rig.channels.undelivered().len(), 1, "closed");

        let next = Rig::new(way, &[]);
        next.channels.restore(one.channel, one.notice.clone(), one.since_ms);
        next.channels.restore("console", one.notice.clone(), one.since_ms);
        next.channels.restore("carrier pigeon", one.notice, one.since_ms);
        next.until("delivered", |status| status.delivered == 1);
        assert_eq!(next.taken().len(), 1, "{way}");
    });
}

#[test]
fn what_waited_for_a_day_over_a_restart_is_given_up() {
    let rig = Rig::new("slack", &[]);
    let since_ms = rig.clock.wall_ms() - 86_400_000;
    rig.channels.restore("slack", Notice::Created(Arc::new(alert("a-1"))), since_ms);
    rig.until("given up", |status| status.dead == 1);
    assert_eq!(*rig.script.tries.lock(), 0);
}

#[test]
fn close_breaks_off_a_hanging_attempt() {
    let rig = Rig::new("slack", &[Act::Hang]);
    rig.create("a-1");
    rig.clock.advance(1_000);
    rig.channels.look();
    rig.channels.close();
    rig.channels.close();
    assert_eq!((rig.channels.flush(LONG), rig.channels.undelivered().len()), (1, 1));
}

#[test]
fn channel_that_is_switched_off_forgets_and_stays_quiet() {
    let rig = Rig::new("webhook", &[]);
    rig.create("a-1");
    rig.channels.reconfigure(&ChannelSettings::default());
    rig.create("a-2");
    rig.until("told", |status| status.dropped == 1 && !rig.told.lock().is_empty());
    assert_eq!(rig.told.lock()[0].lost.as_deref(), Some("the channel was switched off"));
    rig.channels.reconfigure(&rig.settings);
    rig.create("a-3");
    rig.until("delivered", |status| status.delivered == 1);
    assert!(rig.taken().len() == 1 && rig.taken()[0].1.contains("a-3"));
}

#[test]
fn missing_address_is_a_problem_only_for_a_channel_that_is_on() {
    let rig = Rig::new("webhook", &[]);
    rig.channels.reconfigure(&ChannelSettings { slack: true, email: true, ..rig.settings.clone() });
    let paths: Vec<String> = rig.channels.problems().into_iter().map(|problem| problem.path).collect();
    assert_eq!(paths, ["enableSlackAlerts", "enableEmailAlerts"]);
    let status = rig.channels.status();
    let slack = status.iter().find(|status| status.name == "slack").expect("in the table");
    assert!(slack.enabled && !slack.configured);
    rig.create("a-1");
    rig.until("delivered", |status| status.delivered == 1);
}

#[test]
fn test_message_is_sent_at_once_and_tried_again() {
    each_way(|way| {
        let rig = Rig::new(way, &[Act::Fail]);
        let results = rig.channels.test(None).expect("tested");
        let [result] = &results[..] else { panic!("{results:?}") };
        let messages = if way == "pagerduty" { 2 } else { 1 };
        assert!(result.delivered && result.error.is_none(), "{result:?}");
        assert_eq!((result.attempts as usize, rig.taken().len()), (messages + 1, messages), "{way}");
        assert_eq!(rig.status().delivered, 0, "no alert");
    });
}

#[test]
fn test_says_why_a_channel_does_not_work() {
    let rig = Rig::new("slack", &[Act::Refuse]);
    let results = rig.channels.test(Some("slack")).expect("tested");
    assert_eq!(results[0].error.as_deref(), Some("the server answered 404: no_service"));
    let results = rig.channels.test(Some("email")).expect("tested");
    assert_eq!((results[0].delivered, results[0].attempts), (false, 0));
    assert!(results[0].error.as_ref().is_some_and(|error| error.contains("EMAIL_SERVICE_API")));
    let error = rig.channels.test(Some("fax")).expect_err("no such channel");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    rig.channels.reconfigure(&ChannelSettings::default());
    assert!(rig.channels.test(Some("slack")).expect("tested")[0].delivered, "also when it is off");
}
