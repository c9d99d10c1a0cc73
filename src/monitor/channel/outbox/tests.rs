use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;

use super::super::tests::alert;
use super::*;

const CHAT: Limits = Limits {
    group_wait_ms: 1_000,
    per_message: 10,
    digest_over: 10,
    burst: 5,
    refill_ms: 10_000,
    incidents: false,
};
const INCIDENTS: Limits =
    Limits { per_message: 1, digest_over: 5, burst: 20, refill_ms: 1_000, incidents: true, ..CHAT };

fn news(what: What, id: &str) -> News {
    News { what, alert: Arc::new(alert(id)) }
}

/// An outbox with its time.
struct Rig {
    outbox: Outbox,
    now_ms: u64,
}

impl Rig {
    fn new(limits: Limits) -> Self {
        Self { outbox: Outbox::new(limits, 1), now_ms: GIVE_UP_MS }
    }

    fn push(&mut self, what: What, id: &str) {
        self.outbox.push(news(what, id), self.now_ms, self.now_ms);
    }

    /// Lets time pass until something is sent; none when nothing will be.
    fn sent(&mut self) -> Option<Vec<String>> {
        loop {
            match self.outbox.next(self.now_ms) {
                Step::Idle => return None,
                Step::Wait(due_ms) => {
                    assert!(due_ms > self.now_ms, "a wait that is none");
                    self.now_ms = due_ms;
                }
                Step::Send(Parcel::News(news)) => {
                    return Some(news.iter().map(|one| format!("{:?} {}", one.what, one.alert.id)).collect());
                }
                Step::Send(Parcel::Digest(digest)) => {
                    let Digest { key, created, resolved, .. } = digest;
                    return Some(vec![format!("digest {key} {created} {resolved}")]);
                }
            }
        }
    }

    fn done(&mut self, outcome: Outcome) {
        self.outbox.done(outcome, self.now_ms);
    }

    /// Sends all with success.
    fn all(&mut self) -> Vec<Vec<String>> {
        let mut all = Vec::new();
        while let Some(sent) = self.sent() {
            self.done(Outcome::Delivered);
            all.push(sent);
        }
        all
    }
}

fn later() -> Outcome {
    Outcome::Later { reason: "busy".into(), retry_after_ms: None }
}

#[test]
fn what_comes_together_is_one_message_after_a_moment() {
    let mut rig = Rig::new(CHAT);
    let start_ms = rig.now_ms;
    rig.push(What::Created, "a");
    rig.now_ms += 600;
    rig.push(What::Created, "b");
    rig.push(What::Created, "b");
    assert_eq!(rig.sent().expect("sent"), ["Created a", "Created b"]);
    assert_eq!(rig.now_ms, start_ms + 1_000);
    assert!(rig.sent().is_none(), "one attempt at a time");
    rig.done(Outcome::Delivered);
    assert_eq!(rig.outbox.take_reports(), [Report { ids: vec!["a".into(), "b".into()], lost: None }]);
    assert!(rig.sent().is_none());
    assert_eq!((rig.outbox.queued(), rig.outbox.counts().delivered), (0, 2));
}

#[test]
fn alert_that_ends_before_it_is_told_is_told_once() {
    let mut rig = Rig::new(CHAT);
    rig.push(What::Created, "a");
    rig.push(What::Resolved, "a");
    rig.push(What::Resolved, "a");
    assert_eq!(rig.all(), [["Ended a"]]);
    rig.push(What::Created, "b");
    assert_eq!(rig.all(), [["Created b"]]);
    rig.push(What::Resolved, "b");
    assert_eq!(rig.all(), [["Resolved b"]]);
}

#[test]
fn thousand_alerts_in_a_second_are_one_digest() {
    for (limits, created) in [(CHAT, 1_000), (INCIDENTS, 1_000), (CHAT, 5_000)] {
        let mut rig = Rig::new(limits);
        for n in 0..created {
            if n % (created / 500) == 0 {
                rig.now_ms += 2;
            }
            rig.push(What::Created, &format!("a{n}"));
            assert!(rig.outbox.waiting.len() <= CAPACITY && rig.outbox.by_id.len() <= CAPACITY);
        }
        let first = created - created.min(1_000);
        assert_eq!(rig.all(), [[format!("digest storm-a{first} {created} 0")]]);
        let counts = rig.outbox.counts();
        assert_eq!((counts.digests, counts.delivered, counts.dropped), (1, 1_000, first));
    }
}

