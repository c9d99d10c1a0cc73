//! Keeps a running system within reach of other programs of the same user: its socket, and the file with its last state.
//!
//! All that waits for a disk is done on a thread that may wait, never on JavaScript's. What fails is said in the status and
//! tried again later; it never fails a system. [`pages`] is what is answered, [`state`](super::state) what is saved.

mod pages;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::thread::ThreadId;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::Engine;
use super::state::{End, Saved};
use crate::base::clock::Clock;
use crate::base::error::{Error, ErrorKind, Result};
use crate::cache::directory_beside;
use crate::monitor::live::{LiveServer, net, state};
use crate::monitor::net::Net;

/// In the cache directory.
const DIRECTORY: &str = "live";
/// How often the socket is looked for: somebody may have cleaned up.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// A system that ends sooner has no socket: most that are made in tests and scripts.
const FIRST_LOOK: Duration = Duration::from_millis(50);
/// A socket that could not be made is tried again after this long, ms.
const AGAIN_MS: u64 = 60_000;

/// How long the end of a system waits for a look that is under way. A test waits for its end, however busy the machine is.
const END_LIMIT: Duration = Duration::from_secs(if cfg!(test) { 60 } else { 2 });

/// What others reach of one system.
pub(super) struct Live {
    /// When the system was made, Unix ms.
    pub(super) started_wall_ms: u64,
    clock: Arc<dyn Clock>,
    place: Mutex<Place>,
    /// What the status says; apart, so that it need not wait for a disk.
    shown: Mutex<Shown>,
    woken: Notify,
    is_kept: AtomicBool,
    is_ended: AtomicBool,
    /// Set when others may reach it: the system, and the thread that it belongs to.
    reached: OnceLock<Reached>,
}

/// Its lock is held while somebody looks after it.
struct Place {
    server: Option<LiveServer>,
    /// Set when it was made once.
    directory: Option<PathBuf>,
    /// Monotonic ms from which what failed is tried again.
    again_ms: u64,
    saved: Saved,
}

#[derive(Debug, Clone, Default)]
struct Shown {
    socket: Option<PathBuf>,
    reason: Option<String>,
}

type Reached = (Weak<Engine>, ThreadId);

/// The systems of this process that others may reach.
static REACHED: Mutex<Vec<Reached>> = Mutex::new(Vec::new());

/// This thread is about to end: its systems, which nobody shut down, leave their last state and no socket. Blocks for
/// milliseconds.
pub fn leave_all() {
    let me = std::thread::current().id();
    // In one step: two threads that end at once each find their own.
    let own: Vec<Reached> = REACHED.lock().extract_if(.., |(_, thread)| *thread == me).collect();
    for engine in own.iter().filter_map(|(engine, _)| engine.upgrade()) {
        let last = engine.last_state(End::Exit);
        engine.live.end();
        if let Some(last) = last {
            engine.leave(&last);
        }
    }
}

impl Live {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        let saved = Saved::new(clock.now_ms());
        Arc::new(Self {
            started_wall_ms: clock.wall_ms(),
            clock,
            place: Mutex::new(Place { server: None, directory: None, again_ms: 0, saved }),
            shown: Mutex::default(),
            woken: Notify::new(),
            is_kept: AtomicBool::new(false),
            is_ended: AtomicBool::new(false),
            reached: OnceLock::new(),
        })
    }

    /// `live` of the status.
    pub(super) fn status(&self) -> Value {
        let Shown { socket, reason } = self.shown.lock().clone();
        json!({ "socket": socket, "reason": reason })
    }

    fn show(&self, socket: Option<&Path>, reason: Option<String>) {
        *self.shown.lock() = Shown { socket: socket.map(Path::to_owned), reason };
    }

    /// Whether somebody has to look after it. Asks the file system one question.
    fn is_due(&self) -> bool {
        let now_ms = self.clock.now_ms();
        // Held by who looks after it now.
        let Some(place) = self.place.try_lock() else { return false };
        match &place.server {
            Some(server) => place.saved.is_due(now_ms) || !server.is_there(),
            None => now_ms >= place.again_ms,
        }
    }

    /// Nobody is answered and nothing is looked after any more.
    pub(super) fn end(&self) {
        self.is_ended.store(true, Ordering::Release);
        self.woken.notify_one();
        // Whoever looks after it now may wait for a disk that does not answer.
        if let Some(mut place) = self.place.try_lock_for(END_LIMIT) {
            place.server = None;
        }
        self.show(None, None);
    }

    /// Does what is due, until the system is gone. Runs on the thread of `net`, which lives as long as one of these.
    async fn keep(self: Arc<Self>, net: Arc<Net>, engine: Weak<Engine>) {
        tokio::select! {
            () = self.woken.notified() => {}
            () = tokio::time::sleep(FIRST_LOOK) => {}
        }
        let mut is_due = true;
        while !self.is_ended.load(Ordering::Acquire) {
            if is_due {
                let (net, engine) = (Arc::clone(&net), Weak::clone(&engine));
                let look = move || engine.upgrade().map(|engine| engine.look_after_live(&net));
                if let Ok(None) = tokio::task::spawn_blocking(look).await {
                    return;
                }
            }
            // Woken: the settings have changed, or it has ended.
            is_due = tokio::select! {
                () = self.woken.notified() => true,
                () = tokio::time::sleep(LOOK_EVERY) => self.is_due(),
            };
        }
    }
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live").field("shown", &*self.shown.lock()).finish_non_exhaustive()
    }
}

