//! One channel at work: its outbox, its place in the settings, and the task on the network thread that does what the outbox
//! says. Callers only put something in; they never wait for a network.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::http::Http;
use super::outbox::{Outbox, Step};
use super::pace::GIVE_UP_MS;
use super::parcel::{News, Parcel, Source};
use super::report::{Outcome, Report};
use super::status::{ChannelStatus, Delivery};
use super::{Channel, ChannelSettings, Office, Opened, Row, Secrets};
use crate::base::clock::Clock;
use crate::base::error::Problem;
use crate::monitor::net::Net;

/// The task looks again at the clock at least this often: a machine may have slept.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// What all channels share.
pub(crate) struct Shared {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) net: Arc<Net>,
    pub(crate) http: Http,
    pub(crate) told: Box<dyn Fn(Delivery) + Send + Sync>,
    /// The most that an attempt which begins now may take, from the look-up of the name to the answer.
    pub(crate) attempt: Box<dyn Fn() -> Duration + Send + Sync>,
    /// Of the jitter.
    pub(crate) seed: u64,
}

impl Shared {
    /// Time of outboxes, ms: a day ahead, so that it can say of something that it waits since before the start.
    pub(crate) fn now_ms(&self) -> u64 {
        self.clock.now_ms() + GIVE_UP_MS
    }

    /// One attempt, `limit` at most.
    pub(crate) async fn attempt(
        &self,
        channel: &dyn Channel,
        parcel: &Parcel,
        source: &Source,
        limit: Duration,
    ) -> Outcome {
        let office = Office { http: &self.http, source, wall_ms: self.clock.wall_ms() };
        let limit = limit.min((self.attempt)());
        let late = || Outcome::Later {
            reason: format!("no answer within {} ms", limit.as_millis()),
            retry_after_ms: None,
        };
        tokio::time::timeout(limit, channel.send(parcel, office)).await.unwrap_or_else(|_| late())
    }
}

struct State {
    outbox: Outbox,
    enabled: bool,
    channel: Opened,
    source: Arc<Source>,
    task: Option<JoinHandle<()>>,
    closed: bool,
    last_delivered_at: Option<u64>,
}

/// See the module.
pub(crate) struct Lane {
    row: &'static Row,
    shared: Arc<Shared>,
    state: Mutex<State>,
    /// An attempt ended.
    changed: Condvar,
    /// There is something new to look at.
    wake: Notify,
    /// No attempt is to go on.
    closing: Notify,
}

impl Lane {
    /// A lane without a task: that is started when there is something to send.
    pub(crate) fn new(row: &'static Row, shared: Arc<Shared>) -> Self {
        let seed = row.name.bytes().fold(shared.seed, |seed, byte| seed.rotate_left(8) ^ u64::from(byte));
        let state = State {
            outbox: Outbox::new(row.limits, seed),
            enabled: false,
            channel: Err(Vec::new()),
            source: Arc::default(),
            task: None,
            closed: false,
            last_delivered_at: None,
        };
        let (changed, wake, closing) = (Condvar::new(), Notify::new(), Notify::new());
        Self { row, shared, state: Mutex::new(state), changed, wake, closing }
    }