#[test]
fn storm_that_does_not_end_is_told_every_ten_seconds() {
    for (step_ms, alerts) in [(10, 6_000), (1, 60_000)] {
        let mut rig = Rig::new(CHAT);
        let mut digests = 0;
        for n in 0..alerts {
            rig.push(What::Created, &format!("a{n}"));
            rig.now_ms += step_ms;
            if let Step::Send(parcel) = rig.outbox.next(rig.now_ms) {
                assert!(matches!(parcel, Parcel::Digest(_)));
                rig.done(Outcome::Delivered);
                digests += 1;
            }
        }
        assert_eq!(digests, 6);
    }
}

#[test]
fn messages_keep_to_the_rate() {
    let mut rig = Rig::new(CHAT);
    let mut times = Vec::new();
    for n in 0..8 {
        rig.push(What::Created, &format!("a{n}"));
        rig.sent().expect("sent");
        rig.done(Outcome::Delivered);
        times.push(rig.now_ms - GIVE_UP_MS);
    }
    assert_eq!(times, [1_000, 2_000, 3_000, 4_000, 5_000, 11_000, 21_000, 31_000]);
}

#[test]
fn what_failed_leaves_again_with_what_came_meanwhile() {
    let mut rig = Rig::new(CHAT);
    rig.push(What::Created, "a");
    rig.push(What::Created, "b");
    rig.sent().expect("sent");
    rig.push(What::Resolved, "a");
    rig.push(What::Created, "c");
    rig.done(later());
    assert_eq!(rig.outbox.untold().len(), 3);
    assert_eq!(rig.all(), [["Ended a", "Created b", "Created c"]]);
    let counts = rig.outbox.counts();
    assert_eq!((counts.retries, counts.delivered, counts.last_error.as_deref()), (1, 3, Some("busy")));
}

#[test]
fn refused_alert_is_given_up_at_once() {
    let mut rig = Rig::new(CHAT);
    rig.push(What::Created, "a");
    rig.sent().expect("sent");
    rig.done(Outcome::Refused { reason: "404".into() });
    assert!(rig.sent().is_none());
    assert_eq!(rig.outbox.take_reports(), [Report { ids: vec!["a".into()], lost: Some("404".into()) }]);
    assert_eq!(rig.outbox.counts().dead, 1);
}

#[test]
fn after_a_day_of_failures_an_alert_is_given_up() {
    let mut rig = Rig::new(CHAT);
    let start_ms = rig.now_ms;
    rig.push(What::Created, "a");
    let mut attempts = 0;
    while rig.sent().is_some() {
        rig.done(later());
        attempts += 1;
    }
    let day = start_ms + GIVE_UP_MS;
    assert!((day..day + 300_000).contains(&rig.now_ms));
    assert!((280..700).contains(&attempts), "{attempts}");
    assert_eq!((rig.outbox.counts().dead, rig.outbox.queued()), (1, 0));
}

#[test]
fn retry_after_is_kept_to() {
    let mut rig = Rig::new(CHAT);
    rig.push(What::Created, "a");
    rig.sent().expect("sent");
    let failed_ms = rig.now_ms;
    rig.done(Outcome::Later { reason: "429".into(), retry_after_ms: Some(90_000) });
    rig.sent().expect("sent");
    assert!((90_000..=99_000).contains(&(rig.now_ms - failed_ms)));
}

#[test]
fn hurry_is_one_attempt_at_everything() {
    let mut rig = Rig::new(CHAT);
    let now_ms = rig.now_ms;
    rig.push(What::Created, "a");
    rig.outbox.hurry(true);
    assert!(!rig.outbox.settled());
    assert_eq!(rig.sent().expect("sent"), ["Created a"]);
    assert_eq!(rig.now_ms, now_ms);
    rig.done(later());
    assert!(rig.outbox.settled());
    assert_eq!(rig.outbox.queued(), 1);
}

#[test]
fn attempt_that_was_broken_off_waits_again() {
    let mut rig = Rig::new(CHAT);
    rig.push(What::Created, "a");
    rig.sent().expect("sent");
    rig.outbox.broken_off();
    assert_eq!((rig.outbox.queued(), rig.outbox.untold().len()), (1, 1));
    rig.outbox.clear("off");
    assert_eq!((rig.outbox.queued(), rig.outbox.counts().dropped), (0, 1));
}

