//! One computes for all: leases between processes and threads. The computation itself, and who waits for it within a thread,
//! are the facade's.
//!
//! A lease is a row with an end. Its holder prolongs it while it works; one that died holds it up until then at most.

use super::disk::queue::Command;
use super::key::{Key, Keys};
use super::lookup::Hit;
use super::manager::CacheManager;

/// Who may compute a value.
#[derive(Debug)]
pub enum Turn {
    /// Nobody has to: here it is.
    Found(Hit),
    /// The caller, and until it releases this token nobody else.
    Mine(i64),
    /// Somebody else, until this time at most, Unix ms.
    Theirs(u64),
    /// The caller, and perhaps others: the disk cannot be used to agree.
    Anybody,
}

impl CacheManager {
    /// Asks for the turn to compute a key's value, and says what stale value could stand in for it. With `is_forced` a value
    /// that is there does not count. Blocks.
    pub fn acquire(&self, keys: &Keys, lease_ms: u64, is_forced: bool) -> (Turn, Option<Hit>) {
        let found = self.find_uncounted(keys, true).map(|(hit, _)| hit);
        let (fresh, stale) = match found {
            Some(hit) if hit.is_fresh => (Some(hit), None),
            stale => (None, stale),
        };
        if let Some(hit) = fresh.filter(|_| !is_forced) {
            return (Turn::Found(hit), None);
        }
        let Some(disk) = self.disk().filter(|_| !self.is_closed()) else { return (Turn::Anybody, stale) };
        let key = keys.to_store();
        let until_ms = self.clock.now_ms().saturating_add(lease_ms);
        let turn = match disk.run(Command::Acquire { hash: key.hash, until_ms }) {
            Ok(token) if token > 0 => self.checked(keys, is_forced, token),
            Ok(until) => Turn::Theirs(until.unsigned_abs()),
            Err(_) => Turn::Anybody,
        };
        (turn, stale)
    }

    /// Somebody may have stored the value and released the lease between the look and the lease.
    fn checked(&self, keys: &Keys, is_forced: bool, token: i64) -> Turn {
        let found = if is_forced { None } else { self.find_uncounted(keys, false) };
        match found {
            Some((hit, _)) => {
                self.release(keys.to_store(), token);
                Turn::Found(hit)
            }
            None => Turn::Mine(token),
        }
    }

    /// Prolongs a lease; whether it is still the caller's. Blocks.
    pub fn renew(&self, key: &Key, token: i64, lease_ms: u64) -> bool {
        let until_ms = self.clock.now_ms().saturating_add(lease_ms);
        let command = Command::Renew { hash: key.hash, token, until_ms };
        self.disk().is_some_and(|disk| disk.run(command) == Ok(1))
    }

    /// Gives a lease back, after what was stored before is written. Does not wait.
    pub fn release(&self, key: &Key, token: i64) {
        if let Some(disk) = self.disk() {
            // Nobody waits for it; if it cannot be done, the lease ends by itself.
            let _ = disk.queue.order(Command::Release { key: key.clone(), token });
        }
    }

    /// Changes of a key so far, by other processes and by this one: who waits for a value looks again when it changes. O(1).
    pub fn stamp(&self, key: &Key) -> u64 {
        let foreign = self.disk().map_or(0, |disk| disk.stamp(key.hash64()));
        u64::from(foreign) << 32 | u64::from(self.writes.of(key.hash64()))
    }
}
