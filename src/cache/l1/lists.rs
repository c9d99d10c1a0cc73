//! Doubly linked lists threaded through the slots of a [`Slab`]: an entry is in exactly one of them.
//!
//! All operations are O(1). Head is the most recent end, tail the one evicted from.

use super::slab::{NONE, Segment, Slab};

/// Ends and totals of one list.
#[derive(Clone, Copy, Debug)]
pub(super) struct List {
    pub(super) head: u32,
    pub(super) tail: u32,
    pub(super) len: usize,
    pub(super) bytes: u64,
}

impl List {
    /// A list without entries.
    pub(super) const EMPTY: Self = Self { head: NONE, tail: NONE, len: 0, bytes: 0 };
}

impl<V> Slab<V> {
    /// Ends and totals of a list.
    pub(super) fn list(&self, segment: Segment) -> &List {
        &self.lists[segment as usize]
    }

    /// Puts a slot that is in no list at the head of one.
    pub(super) fn push_front(&mut self, segment: Segment, slot: u32) {
        let list = &mut self.lists[segment as usize];
        let place = &mut self.slots[slot as usize];
        let head = list.head;
        place.segment = segment;
        place.prev = NONE;
        place.next = head;
        list.head = slot;
        list.len += 1;
        list.bytes += place.bytes;
        if head == NONE {
            list.tail = slot;
        } else {
            self.slots[head as usize].prev = slot;
        }
    }

    /// Takes a slot out of the list it is in.
    pub(super) fn unlink(&mut self, slot: u32) {
        let place = &self.slots[slot as usize];
        let (prev, next) = (place.prev, place.next);
        let list = &mut self.lists[place.segment as usize];
        list.len -= 1;
        list.bytes -= place.bytes;
        if prev == NONE {
            list.head = next;
        } else {
            self.slots[prev as usize].next = next;
        }
        if next == NONE {
            list.tail = prev;
        } else {
            self.slots[next as usize].prev = prev;
        }
    }

    /// Moves a slot to the head of a list, be it the one it is in or another.
    pub(super) fn move_to_front(&mut self, segment: Segment, slot: u32) {
        if self.lists[segment as usize].head != slot {
            self.unlink(slot);
            self.push_front(segment, slot);
        }
    }

    /// The slot at the tail of a list, passing over `keep`.
    pub(super) fn tail_except(&self, segment: Segment, keep: u32) -> Option<u32> {
        let tail = self.list(segment).tail;
        let slot = if tail != NONE && tail == keep { self.slot(tail).prev } else { tail };
        (slot != NONE).then_some(slot)
    }

    /// The slots of a list from its tail to its head.
    pub(super) fn tail_first(&self, segment: Segment) -> impl Iterator<Item = u32> + '_ {
        let first = self.list(segment).tail;
        let known = |slot: u32| (slot != NONE).then_some(slot);
        std::iter::successors(known(first), move |&slot| known(self.slot(slot).prev))
    }
}
