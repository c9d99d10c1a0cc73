//! Dictionaries from the values that go by: which samples are kept, when a dictionary is due, how large it becomes.
//!
//! The size is not a formula: every size is trained on the older three quarters of the samples and measured on the
//! newest, and the one that stores the fewest bytes, its own included, wins. Training takes up to about a second;
//! [`Trainer`] only collects and decides, so that its owner can train on another thread. It keeps no dictionary and
//! looks at no clock.

use super::compression::{Compressor, Dictionary, LEVEL, MAX_DICTIONARY_BYTES};

/// Fewer samples or bytes say too little: zstd refuses fewer than 7 samples. Measured, 30 tool outputs of 20 KB
/// together are enough for a dictionary that pays on values it has not seen.
const MIN_SAMPLES: usize = 12;
const MIN_BYTES: usize = 16 * 1024;
/// Samples in memory. Training copies them and needs about 8 MB more while it runs.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// A dictionary helps at the beginning of a value most; one large value must not crowd out the others.
const MAX_SAMPLE_BYTES: usize = 64 * 1024;
/// Smallest size that is tried; each further one is twice as large, up to [`MAX_DICTIONARY_BYTES`].
const SMALLEST_DICTIONARY_BYTES: usize = 2 * 1024;
/// A dictionary this close to its samples' size only quotes them.
const SAMPLE_BYTES_PER_DICTIONARY_BYTE: usize = 4;
/// A dictionary that does not store at least 5 % less than zstd alone is not worth a lookup.
const WORTHWHILE: f64 = 0.95;
/// A dictionary trained on an eighth of what has gone by since may not know most of it.
const GROWTH: u64 = 8;
/// Below the bytes that training can look at, one trained on half of them is worth another training: measured on 1.4 MB of
/// messages, the first 100 KB give a dictionary that saves 63 %, all of them one that saves over 80 %.
const EARLY_GROWTH: u64 = 2;
/// The same when nothing else is to be done.
const GROWTH_AT_REST: f64 = 1.25;
/// Stored bytes that exceed the fraction measured in training by this factor: the values have changed.
const DRIFT: f64 = 1.15;
/// Raw bytes that the recent fraction is about. It is not judged on less.
const RECENT_BYTES: u64 = 1024 * 1024;
/// Raw bytes in use after which the promise is corrected to what they took, if that is more: samples that are close
/// to each other in time are alike, so training promises too much (measured: 10 % promised, 14 % taken).
const SETTLING_BYTES: u64 = RECENT_BYTES / 4;

/// What training gave.
#[derive(Debug, Clone)]
pub(crate) struct Trained {
    /// From all samples.
    pub(crate) dictionary: Dictionary,
    /// Stored bytes per raw byte on samples that a dictionary of this size had not seen, without its own bytes.
    pub(crate) stored_fraction: f64,
}

/// A dictionary from `samples`, oldest first; `None` where there are too few or none pays. Looks at 4 MB of them at
/// most, evenly chosen. Deterministic. O(samples), up to about a second: not for a hot path.
pub(crate) fn train(samples: &[&[u8]]) -> Option<Trained> {
    let corpus = Corpus::of(samples);
    let count = corpus.sizes.len();
    if count < MIN_SAMPLES || corpus.data.len() < MIN_BYTES {
        return None;
    }
    let (older, newer) = corpus.split(count - count / 4);
    let newer: Vec<&[u8]> = newer.values().collect();
    let newer_bytes: usize = newer.iter().map(|value| value.len()).sum();
    let fraction = |dictionary: Option<&Dictionary>| -> Option<f64> {
        let mut compressor = Compressor::new(LEVEL, dictionary).ok()?;
        let stored: usize = newer.iter().map(|value| compressor.compress(value).payload.len()).sum();
        Some(stored as f64 / newer_bytes as f64)
    };
    let total = samples.iter().map(|sample| sample.len()).sum::<usize>() as f64;
    let mut best: Option<Candidate> = None;
    let mut size = SMALLEST_DICTIONARY_BYTES;
    while size <= MAX_DICTIONARY_BYTES && size * SAMPLE_BYTES_PER_DICTIONARY_BYTE <= older.data.len() {
        let Some(dictionary) = older.dictionary(size) else { break };
        let own = dictionary.to_stored().ok()?.len() as f64;
        let stored_fraction = fraction(Some(&dictionary))?;
        let stored_bytes = stored_fraction * total + own;
        if best.as_ref().is_none_or(|best| stored_bytes < best.stored_bytes) {
            best = Some(Candidate { size, stored_fraction, stored_bytes });
        }
        size *= 2;
    }
    let best = best?;
    if best.stored_bytes > fraction(None)? * total * WORTHWHILE {
        return None;
    }
    let smaller = std::iter::successors(Some(best.size), |size| Some(size / 2));
    let mut sizes = smaller.take_while(|&size| size >= SMALLEST_DICTIONARY_BYTES);
    let dictionary = sizes.find_map(|size| corpus.view().dictionary(size))?;
    Some(Trained { dictionary, stored_fraction: best.stored_fraction })
}

