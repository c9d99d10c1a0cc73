//! What waits to be written: one operation a key, in the order of the last one, bounded in number and bytes.
//!
//! Read before the database: what waits here is newer. Belongs to the disk tiers; the writer thread takes from it.

mod linger;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use hashbrown::HashMap;
use parking_lot::{Condvar, Mutex};

use super::compaction::Tidy;
use crate::cache::key::{Key, Namespace};
use crate::cache::record::Record;

/// Operations from which writers are asked to wait.
const HIGH_WATER_OPERATIONS: usize = 8192;
/// Bytes from which writers are asked to wait.
const HIGH_WATER_BYTES: usize = 64 << 20;
/// Over this multiple of the above, what comes is not taken.
const HARD_FACTOR: usize = 2;
/// Most operations in one transaction.
pub(crate) const BATCH: usize = 256;
/// Most bytes in one transaction, except for a single larger operation.
pub(crate) const BATCH_BYTES: usize = 8 << 20;

/// What is to be done with one key.
#[derive(Debug, Clone)]
pub(crate) enum Operation {
    /// Store it.
    Put(Put),
    /// Remove it.
    Delete,
    /// Remove this version of it.
    Discard(i64),
    /// Only its times have changed.
    Touch {
        /// The version that was used.
        row: i64,
        /// Unix ms of the use.
        used_ms: u64,
        /// New ends of its fresh life and of its stale one, Unix ms, where they changed.
        life: Option<(u64, u64)>,
    },
}

/// An entry to store.
#[derive(Debug, Clone)]
pub(crate) struct Put {
    /// Value and terms.
    pub(crate) record: Arc<Record>,
    /// End of its fresh life, Unix ms.
    pub(crate) fresh_ms: u64,
    /// Last use, Unix ms.
    pub(crate) used_ms: u64,
    /// Which of the values that this process gave the key.
    pub(crate) version: u64,
    /// Store it only if no other process has changed the key since this stamp: it is an old value that only comes back.
    pub(crate) if_stamp: Option<u32>,
}

/// One operation with its key.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    /// The key.
    pub(crate) key: Key,
    /// What to do.
    pub(crate) operation: Operation,
    /// Place in the order of all tasks and commands.
    pub(crate) seq: u64,
}

impl Task {
    /// What it takes while it waits, about.
    pub(crate) fn bytes(&self) -> usize {
        let value = match &self.operation {
            Operation::Put(put) => put.record.heap_bytes(),
            _ => 0,
        };
        value + self.key.bytes.len() + size_of::<Self>()
    }
}

/// Something that is done when all before it is written.
pub(crate) enum Command {
    /// Nothing: tells that all before is written; synced to the disk itself if asked.
    Flush {
        /// Whether it must survive a loss of power.
        sync: bool,
    },
    /// Removes the entries of a namespace and what is below it, in one tier or both.
    Clear {
        /// Whose.
        namespace: Namespace,
        /// 2, 3 or both.
        tier: Option<i64>,
    },
    /// Removes the entries of a namespace that have one of the tags.
    DeleteTags {
        /// Whose.
        namespace: Namespace,
        /// Any of these.
        tags: Vec<Box<str>>,
    },
    /// Takes the lease of a key, see `cache::flight`.
    Acquire {
        /// The key's hash.
        hash: u128,
        /// Unix ms until which it is held.
        until_ms: u64,
    },
    /// Prolongs a lease.
    Renew {
        /// The key's hash.
        hash: u128,
        /// From `Acquire`.
        token: i64,
        /// Unix ms until which it is held.
        until_ms: u64,
    },
    /// Gives a lease back.
    Release {
        /// The key.
        key: Key,
        /// From `Acquire`.
        token: i64,
    },
    /// Removes what is expired, keeps budgets, mends totals.
    Maintain,
    /// Lets go of what is remembered to be faster: pages of the database, memory for packing.
    Relieve,
    /// One small step of giving room back.
    Tidy(Tidy),
}

/// A command and who waits for it.
pub(crate) struct Order {
    pub(crate) command: Command,
    pub(crate) seq: u64,
    pub(crate) reply: std::sync::mpsc::SyncSender<Result<i64, super::db::Trouble>>,
}

