//! What became of the changes of one setting, and when it may be changed again.

/// Steps for which a direction is barred after its first undo, and at most.
const FIRST_BAR: u64 = 2;
const MOST_BAR: u64 = 256;

/// One setting's past.
#[derive(Debug, Clone, Copy)]
pub(super) struct Track {
    /// Until which step each direction (down, up) is barred, and for how long the next time.
    barred_until: [u64; 2],
    bar: [u64; 2],
    /// Undone in each direction since something was kept in it: the next try goes farther.
    pub(super) undone: [u32; 2],
    /// The last direction, whether up.
    last: Option<bool>,
    /// Until which step it may not turn, and for how long the next time.
    turn_after: u64,
    turn: u64,
    /// What came before this step was under another value.
    pub(super) since_step: u64,
}

impl Default for Track {
    fn default() -> Self {
        Self {
            barred_until: [0; 2],
            bar: [FIRST_BAR; 2],
            undone: [0; 2],
            last: None,
            turn_after: 0,
            turn: FIRST_BAR,
            since_step: 0,
        }
    }
}

impl Track {
    /// Nothing known from before this step.
    pub(super) fn from_step(step: u64) -> Self {
        Self { since_step: step, ..Self::default() }
    }

    pub(super) fn may(&self, step: u64, is_up: bool) -> bool {
        let is_turn = self.last.is_some_and(|last| last != is_up);
        step >= self.barred_until[usize::from(is_up)] && (!is_turn || step >= self.turn_after)
    }

    pub(super) fn moved(&mut self, step: u64, is_up: bool) {
        if self.last.is_some_and(|last| last != is_up) {
            self.turn = (self.turn * 2).min(MOST_BAR);
        }
        self.last = Some(is_up);
        self.turn_after = step + self.turn;
        self.since_step = step;
    }

    pub(super) fn undone(&mut self, step: u64, is_up: bool) {
        let at = usize::from(is_up);
        self.barred_until[at] = step + self.bar[at];
        self.bar[at] = (self.bar[at] * 2).min(MOST_BAR);
        self.undone[at] += 1;
        self.since_step = step;
    }
}
