//! The slots of an [`EvictingMap`](super::map::EvictingMap): one vector, reused through a free list.
//!
//! What it does:
//! - keeps every entry with its key, its size and its place in one of the policy's lists (see `lists.rs`);
//! - gives each stored value a sequence number that is never used twice, so that a stale id finds nothing.
//!
//! What it does not do: find an entry by its key (the map's index does) or choose what to evict (the policy
//! does).
//!
//! The map owns it.

use super::lists::List;

/// No slot: the end of a list.
pub(super) const NONE: u32 = u32::MAX;

/// Slots that one slab can hold; one number is [`NONE`].
pub(super) const MAX_SLOTS: usize = NONE as usize;

/// The first allocation, in slots.
const FIRST_CAPACITY: usize = 16;

/// How many lists a policy may thread the slots into.
pub(super) const SEGMENTS: usize = 2;

/// One of the lists of a policy. Which list means what is the policy's own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Segment {
    First = 0,
    Second = 1,
}

/// A key and its value.
pub(super) struct Entry<V> {
    pub(super) key: Box<[u8]>,
    pub(super) value: V,
}

/// One place. Without an entry it is free, and `next` is the next free one.
///
/// 56 bytes beside the value.
pub(super) struct Slot<V> {
    pub(super) hash: u64,
    /// Sequence number of the value in this slot; 0 while the slot is free.
    pub(super) seq: u64,
    pub(super) bytes: u64,
    /// Towards the head of the list.
    pub(super) prev: u32,
    /// Towards the tail of the list.
    pub(super) next: u32,
    pub(super) segment: Segment,
    /// A small counter for the policy.
    pub(super) uses: u8,
    pub(super) entry: Option<Entry<V>>,
}

/// All slots, the free list through them and the policy's lists.
pub(super) struct Slab<V> {
    pub(super) slots: Vec<Slot<V>>,
    pub(super) lists: [List; SEGMENTS],
    free: u32,
    live: usize,
    last_seq: u64,
    bytes: u64,
    key_bytes: usize,
}

impl<V> Slab<V> {
    /// An empty slab; allocates nothing.
    pub(super) fn new() -> Self {
        Self {
            slots: Vec::new(),
            lists: [List::EMPTY; SEGMENTS],
            free: NONE,
            live: 0,
            last_seq: 0,
            bytes: 0,
            key_bytes: 0,
        }
    }

    /// Entries held. O(1).
    pub(super) fn len(&self) -> usize {
        self.live
    }

    /// Sum of the entries' sizes. O(1).
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Sum of the keys' lengths. O(1).
    pub(super) fn key_bytes(&self) -> usize {
        self.key_bytes
    }

    /// Bytes that it holds besides the values. O(1).
    pub(super) fn held_bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Slot<V>>() + self.key_bytes
    }

    /// The slot with this number.
    ///
    /// Numbers come from the index and the lists, which name live slots only.
    pub(super) fn slot(&self, slot: u32) -> &Slot<V> {
        &self.slots[slot as usize]
    }

    /// As [`Slab::slot`], to change it.
    pub(super) fn slot_mut(&mut self, slot: u32) -> &mut Slot<V> {
        &mut self.slots[slot as usize]
    }

    /// Stores an entry in a free slot, outside every list. O(1), amortized over the growth of the vector, which
    /// never reserves more than `limit` slots.
    pub(super) fn store(&mut self, hash: u64, key: &[u8], value: V, bytes: u64, limit: usize) -> u32 {
        let seq = self.next_seq();
        self.live += 1;
        self.bytes += bytes;
        self.key_bytes += key.len();
        let filled = Slot {
            hash,
            seq,
            bytes,
            prev: NONE,
            next: NONE,
            segment: Segment::First,
            uses: 0,
            entry: Some(Entry { key: Box::from(key), value }),
        };
        if self.free != NONE {
            let slot = self.free;
            self.free = self.slot(slot).next;
            *self.slot_mut(slot) = filled;
            return slot;
        }
        let len = self.slots.len();
        if len == self.slots.capacity() {
            let wanted = (len * 2).max(FIRST_CAPACITY).min(limit).max(len + 1);
            self.slots.reserve_exact(wanted - len);
        }
        self.slots.push(filled);
        u32::try_from(len).expect("invariant: the map holds at most MAX_SLOTS entries")
    }

    /// Puts another value into a live slot and gives the old one back; the slot gets a new sequence number.
    /// O(1).
    pub(super) fn replace(&mut self, slot: u32, value: V, bytes: u64) -> Option<V> {
        let seq = self.next_seq();
        let place = &mut self.slots[slot as usize];
        let list = &mut self.lists[place.segment as usize];
        list.bytes = list.bytes - place.bytes + bytes;
        self.bytes = self.bytes - place.bytes + bytes;
        place.bytes = bytes;
        place.seq = seq;
        place.entry.as_mut().map(|entry| std::mem::replace(&mut entry.value, value))
    }

    /// Takes an entry out of its list and its slot. O(1). `None` when the slot is free.
    pub(super) fn take(&mut self, slot: u32) -> Option<Entry<V>> {
        let entry = self.slots.get_mut(slot as usize)?.entry.take()?;
        self.unlink(slot);
        let free = self.free;
        let place = self.slot_mut(slot);
        place.seq = 0;
        place.next = free;
        let bytes = std::mem::take(&mut place.bytes);
        self.free = slot;
        self.live -= 1;
        self.bytes -= bytes;
        self.key_bytes -= entry.key.len();
        Some(entry)
    }

    /// Empties the slab and hands the slots out, so that the caller can drop them where it likes. O(1).
    pub(super) fn take_all(&mut self) -> Vec<Slot<V>> {
        self.free = NONE;
        self.live = 0;
        self.bytes = 0;
        self.key_bytes = 0;
        self.lists = [List::EMPTY; SEGMENTS];
        std::mem::take(&mut self.slots)
    }

    /// Moves all entries to the front of a new vector of just their number. O(entries).
    ///
    /// The order in every list stays; slot numbers change, sequence numbers do not.
    pub(super) fn compact(&mut self) {
        let lists = self.lists;
        let mut old = std::mem::take(&mut self.slots);
        let mut slots: Vec<Slot<V>> = Vec::with_capacity(self.live);
        let mut moved = [List::EMPTY; SEGMENTS];
        for (from, to) in lists.iter().zip(&mut moved) {
            let (mut at, mut before) = (from.head, NONE);
            to.len = from.len;
            to.bytes = from.bytes;
            while at != NONE {
                let place = &mut old[at as usize];
                let number =
                    u32::try_from(slots.len()).expect("invariant: no more slots than before compaction");
                let next = place.next;
                slots.push(Slot { prev: before, next: NONE, entry: place.entry.take(), ..*place });
                if before == NONE {
                    to.head = number;
                } else {
                    slots[before as usize].next = number;
                }
                to.tail = number;
                before = number;
                at = next;
            }
        }
        self.slots = slots;
        self.lists = moved;
        self.free = NONE;
    }

    fn next_seq(&mut self) -> u64 {
        self.last_seq += 1;
        self.last_seq
    }
}
