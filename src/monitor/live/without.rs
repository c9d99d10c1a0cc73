//! Where there are no Unix sockets.

use std::path::{Path, PathBuf};
use std::sync::Weak;

use serde_json::Value;

use super::Answering;
use crate::base::error::{Error, ErrorKind, Result};
use crate::monitor::net::Net;

/// There is none.
#[derive(Debug)]
pub enum LiveServer {}

impl LiveServer {
    /// Refuses.
    ///
    /// # Errors
    /// `E_NOT_AVAILABLE`.
    pub fn start(_: &Net, _: &Path, _: &Value, _: Weak<dyn Answering>) -> Result<Self> {
        let message = "running systems do not answer on this platform: it has no Unix sockets";
        Err(Error::new(ErrorKind::NotAvailable, message))
    }

    /// Where it is.
    pub fn path(&self) -> &PathBuf {
        match *self {}
    }

    /// Whether others can find it.
    pub fn is_there(&self) -> bool {
        match *self {}
    }
}
