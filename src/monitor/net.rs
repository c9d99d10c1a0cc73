//! The one thread of a monitor on which everything that goes over the network runs: deliveries, exports, the server. It is
//! started when the first needs it, so that a monitor without any has none, and goes on while JavaScript is busy.

use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::base::error::{Error, ErrorKind, Result};

/// As tools show it.
const NAME: &str = "agentwise-net";

struct Running {
    handle: Handle,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// The thread, once there is one.
#[derive(Default)]
pub struct Net(Mutex<Option<Running>>);

impl Net {
    /// Where to spawn tasks.
    ///
    /// # Errors
    /// `E_IO` when there is no thread to be had.
    pub fn handle(&self) -> Result<Handle> {
        let mut running = self.0.lock();
        if let Some(running) = &*running {
            return Ok(running.handle.clone());
        }
        let failed = |error| Error::new(ErrorKind::Io, "cannot start the network thread").with_source(error);
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel::<()>();
        let work = move || {
            // An error is the sender's end: the monitor is gone.
            let _ = runtime.block_on(ended);
            // Look-ups of names cannot be called off: nobody waits for them.
            runtime.shutdown_background();
        };
        let thread = thread::Builder::new().name(NAME.into()).spawn(work).map_err(failed)?;
        *running = Some(Running { handle: handle.clone(), end: Some(end), thread: Some(thread) });
        Ok(handle)
    }

    /// Ends every task and the thread. What is to be finished must be before.
    pub fn close(&self) {
        let Some(mut running) = self.0.lock().take() else { return };
        drop(running.end.take());
        if let Some(thread) = running.thread.take()
            && thread.thread().id() != thread::current().id()
        {
            // A panic in a task was told when it happened.
            let _ = thread.join();
        }
    }

    /// Runs `work` to its end from a thread that may wait, `limit` at most.
    ///
    /// # Errors
    /// `E_TIMEOUT`; those of [`Net::handle`].
    pub fn run<T: Send + 'static>(
        &self,
        limit: Duration,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T> {
        let (done, result) = std::sync::mpsc::channel();
        self.handle()?.spawn(async move {
            // Nobody waits any more.
            let _ = done.send(tokio::time::timeout(limit, work).await);
        });
        let late = || Error::new(ErrorKind::Timeout, format!("not done within {} ms", limit.as_millis()));
        result
            .recv_timeout(limit + Duration::from_secs(1))
            .ok()
            .and_then(std::result::Result::ok)
            .ok_or_else(late)
    }
}

impl std::fmt::Debug for Net {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Net").finish_non_exhaustive()
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_run_and_are_ended() {
        const LONG: Duration = Duration::from_secs(60);
        let net = Net::default();
        assert_eq!(net.run(LONG, async { 7 }).expect("done"), 7);
        let late = net.run(Duration::from_millis(1), std::future::pending::<()>()).expect_err("never done");
        assert_eq!(late.kind(), ErrorKind::Timeout);
        net.close();
        assert_eq!(net.run(LONG, async { 8 }).expect("started again"), 8);
    }
}
