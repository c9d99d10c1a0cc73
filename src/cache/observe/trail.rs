//! Requests of a sample of the keys, as they came, until they are replayed.
//!
//! Bounded: what comes while it is full is counted and forgotten. One load and one multiplication for a key that is not in the
//! sample, a short lock for one that is.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use parking_lot::Mutex;

/// Most requests that wait: 256 KB.
const CAPACITY: usize = 8192;
/// Nothing is taken down.
const OFF: u32 = u32::MAX;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// A lookup that L1 answered.
    Hit,
    /// A lookup that the disk answered.
    DiskHit,
    /// A lookup that nobody answered.
    Miss,
    /// A value was stored.
    Stored,
    /// The key has no value any more.
    Gone,
}

/// One request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request {
    pub(super) hash: u64,
    pub(super) what: What,
    pub(super) bytes: u32,
    /// End of its fresh life, Unix seconds; `u32::MAX` for ever.
    pub(super) fresh_s: u32,
}

impl Request {
    pub(super) fn new(hash: u64, what: What, bytes: u64, fresh_ms: u64) -> Self {
        let least = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        Self { hash, what, bytes: least(bytes), fresh_s: least(fresh_ms / 1000) }
    }
}

type Waker = Box<dyn Fn() + Send + Sync>;

/// The requests.
pub(super) struct Trail {
    /// One of 2^this keys is taken down.
    ratio_log2: AtomicU32,
    waiting: Mutex<Vec<Request>>,
    wake: Mutex<Option<Waker>>,
    lost: AtomicU64,
}

impl Default for Trail {
    fn default() -> Self {
        Self {
            ratio_log2: AtomicU32::new(OFF),
            waiting: Mutex::default(),
            wake: Mutex::default(),
            lost: AtomicU64::new(0),
        }
    }
}

impl Trail {
    /// Takes one of 2^`ratio_log2` keys down from now on.
    pub(super) fn begin(&self, ratio_log2: u32, wake: Waker) {
        self.waiting.lock().clear();
        *self.wake.lock() = Some(wake);
        self.ratio_log2.store(ratio_log2, Ordering::Relaxed);
    }

    /// Takes nothing down any more.
    pub(super) fn end(&self) {
        self.ratio_log2.store(OFF, Ordering::Relaxed);
        *self.wake.lock() = None;
        *self.waiting.lock() = Vec::new();
    }

    /// Whether requests of this key are taken down.
    pub(super) fn takes(&self, hash: u64) -> bool {
        let ratio_log2 = self.ratio_log2.load(Ordering::Relaxed);
        ratio_log2 != OFF && is_sampled(hash, ratio_log2)
    }

    /// Takes a request down.
    pub(super) fn push(&self, request: Request) {
        let len = {
            let mut waiting = self.waiting.lock();
            if waiting.len() == CAPACITY {
                self.lost.fetch_add(1, Ordering::Relaxed);
                return;
            }
            waiting.push(request);
            waiting.len()
        };
        if len == CAPACITY / 2
            && let Some(wake) = &*self.wake.lock()
        {
            wake();
        }
    }

    /// What waits.
    pub(super) fn drain(&self) -> Vec<Request> {
        std::mem::take(&mut *self.waiting.lock())
    }

    /// Requests that were forgotten.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.waiting.lock().capacity() * size_of::<Request>()
    }
}

/// By bits that neither the tables of L1 nor the samples of its policies choose by.
fn is_sampled(hash: u64, ratio_log2: u32) -> bool {
    let mixed = hash.wrapping_mul(0xA076_1D64_78BD_642F);
    (mixed ^ (mixed >> 32)).wrapping_mul(0xE703_7ED1_A0B4_28DB) >> 32 & ((1 << ratio_log2) - 1) == 0
}
