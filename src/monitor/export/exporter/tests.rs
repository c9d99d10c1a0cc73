use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};

use serde_json::json;

use super::*;
use crate::monitor::export::test_support::busy;
use crate::monitor::export::{Healthz, Scrape};

/// More than any step of these tests takes.
const LONG: Duration = Duration::from_secs(60);
/// An interval that does not pass.
const NEVER_MS: u64 = 3_600_000;

/// In place of an answer: the collector keeps the connection and says nothing.
const HANGS: &str = "(hangs)";

struct Busy;

impl Exported for Busy {
    fn scrape(&self) -> Scrape {
        busy()
    }

    fn health(&self) -> Healthz {
        Healthz { is_live: true, is_ready: true, body: json!({}) }
    }
}

/// A collector that answers each connection with the next of `answers`, the last for ever. Gives its
/// address, and the requests.
fn collector(answers: Vec<String>) -> (String, Receiver<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("bound"));
    let (seen, requests) = channel();
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        // Who ends while it connects asks nothing.
        let asked =
            listener.incoming().flatten().filter_map(|mut stream| Some((read_request(&mut stream)?, stream)));
        for (index, (request, mut stream)) in asked.enumerate() {
            let answer = answers.get(index).or(answers.last()).expect("an answer");
            if answer == HANGS {
                kept.push(stream);
            } else {
                // It may have ended: then nobody waits for it.
                let _ = stream.write_all(answer.as_bytes());
            }
            if seen.send(request).is_err() {
                return;
            }
        }
    });
    (address, requests)
}

/// `None` when the client goes away before it has asked.
fn read_request(stream: &mut TcpStream) -> Option<(String, Value)> {
    let mut text = Vec::new();
    let mut part = [0; 4096];
    loop {
        let read = stream.read(&mut part).ok().filter(|&read| read > 0)?;
        text.extend_from_slice(&part[..read]);
        let Some(end) = text.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&text[..end]).to_ascii_lowercase();
        let length = head
            .split("content-length: ")
            .nth(1)
            .and_then(|rest| rest.split("\r\n").next()?.parse::<usize>().ok());
        if text.len() >= end + 4 + length.expect("a length") {
            return Some((head, serde_json::from_slice(&text[end + 4..]).expect("JSON")));
        }
    }
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n{body}")
}

fn exporter(
    endpoint: &str,
    variables: &[(&str, &str)],
    interval_ms: u64,
) -> (OtlpExporter, Arc<dyn Exported>) {
    let own: BTreeMap<_, _> =
        variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let settings = OtlpSettings::from_variables(&own, Some(endpoint)).expect("sound");
    let source: Arc<dyn Exported> = Arc::new(Busy);
    // Not by a proxy that the environment may name.
    let client = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    let client = client.build().expect("a client");
    let net = Arc::new(Net::default());
    let exporter = OtlpExporter::start(&net, client, settings, interval_ms, Arc::downgrade(&source));
    (exporter.expect("a thread"), source)
}

