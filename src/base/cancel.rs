//! Work that can be called off by whoever asked for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::error::{Error, ErrorKind, Result};

/// A flag that work looks at from time to time. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Cancel {
    flag: Arc<AtomicBool>,
}

impl Cancel {
    /// Calls the work off.
    pub fn cancel(&self) {
        self.flag.store(true, Ordering::Relaxed);
    }

    /// Whether the work was called off.
    pub fn is_cancelled(&self) -> bool {
        self.flag.load(Ordering::Relaxed)
    }

    /// The flag itself, for work that is given no more.
    pub fn flag(&self) -> &AtomicBool {
        &self.flag
    }

    /// For use between steps.
    ///
    /// # Errors
    /// `E_CANCELLED` if the work was called off.
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() {
            return Err(Error::new(ErrorKind::Cancelled, "the call was ended by its caller"));
        }
        Ok(())
    }
}
