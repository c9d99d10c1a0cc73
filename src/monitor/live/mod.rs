//! A running system answers other programs of the same user: HTTP on a Unix socket in a directory of its own, and its last
//! state in a file beside it, for when it does not run any more.
//!
//! ```text
//! <directory>/             0700, made by whoever starts it
//!   <random>.sock          0600, one for each running system
//!   <random>.json          0600, who that is, for when it does not answer
//!   state-<hash>.json      0600, the last state of the systems of one project and environment
//! ```
//!
//! In reading order: [`Answering`] is who is asked; `socket` the files of a socket, and those that nobody listens to any more;
//! [`server`] answers, on the thread of [`net`]; [`state`] is the file. No name has a process id in it: processes of several
//! containers may share the directory. Where there are no Unix sockets there is no server, and the file all the same.

#[cfg(unix)]
mod server;
#[cfg(unix)]
mod socket;
pub mod state;
#[cfg(not(unix))]
mod without;

use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use serde_json::Value;

use super::net::Net;

#[cfg(unix)]
pub use server::LiveServer;
#[cfg(not(unix))]
pub use without::LiveServer;

/// Who is asked. Called on a thread that may wait, also while JavaScript is busy.
pub trait Answering: Send + Sync + 'static {
    /// The page at `path`, which begins with a slash; `None`: there is none.
    fn answer(&self, path: &str) -> Option<Value>;
}

/// The thread on which all systems of the process answer: started with the first and ended with the last who holds it.
pub fn net() -> Arc<Net> {
    static SHARED: Mutex<Weak<Net>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock();
    shared.upgrade().unwrap_or_else(|| {
        let net = Arc::<Net>::default();
        *shared = Arc::downgrade(&net);
        net
    })
}
