//! One agent, as the registry keeps it.

/// An agent that goes on while others are held back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    /// Monotonic ms at which it held the most in it, or of the beginning.
    pub(super) peaked_ms: u64,
    /// Monotonic ms at which it last grew, or of the beginning.
    pub(super) moved_ms: u64,
    /// The most it held in it.
    pub(super) most_bytes: u64,
    /// Whether it was given although memory may not last.
    pub(super) is_last_resort: bool,
}

#[derive(Debug)]
pub(super) struct Agent {
    pub(super) context_bytes: u64,
    pub(super) cache_bytes: u64,
    pub(super) used_mono_ms: u64,
    pub(super) used_wall_ms: u64,
    /// Over its own limit, and not yet below 80 % of it.
    pub(super) is_over: bool,
    /// Waits because memory is short, unless it has its turn.
    pub(super) is_held_back: bool,
    pub(super) turn: Option<Turn>,
    /// Turns that it let pass since it last grew.
    pub(super) idle_turns: u32,
    /// Since when it is throttled, Unix ms.
    pub(super) since_ms: u64,
    /// How many callers wait for it.
    pub(super) waits: u32,
    /// The most it held since it held nothing.
    pub(super) most_bytes: u64,
    /// Monotonic ms at which that last changed, or it was let go on.
    pub(super) grown_ms: u64,
    /// Key into `AgentRegistry::by_use`.
    pub(super) place: u64,
}

impl Agent {
    pub(super) fn total_bytes(&self) -> u64 {
        self.context_bytes.saturating_add(self.cache_bytes)
    }

    pub(super) fn is_throttled(&self) -> bool {
        self.is_over || (self.is_held_back && self.turn.is_none())
    }
}