#[test]
fn figures_arrive_with_the_headers_and_by_interval() {
    let (address, requests) = collector(vec![answer("200 OK", "", "{}")]);
    let variables = [("OTEL_EXPORTER_OTLP_HEADERS", "x-key=hunter2")];
    let (exporter, _source) = exporter(&address, &variables, 10);
    for _ in 0..2 {
        let (head, body) = requests.recv_timeout(LONG).expect("a request");
        assert!(head.starts_with("post /v1/metrics http/1.1\r\n"), "{head}");
        assert!(
            head.contains("\r\nx-key: hunter2") && head.contains("\r\ncontent-type: application/json"),
            "{head}"
        );
        assert!(body["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].is_array());
    }
    exporter.flush(LONG).expect("taken");
    let status = exporter.status();
    assert!(status.exported >= 2 && status.failed == 0 && status.last_at.is_some(), "{status:?}");
    assert!(!format!("{exporter:?} {status:?}").contains("hunter2"));
}

#[test]
fn answers_are_told_apart() {
    for (given, may_pass, wait_ms) in [
        (answer("429 Too Many Requests", "Retry-After: 7\r\n", ""), true, Some(7_000)),
        (answer("502 Bad Gateway", "", ""), true, None),
        (answer("503 Service Unavailable", "Retry-After: soon\r\n", ""), true, None),
        (answer("504 Gateway Timeout", "", ""), true, None),
        (answer("400 Bad Request", "Retry-After: 7\r\n", "hunter2"), false, None),
        (answer("401 Unauthorized", "", ""), false, None),
        (answer("500 Internal Server Error", "", ""), false, None),
        (answer("307 Temporary Redirect", "Location: http://127.0.0.1:1/\r\n", ""), false, None),
        (String::new(), true, None),
        ("garbage\r\n\r\n".into(), true, None),
        (HANGS.into(), true, None),
    ] {
        let text = given.clone();
        let (address, _requests) = collector(vec![given]);
        // Only who never answers is waited for in vain: an answer that comes late is an answer all the same.
        let timeout = if text == HANGS { "300" } else { "60000" };
        let variables = [("OTEL_EXPORTER_OTLP_TIMEOUT", timeout)];
        let (exporter, _source) = exporter(&format!("{address}/?key=hunter2"), &variables, NEVER_MS);
        let shared = Arc::clone(&exporter.shared);
        let failure =
            exporter.net.run(LONG, async move { shared.send().await }).expect("in time").expect_err(&text);
        assert_eq!((failure.may_pass, failure.wait_ms), (may_pass, wait_ms), "{text}: {failure:?}");
        let status = exporter.status();
        assert_eq!((status.exported, status.failed), (0, 1), "{text}");
        assert!(!format!("{failure:?} {status:?}").contains("hunter2"), "{failure:?} {status:?}");
    }
}

#[test]
fn nobody_there_is_told_without_the_address() {
    // Taken, so that no other test gets the port, and nobody listens.
    let taken = tokio::net::TcpSocket::new_v4().expect("a socket");
    taken.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
    let address = format!("http://{}/?key=hunter2", taken.local_addr().expect("bound"));
    let (exporter, _source) = exporter(&address, &[], NEVER_MS);
    let error = exporter.flush(LONG).expect_err("nobody listens").to_string();
    assert!(error.starts_with("cannot connect: ") && !error.contains("hunter2"), "{error}");
}

#[test]
fn failure_that_may_pass_is_tried_again_before_the_next_interval() {
    let busy = answer("503 Service Unavailable", "Retry-After: 0\r\n", "");
    let (address, requests) = collector(vec![busy.clone(), busy, answer("200 OK", "", "{}")]);
    let (exporter, _source) = exporter(&address, &[], 50);
    for _ in 0..3 {
        requests.recv_timeout(LONG).expect("a request");
    }
    exporter.flush(LONG).expect("taken");
    let status = exporter.status();
    assert_eq!((status.failed, status.last_error), (2, None));
}

#[test]
fn points_that_were_not_taken_are_counted() {
    let partial = "{\"partialSuccess\":{\"rejectedDataPoints\":\"3\",\"errorMessage\":\"too\\nmany\"}}";
    let (address, _requests) = collector(vec![answer("200 OK", "", partial)]);
    let (exporter, _source) = exporter(&address, &[], NEVER_MS);
    exporter.flush(LONG).expect("taken");
    let status = exporter.status();
    assert_eq!((status.exported, status.rejected_points), (1, 3));
    assert_eq!(status.last_error.as_deref(), Some("the collector took it with a remark: too many"));
}

#[test]
fn waits_grow_are_spread_and_are_bounded() {
    let failure = |wait_ms, may_pass| Failure { message: String::new(), may_pass, wait_ms };
    for (failures, longest) in [(0, 1_000), (1, 2_000), (5, 32_000), (6, 60_000), (40, 60_000)] {
        let waits: Vec<_> =
            (0..100).map(|seed| after_failure(&failure(None, true), failures, NEVER_MS, seed)).collect();
        assert!(waits.iter().all(|wait| (longest / 2..=longest).contains(wait)), "{waits:?}");
        assert!(waits.iter().max() > waits.iter().min(), "{waits:?}");
    }
    assert!(after_failure(&failure(None, true), 9, 10_000, 1) <= 10_000);
    assert_eq!(after_failure(&failure(None, false), 9, 10_000, 1), 10_000);
    assert_eq!(after_failure(&failure(Some(90_000), true), 0, 10_000, 1), 90_000);
    assert_eq!(after_failure(&failure(Some(u64::MAX), true), 0, 10_000, 1), LONGEST_ASKED_MS);
    assert_eq!(after_failure(&failure(Some(0), true), 0, 10_000, 1), FIRST_WAIT_MS);
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    let now_ms = 1_767_225_600_000;
    for (text, wanted) in [
        ("120", Some(120_000)),
        (" 0 ", Some(0)),
        ("Thu, 01 Jan 2026 00:01:00 GMT", Some(60_000)),
        ("Wed, 31 Dec 2025 23:59:00 GMT", Some(0)),
        ("99999999999999999999", None),
        ("-1", None),
        ("1.5", None),
        ("tomorrow", None),
        ("", None),
    ] {
        assert_eq!(retry_after_ms(text, now_ms), wanted, "{text:?}");
    }
}