/// What the writer is to do next.
pub(crate) enum Work {
    /// Write these.
    Tasks(Vec<Task>),
    /// Run this.
    Command(Order),
    /// Nothing came in time.
    Idle,
    /// Nothing will come any more.
    Closed,
}

/// Whether an operation was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// Yes.
    Yes,
    /// Yes, but more should wait for room.
    Crowded,
    /// No: too much waits.
    No,
}

#[derive(Default)]
struct State {
    waiting: HashMap<u128, Task>,
    order: VecDeque<(u64, u128)>,
    /// Taken by the writer and not yet committed.
    in_flight: HashMap<u128, Task>,
    orders: VecDeque<Order>,
    bytes: usize,
    /// Of the keys that wait.
    key_bytes: usize,
    /// Of the keys that are being written, and of all of it.
    in_flight_bytes: [usize; 2],
    seq: u64,
    closed: bool,
    /// Whether the writer waits for more.
    is_lingering: bool,
}

impl State {
    fn next_seq(&mut self) -> u64 {
        self.seq += 1;
        self.seq
    }

    fn is_over(&self, factor: usize) -> bool {
        self.waiting.len() >= HIGH_WATER_OPERATIONS * factor || self.bytes >= HIGH_WATER_BYTES * factor
    }

    fn take_batch(&mut self, most_bytes: usize) -> Vec<Task> {
        let limit = self.orders.front().map_or(u64::MAX, |order| order.seq);
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while let Some(&(seq, hash)) = self.order.front() {
            let is_last = self.waiting.get(&hash).is_some_and(|task| task.seq == seq);
            if is_last && (seq > limit || batch.len() == BATCH || bytes >= most_bytes) {
                break;
            }
            self.order.pop_front();
            if !is_last {
                continue;
            }
            let task = self.waiting.remove(&hash).expect("invariant: looked at above");
            bytes += task.bytes();
            self.bytes -= task.bytes();
            self.key_bytes -= task.key.bytes.len();
            self.in_flight_bytes[0] += task.key.bytes.len();
            self.in_flight_bytes[1] += task.bytes();
            self.in_flight.insert(hash, task.clone());
            batch.push(task);
        }
        batch
    }
}

/// The queue between any thread and the writer.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    work: Condvar,
    room: Condvar,
    linger_ms: AtomicU64,
}

impl Queue {
    /// Adds an operation. It takes the place of one that waits for the same key, at the end. Removals are always
    /// taken.
    pub(crate) fn push(&self, key: Key, mut operation: Operation) -> Taken {
        let is_removal = matches!(operation, Operation::Delete | Operation::Discard(_));
        let mut state = self.state.lock();
        if state.closed || (state.is_over(HARD_FACTOR) && !is_removal) {
            return Taken::No;
        }
        // What says less than what waits already must not take its place.
        match (&mut operation, state.waiting.get(&key.hash).map(|task| &task.operation)) {
            (Operation::Touch { row, life, .. }, Some(Operation::Touch { row: old, life: known, .. }))
                if row == old =>
            {
                *life = life.or(*known);
            }
            (Operation::Touch { .. } | Operation::Discard(_), Some(_)) => return Taken::Yes,
            _ => {}
        }
        let (seq, hash) = (state.next_seq(), key.hash);
        let task = Task { key, operation, seq };
        state.bytes += task.bytes();
        state.key_bytes += task.key.bytes.len();
        if let Some(old) = state.waiting.insert(hash, task) {
            state.bytes -= old.bytes();
            state.key_bytes -= old.key.bytes.len();
        }
        state.order.push_back((seq, hash));
        if state.order.len() > 2 * state.waiting.len() + BATCH {
            let State { order, waiting, .. } = &mut *state;
            order.retain(|(seq, hash)| waiting.get(hash).is_some_and(|task| task.seq == *seq));
        }
        let taken = if state.is_over(1) { Taken::Crowded } else { Taken::Yes };
        let is_told = state.needs_writer();
        drop(state);
        if is_told {
            self.work.notify_one();
        }
        taken
    }

    /// What waits or is being written for a key: newer than what the database has.
    pub(crate) fn find(&self, key: &Key) -> Option<Operation> {
        let state = self.state.lock();
        let task = state.waiting.get(&key.hash).filter(|task| task.key.bytes == key.bytes);
        let task = match task {
            // These say nothing of the value: look further.
            Some(Task { operation: Operation::Touch { .. } | Operation::Discard(_), .. }) | None => {
                state.in_flight.get(&key.hash).filter(|task| task.key.bytes == key.bytes).or(task)
            }
            task => task,
        };
        task.map(|task| task.operation.clone())
    }

