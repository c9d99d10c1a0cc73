//! When a channel may send: how long it waits for more, how many messages it may send, how long it keeps away after a failure.
//! Pure: times come in.

/// Figures of a channel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How long the first alert waits for others that belong to it, ms.
    pub(crate) group_wait_ms: u64,
    /// Alerts in one message.
    pub(crate) per_message: usize,
    /// More than these waiting are a storm: one digest.
    pub(crate) digest_over: usize,
    /// Messages that may be sent one after the other.
    pub(crate) burst: u64,
    /// Then one in this time, ms.
    pub(crate) refill_ms: u64,
    /// The channel keeps a state for each alert, and must hear of the end of each it was told of.
    pub(crate) incidents: bool,
}

/// Alerts that wait at most: some hundred KB, and more than anybody reads.
pub(crate) const CAPACITY: usize = 1_000;
/// A storm is over when nothing came for so long.
pub(crate) const STORM_QUIET_MS: u64 = 1_000;
/// A storm that does not end is told of after so long.
pub(crate) const STORM_WAIT_MS: u64 = 10_000;
/// After the first failure; doubled with each that follows.
pub(crate) const BACKOFF_FIRST_MS: u64 = 1_000;
/// At most: a service that is back is noticed within five minutes.
pub(crate) const BACKOFF_MOST_MS: u64 = 300_000;
/// What `Retry-After` may ask for at most: an hour, or one wrong header would silence a channel for good.
pub(crate) const RETRY_AFTER_MOST_MS: u64 = 3_600_000;
/// An alert that could not be told within a day is given up.
pub(crate) const GIVE_UP_MS: u64 = 86_400_000;

/// Messages that may be sent now, refilled over time.
#[derive(Debug)]
pub(crate) struct Bucket {
    burst: u64,
    refill_ms: u64,
    /// When the bucket would be full again.
    full_at_ms: u64,
}

impl Bucket {
    /// A full bucket.
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { burst: limits.burst, refill_ms: limits.refill_ms, full_at_ms: 0 }
    }

    /// From when on there is one to take.
    pub(crate) fn ready_ms(&self) -> u64 {
        self.full_at_ms.saturating_sub((self.burst - 1) * self.refill_ms)
    }

    /// Takes one.
    pub(crate) fn take(&mut self, now_ms: u64) {
        self.full_at_ms = self.full_at_ms.max(now_ms) + self.refill_ms;
    }
}

/// Keeps away from a service that fails: twice as long after each failure, and not all processes at once.
#[derive(Debug)]
pub(crate) struct Backoff {
    failures: u32,
    until_ms: u64,
    seed: u64,
}

impl Backoff {
    /// None yet; `seed` is for the jitter.
    pub(crate) fn new(seed: u64) -> Self {
        Self { failures: 0, until_ms: 0, seed }
    }

    /// From when on it may be tried again.
    pub(crate) fn until_ms(&self) -> u64 {
        self.until_ms
    }

    /// It failed; the service may have said for how long to keep away.
    pub(crate) fn failed(&mut self, now_ms: u64, retry_after_ms: Option<u64>) {
        let doubled = BACKOFF_FIRST_MS.saturating_mul(1_u64 << self.failures.min(20)).min(BACKOFF_MOST_MS);
        self.failures = self.failures.saturating_add(1);
        let wait_ms = match retry_after_ms {
            // Later by up to a tenth: others were told the same.
            Some(asked) if asked > 0 => {
                let asked = asked.clamp(BACKOFF_FIRST_MS, RETRY_AFTER_MOST_MS);
                asked + self.random() % (asked / 10)
            }
            _ => doubled / 2 + self.random() % (doubled / 2 + 1),
        };
        self.until_ms = now_ms.saturating_add(wait_ms);
    }

    /// It answered.
    pub(crate) fn answered(&mut self) {
        self.failures = 0;
        self.until_ms = 0;
    }

    /// `SplitMix64` (Steele, Lea, Flood 2014).
    fn random(&mut self) -> u64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.seed;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn burst_is_followed_by_one_in_each_refill() {
        let limits = Limits {
            group_wait_ms: 0,
            per_message: 1,
            digest_over: 9,
            burst: 3,
            refill_ms: 100,
            incidents: false,
        };
        let mut bucket = Bucket::new(&limits);
        let (mut now_ms, mut times) = (50, Vec::new());
        for _ in 0..6 {
            now_ms = bucket.ready_ms().max(now_ms);
            bucket.take(now_ms);
            times.push(now_ms);
        }
        assert_eq!(times, [50, 50, 50, 150, 250, 350]);
        assert_eq!(bucket.ready_ms().max(10_000), 10_000, "full again");
    }

    #[test]
    fn waits_grow_to_five_minutes_and_begin_anew_after_an_answer() {
        let mut backoff = Backoff::new(7);
        let mut waits = Vec::new();
        for _ in 0..40 {
            backoff.failed(1_000, None);
            waits.push(backoff.until_ms() - 1_000);
        }
        for (n, wait) in waits.iter().enumerate() {
            let most = (1_000_u64 << n.min(20)).min(BACKOFF_MOST_MS);
            assert!((most / 2..=most).contains(wait), "{n}: {wait}");
        }
        backoff.answered();
        assert_eq!(backoff.until_ms(), 0);
        backoff.failed(0, None);
        assert!(backoff.until_ms() <= BACKOFF_FIRST_MS);
    }

    #[test]
    fn what_the_service_asks_for_is_honoured_within_an_hour() {
        for (asked, least, most) in
            [(30_000, 30_000, 33_000), (1, 1_000, 1_100), (u64::MAX, 3_600_000, 3_960_000), (0, 500, 1_000)]
        {
            let mut backoff = Backoff::new(3);
            backoff.failed(0, Some(asked));
            assert!((least..=most).contains(&backoff.until_ms()), "{asked}: {}", backoff.until_ms());
        }
    }
}