impl Engine {
    /// Lets other programs of this user reach the system, as its settings say. Begins that and waits for nothing.
    pub fn go_live(self: &Arc<Self>) {
        let reached = (Arc::downgrade(self), std::thread::current().id());
        if self.live.reached.set(reached.clone()).is_ok() {
            let mut all = REACHED.lock();
            all.retain(|(engine, _)| engine.strong_count() > 0);
            all.push(reached);
        }
        self.renew_live();
    }

    /// Does as the settings say now, soon. Waits for nothing.
    pub(super) fn renew_live(&self) {
        let Some((engine, _)) = self.live.reached.get() else { return };
        if !self.is_live_wanted() && !self.live.is_kept.load(Ordering::Acquire) {
            return;
        }
        if self.live.is_kept.swap(true, Ordering::AcqRel) {
            self.live.woken.notify_one();
            return;
        }
        let net = net();
        match net.handle() {
            Ok(handle) => {
                drop(handle.spawn(Arc::clone(&self.live).keep(net, Weak::clone(engine))));
            }
            Err(error) => self.live.show(None, Some(error.to_string())),
        }
    }

    /// Whether the settings ask for it, and there is a cache directory.
    fn is_live_wanted(&self) -> bool {
        let settings = self.settings.lock();
        settings.live_socket
            && settings.enable_advanced_caching
            && settings.cache.persist_to_disk
            && self.orchestrator.world().has_disk()
    }

    /// Makes the socket that is wanted and not there, and saves the state if that is due. Blocks.
    fn look_after_live(&self, net: &Net) {
        let is_wanted = self.is_live_wanted();
        let mut place = self.live.place.lock();
        if self.live.is_ended.load(Ordering::Acquire) {
            return;
        }
        if !is_wanted {
            // Until the settings change.
            place.again_ms = u64::MAX;
            place.server = None;
            self.live.show(None, None);
            return;
        }
        if place.server.as_ref().is_none_or(|server| !server.is_there()) {
            place.server = None;
            match self.start_server(&mut place, net) {
                Ok(server) => {
                    self.live.show(Some(server.path()), None);
                    place.server = Some(server);
                }
                Err(error) => {
                    place.again_ms = self.live.clock.now_ms() + AGAIN_MS;
                    tracing::debug!(code = error.kind().code(), "other programs cannot reach this system");
                    self.live.show(None, Some(error.to_string()));
                }
            }
        }
        if place.saved.is_due(self.live.clock.now_ms()) {
            self.save(&mut place);
        }
    }

    fn start_server(&self, place: &mut Place, net: &Net) -> Result<LiveServer> {
        let (cache_dir, allow_network) = self.cache_place();
        // A working directory that was removed is not made again.
        if (place.directory.is_some() || !self.cwd.exists()) && !cache_dir.exists() {
            let message =
                format!("{} was removed; a socket is made when it is there again", cache_dir.display());
            return Err(Error::new(ErrorKind::CacheDisk, message));
        }
        let directory = directory_beside(&cache_dir, DIRECTORY, allow_network)?;
        place.directory = Some(directory.clone());
        if allow_network {
            // Other machines would find a socket that only this one can reach.
            directory_beside(&cache_dir, DIRECTORY, false)?;
        }
        let (engine, _) =
            self.live.reached.get().expect("invariant: looked after only when it may be reached");
        let source: Weak<Self> = Weak::clone(engine);
        LiveServer::start(net, &directory, &self.who(), source)
    }

    /// The cache directory, and whether it may be on a network file system.
    fn cache_place(&self) -> (PathBuf, bool) {
        let settings = self.settings.lock();
        (self.cwd.join(settings.cache.dir()), settings.cache.allow_network_file_system)
    }

    /// Saves the state of a running system, unless nothing has changed since. A file that cannot be written is let go: it is
    /// a memory only.
    fn save(&self, place: &mut Place) {
        let (state, print) = self.state(End::Running);
        if place.saved.note(self.live.clock.now_ms(), print)
            && let Some(directory) = &place.directory
        {
            self.write_state(directory, &state);
        }
    }

    fn write_state(&self, directory: &Path, state: &Value) {
        let path = state::path(directory, self.project(), self.environment().name());
        if let Err(error) = state::write(&path, state) {
            tracing::debug!(code = error.kind().code(), "the last state was not saved");
        }
    }

    /// The last state of a system that is about to end, read before its parts are ended.
    pub(super) fn last_state(&self, ended: End) -> Option<Value> {
        (self.live.reached.get().is_some() && self.is_live_wanted()).then(|| self.state(ended).0)
    }

    /// Leaves it. Blocks.
    pub(super) fn leave(&self, last: &Value) {
        let Some(made) = self.live.place.try_lock_for(END_LIMIT).map(|place| place.directory.clone()) else {
            return;
        };
        let (cache_dir, allow_network) = self.cache_place();
        if made.is_none() && !self.cwd.exists() {
            return;
        }
        let directory = made.map_or_else(|| directory_beside(&cache_dir, DIRECTORY, allow_network), Ok);
        match directory {
            Ok(directory) => self.write_state(&directory, last),
            Err(error) => tracing::debug!(code = error.kind().code(), "the last state was not saved"),
        }
    }
}

#[cfg(test)]
mod tests;
