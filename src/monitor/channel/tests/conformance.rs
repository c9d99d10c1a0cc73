//! Every channel that goes over the network, against a server that behaves well and badly.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::super::lane::Shared;
use super::super::{
    ChannelSettings, ChannelStatus, Channels, Delivery, Notice, Secrets, Source, TABLE, http::Http,
};
use super::alert;
use super::server::{Act, Script, http};
use super::smtp_server::smtp;
use crate::base::clock::{Clock, ManualClock};
use crate::monitor::alerts::Alert;
use crate::monitor::net::Net;

/// More than anything takes that ends by itself, wherever the machine is busy.
pub(super) const LONG: Duration = Duration::from_secs(60);

/// What an attempt may take at a server that says nothing or does not come to an end.
const SHORT: Duration = Duration::from_millis(250);

/// Part of every address and key.
const SECRET: &str = "hunter2";

/// A way to reach each channel of the table over the network.
pub(super) const WAYS: [&str; 5] = ["slack", "email", "email by smtp", "webhook", "pagerduty"];

/// One channel with its server.
pub(super) struct Rig {
    pub(super) channels: Arc<Channels>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) script: Script,
    pub(super) settings: ChannelSettings,
    pub(super) told: Arc<Mutex<Vec<Delivery>>>,
    net: Arc<Net>,
    name: &'static str,
}

impl Rig {
    pub(super) fn new(way: &'static str, acts: &[Act]) -> Self {
        let script = Script::of(acts);
        let by_smtp = way.ends_with("smtp");
        let port = script.serve(if by_smtp { smtp } else { http });
        let url = if by_smtp {
            format!("smtp://user:{SECRET}@127.0.0.1:{port}/")
        } else {
            format!("http://127.0.0.1:{port}/{SECRET}")
        };
        let name = way.split(' ').next().unwrap_or_default();
        let source = Source { environment: "production".into(), host: "host-1".into(), ..Source::default() };
        let mut settings = ChannelSettings {
            email_from: Some("monitor@example.com".into()),
            email_to: vec!["gone@example.com".into(), "Ops <ops@example.com>".into()],
            source,
            ..ChannelSettings::default()
        };
        let (switch, address) = match name {
            "slack" => (&mut settings.slack, "SLACK_WEBHOOK_URL"),
            "email" => (&mut settings.email, "EMAIL_SERVICE_API"),
            "webhook" => (&mut settings.webhook, "ALERT_WEBHOOK_URL"),
            _ => (&mut settings.pagerduty, "PAGERDUTY_EVENTS_URL"),
        };
        *switch = true;
        let keys = ["PAGERDUTY_ROUTING_KEY", "ALERT_WEBHOOK_SECRET", "EMAIL_SERVICE_TOKEN"];
        let mut variables: BTreeMap<String, String> =
            keys.map(|key| (key.to_owned(), format!("key-{SECRET}"))).into();
        variables.insert(address.into(), url);
        let clock = Arc::new(ManualClock::new());
        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = told.clone();
        let (net, to_come) = (Arc::new(Net::default()), script.clone());
        let shared = Shared {
            clock: clock.clone(),
            net: net.clone(),
            http: Http::new(None),
            told: Box::new(move |delivery| heard.lock().push(delivery)),
            attempt: Box::new(move || if to_come.is_endless() { SHORT } else { LONG }),
            seed: 1,
        };
        let channels = Channels::with(&TABLE, shared, &settings, Secrets::from_variables(&variables));
        assert_eq!(channels.problems(), [], "{way}");
        Self { channels, clock, script, settings, told, net, name }
    }

    pub(super) fn status(&self) -> ChannelStatus {
        self.channels.status().into_iter().find(|status| status.name == self.name).expect("in the table")
    }

    pub(super) fn create(&self, id: &str) {
        self.channels.notify(Notice::Created(Arc::new(alert(id))));
    }

    /// Moves the clock until `done`; returns the time it shows. It stands still while an attempt is under way.
    pub(super) fn until(&self, what: &str, done: impl Fn(&ChannelStatus) -> bool) -> u64 {
        let start = Instant::now();
        loop {
            self.rest();
            if done(&self.status()) {
                return self.clock.now_ms();
            }
            assert!(start.elapsed() < 2 * LONG, "{} {what}: {:?}", self.name, self.status());
            self.clock.advance(500);
        }
    }