    /// Whether this version of a key waits, and is not being written yet.
    pub(crate) fn is_waiting(&self, key: &Key, version: u64) -> bool {
        let state = self.state.lock();
        let waiting = state.waiting.get(&key.hash).filter(|task| task.key.bytes == key.bytes);
        waiting.is_some_and(|task| matches!(&task.operation, Operation::Put(put) if put.version == version))
    }

    /// Adds a command; what comes after it is done after it. `None` when closed.
    pub(crate) fn order(
        &self,
        command: Command,
    ) -> Option<std::sync::mpsc::Receiver<Result<i64, super::db::Trouble>>> {
        let (reply, answer) = std::sync::mpsc::sync_channel(1);
        let mut state = self.state.lock();
        if state.closed {
            return None;
        }
        let seq = state.next_seq();
        state.orders.push_back(Order { command, seq, reply });
        drop(state);
        self.work.notify_one();
        Some(answer)
    }

    /// Puts a command after all that is there now.
    pub(crate) fn postpone(&self, order: Order) {
        let mut state = self.state.lock();
        let seq = state.next_seq();
        state.orders.push_front(Order { seq, ..order });
    }

    /// What the writer is to do next; waits for it. A batch has `most_bytes`, or a single operation.
    pub(crate) fn next(&self, idle: Duration, most_bytes: usize) -> Work {
        let mut state = self.state.lock();
        loop {
            self.linger(&mut state, most_bytes);
            let batch = state.take_batch(most_bytes);
            if !batch.is_empty() {
                return Work::Tasks(batch);
            }
            if let Some(order) = state.orders.pop_front() {
                return Work::Command(order);
            }
            if state.closed {
                return Work::Closed;
            }
            if self.work.wait_for(&mut state, idle).timed_out() {
                return Work::Idle;
            }
        }
    }

    /// The batch taken last is committed, or given up.
    pub(crate) fn done(&self) {
        let mut state = self.state.lock();
        state.in_flight.clear();
        state.in_flight_bytes = [0; 2];
        if state.waiting.is_empty() && state.waiting.capacity() > HIGH_WATER_OPERATIONS {
            // What was made for a rush.
            (state.waiting, state.order) = (HashMap::new(), VecDeque::new());
        }
        if state.in_flight.capacity() > 2 * BATCH {
            state.in_flight = HashMap::new();
        }
        drop(state);
        self.room.notify_all();
    }

    /// Waits until there is room; whether there is.
    pub(crate) fn wait_for_room(&self, deadline: Duration) -> bool {
        let mut state = self.state.lock();
        let over = |state: &mut State| state.is_over(1) && !state.closed;
        !self.room.wait_while_for(&mut state, over, deadline).timed_out()
    }

    /// Takes nothing more; what waits is still written.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.work.notify_all();
        self.room.notify_all();
    }

    /// Operations that wait or are being written.
    pub(crate) fn len(&self) -> usize {
        let state = self.state.lock();
        state.waiting.len() + state.in_flight.len()
    }

    /// Bytes of what waits besides values: keys and tables. Of what is being written also the copies that the writer makes.
    pub(crate) fn held_bytes(&self) -> usize {
        let state = self.state.lock();
        let tables = state.waiting.allocation_size()
            + state.in_flight.allocation_size()
            + state.order.capacity() * size_of::<(u64, u128)>();
        // The batch has its keys once more.
        tables + state.key_bytes + 2 * state.in_flight_bytes[0] + state.in_flight_bytes[1]
    }

    /// Everything that waits: the database cannot be written. It is found until [`Queue::done`], so that nobody sees the
    /// database's older values before it is known that they are older.
    pub(crate) fn give_up(&self) -> Vec<Task> {
        let mut state = self.state.lock();
        state.order.clear();
        state.bytes = 0;
        state.in_flight_bytes[0] += std::mem::take(&mut state.key_bytes);
        let waiting = std::mem::take(&mut state.waiting);
        state.in_flight.extend(waiting);
        state.in_flight.values().cloned().collect()
    }
}

#[cfg(test)]
mod tests;