    /// The row of the table.
    pub(crate) fn row(&self) -> &'static Row {
        self.row
    }

    /// Takes new settings. What waits for a channel that is off now is dropped.
    pub(crate) fn configure(self: &Arc<Self>, settings: &ChannelSettings, secrets: &Secrets) {
        let channel = (self.row.open)(settings, secrets);
        let mut state = self.state.lock();
        state.enabled = (self.row.enabled)(settings);
        state.channel = channel;
        state.source = Arc::new(settings.source.clone());
        if (!state.enabled || state.channel.is_err()) && state.outbox.queued() > 0 {
            state.outbox.clear("the channel was switched off");
            self.start(&mut state);
        }
    }

    /// Takes an alert that waits since `since_ms` (time of outboxes). Does no I/O.
    pub(crate) fn push(self: &Arc<Self>, news: News, since_ms: u64) {
        let mut state = self.state.lock();
        if state.closed || !state.enabled || state.channel.is_err() {
            return;
        }
        state.outbox.push(news, since_ms, self.shared.now_ms());
        self.start(&mut state);
    }

    /// Everything at once, one attempt; [`Lane::settle`] waits for it.
    pub(crate) fn hurry(self: &Arc<Self>) {
        let mut state = self.state.lock();
        if !state.closed && state.outbox.queued() > 0 {
            state.outbox.hurry(true);
            self.start(&mut state);
        }
    }

    /// Waits until everything is told or the attempt failed, `until` at most. Returns how many still wait.
    pub(crate) fn settle(&self, until: Instant) -> usize {
        let mut state = self.state.lock();
        while !state.closed && !state.outbox.settled() {
            if self.changed.wait_until(&mut state, until).timed_out() {
                break;
            }
        }
        state.outbox.hurry(false);
        state.outbox.queued()
    }

    /// Breaks off what is being sent and takes no more.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        state.outbox.broken_off();
        self.changed.notify_all();
        self.closing.notify_one();
        self.wake.notify_one();
    }

    /// What is not told, and since when (time of outboxes).
    pub(crate) fn untold(&self) -> Vec<(News, u64)> {
        self.state.lock().outbox.untold()
    }

    /// What is missing or wrong, if the channel is on.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let state = self.state.lock();
        if state.enabled { state.channel.as_ref().err().cloned().unwrap_or_default() } else { Vec::new() }
    }

    /// Whether it is on, the channel or what is wrong with it, and where alerts come from.
    pub(crate) fn opened(&self) -> (bool, Opened, Arc<Source>) {
        let state = self.state.lock();
        (state.enabled, state.channel.clone(), state.source.clone())
    }

    /// For `getStatus()`.
    pub(crate) fn status(&self) -> ChannelStatus {
        let state = self.state.lock();
        let counts = state.outbox.counts();
        ChannelStatus {
            name: self.row.name,
            enabled: state.enabled,
            configured: state.channel.is_ok(),
            queued: state.outbox.queued(),
            delivered: counts.delivered,
            retries: counts.retries,
            dead: counts.dead,
            dropped: counts.dropped,
            digests: counts.digests,
            last_error: counts.last_error.clone(),
            last_delivered_at: state.last_delivered_at,
        }
    }

    /// Whether an attempt is under way.
    #[cfg(test)]
    pub(crate) fn is_sending(&self) -> bool {
        self.state.lock().outbox.is_sending()
    }

    /// Lets the task look at the clock again.
    #[cfg(test)]
    pub(crate) fn look(&self) {
        self.wake.notify_one();
    }

    /// Wakes the task, after starting it when there is none (any more).
    fn start(self: &Arc<Self>, state: &mut State) {
        if state.task.as_ref().is_none_or(JoinHandle::is_finished) {
            state.outbox.broken_off();
            // Without a thread everything waits; the next alert tries again.
            match self.shared.net.handle() {
                Ok(handle) => state.task = Some(handle.spawn(drive(self.clone()))),
                Err(error) => {
                    tracing::warn!(channel = self.row.name, %error, "alerts wait: no network thread");
                }
            }
        }
        self.wake.notify_one();
    }

    /// The next step, with what it needs, and what to report before; none when the lane is closed.
    fn step(&self) -> Option<(Next, Vec<Report>)> {
        let mut state = self.state.lock();
        if state.closed {
            return None;
        }
        let next = match state.channel.as_ref().ok().cloned() {
            Some(channel) => match state.outbox.next(self.shared.now_ms()) {
                Step::Send(parcel) => Next::Send { parcel, channel, source: state.source.clone() },
                Step::Wait(due_ms) => Next::Wait(due_ms),
                Step::Idle => Next::Idle,
            },
            None => Next::Idle,
        };
        self.changed.notify_all();
        Some((next, state.outbox.take_reports()))
    }

    fn ended(&self, outcome: Outcome) {
        let mut state = self.state.lock();
        if outcome == Outcome::Delivered {
            state.last_delivered_at = Some(self.shared.clock.wall_ms());
        }
        state.outbox.done(outcome, self.shared.now_ms());
        self.changed.notify_all();
    }

    /// Outside of the lock: the listener may ask for the status.
    fn tell(&self, reports: Vec<Report>) {
        for Report { ids, lost } in reports {
            if let Some(reason) = &lost {
                tracing::warn!(
                    channel = self.row.name,
                    alerts = ids.len(),
                    reason,
                    "alerts were not delivered"
                );
            }
            (self.shared.told)(Delivery { channel: self.row.name, ids, lost });
        }
    }
}

/// What the task does next.
enum Next {
    Send { parcel: Parcel, channel: Arc<dyn Channel>, source: Arc<Source> },
    Wait(u64),
    Idle,
}

async fn drive(lane: Arc<Lane>) {
    while let Some((next, reports)) = lane.step() {
        lane.tell(reports);
        match next {
            Next::Send { parcel, channel, source } => {
                let attempt = lane.shared.attempt(&*channel, &parcel, &source, Duration::MAX);
                tokio::select! {
                    outcome = attempt => lane.ended(outcome),
                    () = lane.closing.notified() => return,
                }
            }
            Next::Wait(due_ms) => {
                let wait = Duration::from_millis(due_ms.saturating_sub(lane.shared.now_ms()));
                tokio::select! {
                    () = tokio::time::sleep(wait.min(LOOK_AGAIN)) => {}
                    () = lane.wake.notified() => {}
                }
            }
            Next::Idle => lane.wake.notified().await,
        }
    }
}