#[test]
fn worst_alerts_stay_when_too_many_wait() {
    let mut rig = Rig::new(CHAT);
    let mut push = |level, what, id: &str| {
        let alert = Arc::new(Alert { level, ..alert(id) });
        rig.outbox.push(News { what, alert }, GIVE_UP_MS, GIVE_UP_MS);
    };
    push(Level::Critical, What::Created, "ended");
    push(Level::Critical, What::Resolved, "ended");
    push(Level::Info, What::Created, "info");
    push(Level::Critical, What::Created, "critical");
    for n in 0..999 {
        push(Level::Warning, What::Created, &format!("w{n}"));
    }
    let waits = |rig: &Rig, id: &str| rig.outbox.by_id.contains_key(id);
    assert_eq!((waits(&rig, "ended"), waits(&rig, "info"), waits(&rig, "critical")), (false, false, true));
    assert!(waits(&rig, "w0"));
}

#[test]
fn incident_is_opened_and_closed_alone_and_pages_go_first() {
    let mut rig = Rig::new(INCIDENTS);
    rig.push(What::Created, "short");
    rig.push(What::Resolved, "short");
    assert!(rig.sent().is_none(), "nobody heard of it");
    rig.push(What::Resolved, "old");
    rig.push(What::Created, "new");
    assert_eq!(rig.all(), [["Created new"], ["Resolved old"]]);
    rig.push(What::Created, "tried");
    rig.sent().expect("sent");
    rig.push(What::Resolved, "tried");
    rig.done(later());
    assert_eq!(rig.all(), [["Ended tried"]], "it may have been opened");
}

#[test]
fn storm_incident_closes_with_its_last_alert() {
    let mut rig = Rig::new(INCIDENTS);
    for n in 0..20 {
        rig.push(What::Created, &format!("a{n}"));
    }
    rig.sent().expect("sent");
    rig.done(later());
    rig.push(What::Resolved, "a0");
    assert_eq!(rig.sent().expect("again"), ["digest storm-a0 19 0"], "the same incident");
    rig.push(What::Resolved, "a1");
    rig.done(Outcome::Delivered);
    assert!(rig.sent().is_none(), "its end is no news");
    for n in 2..20 {
        assert!(rig.sent().is_none());
        rig.push(What::Resolved, &format!("a{n}"));
    }
    assert!(rig.outbox.untold().is_empty(), "the end of the storm is no alert");
    assert_eq!(rig.all(), [["Resolved storm-a0"]]);
    assert_eq!(rig.outbox.counts().delivered, 19);
}

#[derive(Debug, Clone)]
enum Act {
    Begin(u8),
    End(u8),
    Pass(u16),
    Work(u8),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        any::<u8>().prop_map(Act::Begin),
        any::<u8>().prop_map(Act::End),
        (0_u16..20_000).prop_map(Act::Pass),
        (0_u8..4).prop_map(Act::Work),
    ]
}

proptest! {
    /// Against a model: whatever happens in whatever order, each beginning and each end arrives at most once, an end not before
    /// its beginning, and in the end nothing is left untold.
    #[test]
    fn everything_arrives_once(acts in prop::collection::vec(act(), 1..200)) {
        let mut rig = Rig::new(Limits { digest_over: usize::MAX, per_message: 3, ..CHAT });
        let (mut begun, mut ended) = (HashSet::new(), HashSet::new());
        let mut told: BTreeMap<String, Vec<What>> = BTreeMap::new();
        let mut flying: Vec<News> = Vec::new();
        let last = [Act::Work(0), Act::Pass(20_000)];
        for act in acts.into_iter().chain(last.into_iter().cycle().take(1_000)) {
            match act {
                Act::Begin(n) => {
                    if begun.insert(n) {
                        rig.push(What::Created, &n.to_string());
                    }
                }
                Act::End(n) => {
                    if begun.contains(&n) && ended.insert(n) {
                        rig.push(What::Resolved, &n.to_string());
                    }
                }
                Act::Pass(ms) => rig.now_ms += u64::from(ms),
                Act::Work(how) => {
                    if flying.is_empty() {
                        if let Step::Send(Parcel::News(news)) = rig.outbox.next(rig.now_ms) {
                            flying = news;
                        }
                        continue;
                    }
                    let sent = std::mem::take(&mut flying);
                    match how {
                        0 => {
                            for one in sent {
                                told.entry(one.alert.id.clone()).or_default().push(one.what);
                            }
                            rig.done(Outcome::Delivered);
                        }
                        1 => rig.outbox.broken_off(),
                        _ => rig.done(later()),
                    }
                }
            }
        }
        prop_assert_eq!(rig.outbox.queued(), 0);
        for n in begun {
            let expected: &[&[What]] = if ended.contains(&n) {
                &[&[What::Created, What::Resolved], &[What::Ended]]
            } else {
                &[&[What::Created]]
            };
            let found = told.get(&n.to_string()).map_or(&[][..], Vec::as_slice);
            prop_assert!(expected.contains(&found), "{}: {:?}", n, found);
        }
    }
}