struct Candidate {
    size: usize,
    stored_fraction: f64,
    stored_bytes: f64,
}

/// Samples end to end, as zstd wants them.
struct Corpus {
    data: Vec<u8>,
    sizes: Vec<usize>,
}

impl Corpus {
    fn of(samples: &[&[u8]]) -> Self {
        let cut = |sample: &&[u8]| sample.len().min(MAX_SAMPLE_BYTES);
        let total: usize = samples.iter().map(cut).sum();
        let mut corpus = Self { data: Vec::with_capacity(total.min(MAX_BYTES)), sizes: Vec::new() };
        let mut passed = 0;
        for sample in samples.iter().filter(|sample| !sample.is_empty()) {
            let taken = cut(sample);
            passed += taken;
            // Kept bytes never run ahead of their share of what has passed: even over time, and within the bound.
            let share = if total <= MAX_BYTES { passed } else { scaled(passed, MAX_BYTES, total) };
            if corpus.data.len() + taken <= share {
                corpus.data.extend_from_slice(&sample[..taken]);
                corpus.sizes.push(taken);
            }
        }
        corpus
    }

    fn view(&self) -> View<'_> {
        View { data: &self.data, sizes: &self.sizes }
    }

    fn split(&self, count: usize) -> (View<'_>, View<'_>) {
        let (older, newer) = self.sizes.split_at(count);
        let (older_data, newer_data) = self.data.split_at(older.iter().sum());
        (View { data: older_data, sizes: older }, View { data: newer_data, sizes: newer })
    }
}

#[derive(Clone, Copy)]
struct View<'a> {
    data: &'a [u8],
    sizes: &'a [usize],
}

impl<'a> View<'a> {
    fn values(self) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = self.data;
        self.sizes.iter().map(move |&size| {
            let (value, left) = rest.split_at(size);
            rest = left;
            value
        })
    }

    /// `None` where zstd refuses or fills less than `size`: such a dictionary came out worse than a smaller full
    /// one on every set measured.
    fn dictionary(self, size: usize) -> Option<Dictionary> {
        let data = zstd::dict::from_continuous(self.data, self.sizes, size).ok()?;
        (data.len() == size).then(|| Dictionary::new(data))
    }
}

/// `value * part / whole` without overflow, for `part <= whole`.
fn scaled(value: usize, part: usize, whole: usize) -> usize {
    usize::try_from(value as u128 * part as u128 / whole.max(1) as u128).unwrap_or(usize::MAX)
}

/// Collects samples of the values that go by, and says when to train. At most 4 MB.
#[derive(Debug)]
pub(crate) struct Trainer {
    seed: u64,
    /// Values seen; with the seed, decides which are kept.
    count: u64,
    /// Kept are those whose rank is at most this. It halves whenever they become too many: an even choice over all
    /// that went by, whatever its rhythm, and every value costs one hash.
    threshold: u64,
    kept: Vec<(u64, Box<[u8]>)>,
    kept_bytes: usize,
    /// Raw bytes of all values seen.
    volume: u64,
    next_at: u64,
    /// Volume at the last training.
    trained_at: u64,
    /// Fraction that the dictionary in use promised.
    promised: Option<f64>,
    /// Raw bytes since it is in use.
    served: u64,
    recent_raw: u64,
    recent_stored: u64,
}