    /// Lets `ms` pass with nothing to happen in them.
    pub(super) fn pass(&self, ms: u64) {
        for _ in 0..20 {
            self.clock.advance(ms / 20);
            self.rest();
        }
    }

    /// Until every channel has seen what the clock shows, and done what it does then.
    fn rest(&self) {
        self.channels.look();
        // What is due is begun, or its end is told.
        let turn = || self.net.run(LONG, async {}).expect("the network thread runs");
        loop {
            turn();
            if !self.channels.is_sending() {
                turn();
                if !self.channels.is_sending() {
                    return;
                }
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    pub(super) fn taken(&self) -> Vec<(String, String)> {
        self.script.taken.lock().clone()
    }

    /// Nothing that people see says a secret.
    fn says_no_secret(&self) {
        let all = format!("{:?} {:?} {:?}", self.channels, self.told.lock(), self.channels.undelivered());
        assert!(!all.contains(SECRET) && !all.contains("127.0.0.1"), "{all}");
    }
}

/// All ways at once: they mostly wait.
pub(super) fn each_way(test: impl Fn(&'static str) + Sync) {
    thread::scope(|scope| {
        for way in WAYS {
            let test = &test;
            scope.spawn(move || test(way));
        }
    });
}

#[test]
fn every_channel_has_a_way_here() {
    for row in TABLE.iter().filter(|row| row.name != "console") {
        assert!(WAYS.iter().any(|way| way.split(' ').next() == Some(row.name)), "{}", row.name);
    }
}

#[test]
fn alert_is_delivered_once_by_a_good_server() {
    each_way(|way| {
        for act in [Act::Accept, Act::AcceptAndHang] {
            let rig = Rig::new(way, &[act]);
            rig.create("a-1");
            rig.until("delivered", |status| status.delivered == 1);
            rig.pass(3_600_000);
            assert_eq!(
                (rig.taken().len(), rig.status().retries, *rig.script.tries.lock()),
                (1, 0, 1),
                "{way}"
            );
            let body = rig.taken()[0].1.clone();
            assert!(body.contains("a-1"), "{way}: {body}");
            assert_eq!(
                rig.told.lock()[..],
                [Delivery { channel: rig.name, ids: vec!["a-1".into()], lost: None }]
            );
            assert!(rig.status().last_delivered_at.is_some());
            rig.says_no_secret();
        }
    });
}

#[test]
fn bad_answers_are_tried_again_until_it_is_delivered_once() {
    each_way(|way| {
        let acts = [
            Act::Fail,
            Act::Hang,
            Act::Close,
            Act::CloseLate,
            Act::Drip,
            Act::Garbage,
            Act::Huge,
            Act::Busy("Thu, 01 Jan 2026 00:00:00 GMT"),
        ];
        let rig = Rig::new(way, &acts);
        rig.create("a-1");
        for nth in 1..=8 {
            rig.until("failed", |status| status.retries >= nth);
            assert!(rig.status().last_error.is_some());
            rig.says_no_secret();
        }
        rig.until("delivered", |status| status.delivered == 1);
        rig.pass(3_600_000);
        let status = rig.status();
        assert_eq!((rig.taken().len(), status.dead, status.queued), (1, 0, 0), "{way}");
        // Each connection but the last was an attempt that failed. A server that is kept from running may not have come to its
        // act before the short wait for it is over: then there is one more of them.
        assert_eq!(status.retries + 1, u64::from(*rig.script.tries.lock()), "{way}");
    });
}

#[test]
fn retry_after_is_honoured() {
    each_way(|way| {
        if way.ends_with("smtp") {
            return;
        }
        for after in ["120", "Thu, 01 Jan 2026 00:02:05 GMT"] {
            let rig = Rig::new(way, &[Act::Busy(after)]);
            rig.create("a-1");
            let failed_ms = rig.until("failed", |status| status.retries == 1);
            let delivered_ms = rig.until("delivered", |status| status.delivered == 1);
            assert!(
                (115_000..160_000).contains(&(delivered_ms - failed_ms)),
                "{way}: {}",
                delivered_ms - failed_ms
            );
        }
    });
}

#[test]
fn refusal_is_final() {
    each_way(|way| {
        for act in [Act::Refuse, Act::Redirect] {
            let rig = Rig::new(way, &[act]);
            rig.create("a-1");
            rig.until("given up", |status| status.dead == 1);
            rig.pass(3_600_000);
            assert_eq!(
                (rig.taken().len(), *rig.script.tries.lock(), rig.status().queued),
                (0, 1, 0),
                "{way}"
            );
            let told = rig.told.lock().clone();
            let [Delivery { lost: Some(reason), .. }] = &told[..] else { panic!("{told:?}") };
            assert!(reason.contains("answered"), "{reason}");
            rig.says_no_secret();
        }
    });
}

#[test]
fn alert_arrives_once_after_ten_minutes_without_a_server() {
    each_way(|way| {
        let rig = Rig::new(way, &[]);
        rig.script.set_down(true);
        rig.create("a-1");
        rig.until("failing", |status| status.retries > 2);
        while rig.clock.now_ms() < 600_000 {
            rig.pass(10_000);
        }
        assert!((rig.taken().is_empty(), rig.status().queued) == (true, 1), "{way}");
        rig.script.set_down(false);
        let delivered_ms = rig.until("delivered", |status| status.delivered == 1);
        assert!(delivered_ms < 960_000, "{way}: {delivered_ms}");
        rig.pass(3_600_000);
        assert_eq!(rig.taken().len(), 1, "{way}");
    });
}

#[test]
fn thousand_alerts_in_a_second_are_one_message() {
    each_way(|way| {
        let rig = Rig::new(way, &[]);
        // Nothing can be sent meanwhile.
        let (free, blocked) = mpsc::channel::<()>();
        let (done, is_freed) = mpsc::channel();
        let hold = async move { done.send(blocked.recv_timeout(LONG).is_ok()) };
        drop(rig.net.handle().expect("a thread").spawn(hold));
        for n in 0..1_000 {
            rig.create(&format!("a-{n}"));
        }
        free.send(()).expect("it is held still");
        assert!(is_freed.recv().expect("it was held"), "callers do not wait");
        rig.until("told", |status| status.delivered == 1_000);
        rig.pass(600_000);
        assert_eq!((rig.taken().len(), rig.status().digests, rig.status().dropped), (1, 1, 0), "{way}");
        // A mail may break lines and encode them.
        let body = rig.taken()[0].1.replace("=\n", "");
        assert!(body.contains("1,000 alerts"), "{way}: {body}");
    });
}

#[test]
fn resolved_alert_is_told() {
    each_way(|way| {
        let rig = Rig::new(way, &[]);
        rig.create("a-1");
        rig.until("created", |status| status.delivered == 1);
        let now = rig.clock.wall_ms();
        let over = Alert { resolved: true, resolved_at: Some(now), ..alert("a-1") };
        rig.channels.notify(Notice::Resolved(Arc::new(over)));
        rig.until("resolved", |status| status.delivered == 2);
        let body = rig.taken()[1].1.to_lowercase();
        assert!(body.contains("resolve"), "{way}: {body}");
    });
}

#[test]
fn webhook_is_signed_and_mail_service_gets_its_token() {
    let rig = Rig::new("webhook", &[]);
    rig.create("a-1");
    rig.until("delivered", |status| status.delivered == 1);
    let (head, body) = rig.taken().remove(0);
    assert!(head.contains("\r\nx-agentwise-signature: t=17672256") && head.contains(",v1="), "{head}");
    assert!(!body.contains(SECRET));
    let rig = Rig::new("email", &[]);
    rig.create("a-1");
    rig.until("delivered", |status| status.delivered == 1);
    let (head, body) = rig.taken().remove(0);
    assert!(head.contains("\r\nauthorization: bearer key-hunter2"), "{head}");
    let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(
        (&body["from"], &body["to"][1]),
        (&"monitor@example.com".into(), &"Ops <ops@example.com>".into())
    );
}

#[test]
fn mail_reaches_those_whom_the_server_knows() {
    let rig = Rig::new("email by smtp", &[]);
    rig.create("a-1");
    rig.until("delivered", |status| status.delivered == 1);
    let (commands, mail) = rig.taken().remove(0);
    assert!(
        commands.contains("RCPT TO:<gone@example.com>") && commands.contains("RCPT TO:<ops@example.com>")
    );
    assert!(commands.starts_with("EHLO host-1\nAUTH "), "{commands}");
    assert!(mail.contains("Subject: [production] WARNING memory: Title of a-1"), "{mail}");
    assert!(
        mail.contains("Message-ID: <")
            && mail.contains("References: <")
            && mail.contains("Content-Type: text/html")
    );
}
