//! Console: one line on stderr for each alert, written natively, so that it is seen while JavaScript is stuck.
//!
//! A terminal or pipe that nobody reads must not hold up the other channels: the write has a thread of its own and a limit.

use std::io::{self, ErrorKind, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::pace::Limits;
use super::parcel::{Digest, News, Parcel};
use super::report::Outcome;
use super::{Attempt, Channel, Office, Row, text};
use crate::base::units::iso8601;

pub(super) const ROW: Row = Row {
    name: "console",
    // Lines cost little: they are told at once, until there are more than fit on a screen.
    limits: Limits {
        group_wait_ms: 0,
        per_message: 1,
        digest_over: 20,
        burst: 20,
        refill_ms: 1_000,
        incidents: false,
    },
    kept: false,
    enabled: |settings| settings.console,
    open: |_, _| Ok(Arc::new(Console::new(Arc::new(|| Box::new(io::stderr()))))),
};

/// Longest line, in characters: below what a pipe takes at once (`PIPE_BUF`, 4096 bytes), so that lines are not mixed.
const LONGEST: usize = 1_000;
/// A full pipe is tried again after this, and given up for now after so many times.
const FULL_WAIT: Duration = Duration::from_millis(10);
const FULL_TRIES: u32 = 100;
/// A write that blocks is left alone after this. Those of the tests of this crate do not block, however late they are done.
const BLOCKED: Duration = Duration::from_secs(if cfg!(test) { 60 } else { 2 });

/// Where lines go.
pub(super) type Open = Arc<dyn Fn() -> Box<dyn Write> + Send + Sync>;

/// The channel.
pub(super) struct Console {
    open: Open,
    /// A write goes on.
    busy: Arc<AtomicBool>,
}

impl Console {
    /// Writes to what `open` gives.
    pub(super) fn new(open: Open) -> Self {
        Self { open, busy: Arc::default() }
    }
}

impl Channel for Console {
    fn send<'a>(&'a self, parcel: &'a Parcel, office: Office<'a>) -> Attempt<'a> {
        Box::pin(async move {
            let lines = match parcel {
                Parcel::News(news) => news.iter().map(line).collect(),
                Parcel::Digest(digest) => digest_line(digest, office.wall_ms),
            };
            if self.busy.swap(true, Ordering::AcqRel) {
                return later("nobody reads it");
            }
            let (open, busy) = (self.open.clone(), self.busy.clone());
            let work = tokio::task::spawn_blocking(move || {
                let written = write(&mut *open(), lines.as_bytes());
                busy.store(false, Ordering::Release);
                written
            });
            match tokio::time::timeout(BLOCKED, work).await {
                Ok(Ok(Ok(()))) => Outcome::Delivered,
                Ok(Ok(Err(error))) if error.kind() == ErrorKind::WouldBlock => later("nobody reads it"),
                Ok(Ok(Err(error))) => Outcome::Refused { reason: format!("stderr: {}", error.kind()) },
                Ok(Err(_)) | Err(_) => later("a write does not end"),
            }
        })
    }
}

fn later(why: &str) -> Outcome {
    Outcome::Later { reason: format!("stderr: {why}"), retry_after_ms: None }
}

/// Node.js makes pipes non-blocking: a full one is an error, not a wait.
fn write(out: &mut dyn Write, mut left: &[u8]) -> io::Result<()> {
    let mut tries = 0;
    while !left.is_empty() {
        match out.write(left) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => left = &left[count..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock && tries < FULL_TRIES => {
                tries += 1;
                thread::sleep(FULL_WAIT);
            }
            Err(error) => return Err(error),
        }
    }
    out.flush()
}

/// `[agentwise] 2026-01-01T00:00:00.000Z CRITICAL memory: Title: message (id)`.
fn line(news: &News) -> String {
    let alert = &news.alert;
    let at_ms = alert.resolved_at.filter(|_| news.what.over()).unwrap_or(alert.timestamp);
    let mut rest = text::ending(news);
    if rest.is_empty() {
        rest = text::line(&alert.message, LONGEST / 2);
    }
    one_line(at_ms, &format!("{}: {rest} ({})", text::headline(news), text::line(&alert.id, 100)))
}

fn digest_line(digest: &Digest, wall_ms: u64) -> String {
    let worst = digest.shown.first().map(text::headline).unwrap_or_default();
    let parts =
        [text::digest_line(digest), text::components_line(digest), format!("first of the worst: {worst}")];
    one_line(wall_ms, &format!("ALERTS {}", parts.join("; ")))
}

fn one_line(at_ms: u64, rest: &str) -> String {
    format!("{}\n", text::line(&format!("[agentwise] {} {rest}", iso8601(at_ms)), LONGEST))
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::super::parcel::What;
    use super::super::tests::{alert, attempt};
    use super::*;
    use crate::monitor::alerts::Alert;

    #[derive(Clone, Default)]
    struct Script(Arc<Mutex<(Vec<ErrorKind>, Vec<u8>)>>);

    impl Write for Script {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut script = self.0.lock();
            if let Some(kind) = script.0.pop() {
                return Err(kind.into());
            }
            let count = bytes.len().min(7);
            script.1.extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn send(errors: Vec<ErrorKind>, parcel: &Parcel) -> (Outcome, String) {
        let script = Script(Arc::new(Mutex::new((errors, Vec::new()))));
        let written = script.clone();
        let console = Console::new(Arc::new(move || Box::new(script.clone())));
        let outcome = attempt(&console, parcel);
        (outcome, String::from_utf8(written.0.lock().1.clone()).expect("text"))
    }

    #[test]
    fn alert_is_one_clean_line() {
        let evil = Alert { message: "a\nb\u{1b}[31m\r\u{202e}c".into(), ..alert("a-1") };
        let parcel = Parcel::News(vec![News { what: What::Created, alert: Arc::new(evil) }]);
        let (outcome, written) = send(vec![ErrorKind::WouldBlock, ErrorKind::Interrupted], &parcel);
        assert_eq!(outcome, Outcome::Delivered);
        let expected =
            "[agentwise] 2026-01-01T00:00:00.000Z WARNING memory: Title of a-1: a b [31m  c (a-1)\n";
        assert_eq!(written, expected);
    }

    #[test]
    fn closed_stderr_is_given_up_and_a_full_one_tried_again() {
        let parcel = Parcel::News(vec![News { what: What::Created, alert: Arc::new(alert("a")) }]);
        let (closed, _) = send(vec![ErrorKind::BrokenPipe], &parcel);
        assert!(matches!(closed, Outcome::Refused { .. }), "{closed:?}");
        let (full, _) = send(vec![ErrorKind::WouldBlock; 200], &parcel);
        assert!(matches!(full, Outcome::Later { .. }), "{full:?}");
    }
}