impl Trainer {
    /// Before the first dictionary.
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            count: 0,
            threshold: u64::MAX,
            kept: Vec::new(),
            kept_bytes: 0,
            volume: 0,
            next_at: MIN_BYTES as u64,
            trained_at: 0,
            promised: None,
            served: 0,
            recent_raw: 0,
            recent_stored: 0,
        }
    }

    /// With a dictionary from an earlier run: its [`Trained::stored_fraction`], and [`Trainer::volume`] when it was
    /// made.
    pub(crate) fn resume(seed: u64, volume: u64, stored_fraction: f64) -> Self {
        let mut trainer = Self::new(seed);
        trainer.volume = volume;
        trainer.trained_at = volume;
        trainer.in_use(stored_fraction);
        trainer
    }

    /// Notes a value that goes by, before it is packed. Mostly O(1); copies what it keeps.
    pub(crate) fn offer(&mut self, raw: &[u8]) {
        self.volume = self.volume.saturating_add(raw.len() as u64);
        self.count = self.count.wrapping_add(1);
        let rank = mixed(self.seed ^ self.count);
        if raw.is_empty() || rank > self.threshold {
            return;
        }
        let sample: Box<[u8]> = raw[..raw.len().min(MAX_SAMPLE_BYTES)].into();
        self.kept_bytes += sample.len();
        self.kept.push((rank, sample));
        while self.kept_bytes > MAX_BYTES {
            self.threshold /= 2;
            let threshold = self.threshold;
            self.kept.retain(|kept| kept.0 <= threshold);
            self.kept_bytes = self.kept.iter().map(|kept| kept.1.len()).sum();
        }
    }

    /// Notes what a value took once packed with the dictionary in use.
    pub(crate) fn stored(&mut self, raw_len: u64, stored_len: u64) {
        self.recent_raw = self.recent_raw.saturating_add(raw_len);
        self.recent_stored = self.recent_stored.saturating_add(stored_len);
        let settled = self.served >= SETTLING_BYTES;
        self.served = self.served.saturating_add(raw_len);
        if !settled && self.served >= SETTLING_BYTES {
            let measured = self.recent_stored as f64 / self.recent_raw as f64;
            self.promised = self.promised.map(|promised| promised.max(measured));
        }
        if self.recent_raw > RECENT_BYTES {
            self.recent_raw /= 2;
            self.recent_stored /= 2;
        }
    }

    /// Whether to train now: the first samples are there, the volume has grown twice (8 times beyond 4 MB) since, or the last
    /// megabyte took over 15 % more than promised.
    pub(crate) fn due(&self) -> bool {
        self.has_enough() && (self.volume >= self.next_at || self.has_drifted())
    }

    /// Whether to train now that nothing else is to be done: also when the volume has grown by a quarter, below 4 MB.
    pub(crate) fn due_at_rest(&self) -> bool {
        let has_grown = self.volume as f64 >= self.trained_at as f64 * GROWTH_AT_REST;
        self.due()
            || (self.has_enough() && !self.is_training() && has_grown && self.trained_at < MAX_BYTES as u64)
    }

    fn has_enough(&self) -> bool {
        self.kept.len() >= MIN_SAMPLES && self.kept_bytes >= MIN_BYTES
    }

    fn is_training(&self) -> bool {
        self.next_at == u64::MAX
    }

    /// Hands over the samples, oldest first, for [`train`]. [`Self::trained`] is to follow. Where the values have changed,
    /// samples are collected anew.
    pub(crate) fn take(&mut self) -> Vec<Box<[u8]>> {
        let samples = if self.has_drifted() {
            self.threshold = u64::MAX;
            self.kept_bytes = 0;
            std::mem::take(&mut self.kept)
        } else {
            self.kept.clone()
        };
        // Not due again while training runs.
        self.next_at = u64::MAX;
        self.trained_at = self.volume;
        self.promised = None;
        samples.into_iter().map(|kept| kept.1).collect()
    }

    /// Notes what came of it: the fraction of the dictionary that is used from now on. After `None` the next
    /// attempt waits until twice as much has gone by.
    pub(crate) fn trained(&mut self, stored_fraction: Option<f64>) {
        match stored_fraction {
            Some(fraction) => self.in_use(fraction),
            None => self.next_at = self.volume.saturating_mul(2),
        }
    }

    /// Bytes of the samples. O(1).
    pub(crate) fn held_bytes(&self) -> usize {
        self.kept_bytes + self.kept.capacity() * size_of::<(u64, Box<[u8]>)>()
    }

    /// Raw bytes that have gone by, to be stored with a dictionary for [`Self::resume`].
    pub(crate) fn volume(&self) -> u64 {
        self.volume
    }

    fn in_use(&mut self, stored_fraction: f64) {
        self.promised = Some(stored_fraction);
        self.served = 0;
        let growth = if self.volume < MAX_BYTES as u64 { EARLY_GROWTH } else { GROWTH };
        self.next_at = self.volume.saturating_mul(growth);
        self.recent_raw = 0;
        self.recent_stored = 0;
    }

    fn has_drifted(&self) -> bool {
        self.promised.is_some_and(|promised| {
            self.served >= RECENT_BYTES
                && self.recent_stored as f64 > self.recent_raw as f64 * promised * DRIFT
        })
    }
}

/// The finalizer of `SplitMix64` (Steele, Lea, Flood 2014): neighbouring numbers become unrelated.
fn mixed(number: u64) -> u64 {
    let mut bits = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests;
