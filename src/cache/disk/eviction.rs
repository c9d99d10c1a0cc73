//! Budgets of the disk tiers: who leaves L2, what is compressed into L3, who leaves L3.
//!
//! Each tier is a queue in the order in which entries came. Who comes up and was used since goes to the end again and has
//! one use less to its credit; the others leave (FIFO with reinsertion: recency and frequency without a write for each
//! read). Runs on the writer thread; dictionaries are trained on one of their own.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, TryRecvError, channel};

use super::compression::{Compressor, Dictionary, LEVEL};
use super::db::{PAGE_BYTES, Trouble, from_sql, to_sql};
use super::row;
use super::tables::{Candidate, KeyAndBlob, L2, L3, Tables};
use super::training::{Trained, Trainer, train};
use super::writer::Writer;
use crate::cache::key::{Key, hash64};

/// Share of a tier's limit that entries may take: pages, free space and the log take the rest. Measured under churn, 32 MB for
/// both tiers: the file is at most 1.25 × its entries, free pages included, and the log an eighth of the limit.
const BUDGET_SHARE: f64 = 0.7;
/// Eviction goes on to this share of the budget, so that it is not needed at every write.
const LOW_SHARE: f64 = 0.95;
/// Share of both tiers' limits that the database's file may take, free pages included; the rest is the log's.
const FILE_SHARE: f64 = 0.85;
/// On a full disk, the share of what is there that stays.
const SHARE_ON_FULL_DISK: f64 = 0.8;
/// Of the entries there, the share that goes in one step then.
const AT_A_TIME: f64 = 0.05;
/// Entries looked at in one transaction.
const AT_ONCE: usize = 128;
/// Bytes of values read in one transaction.
const BYTES_AT_ONCE: i64 = 8 << 20;
/// Expired entries removed before others are evicted, in one go.
const EXPIRED_AT_ONCE: usize = 512;
/// Of the entries looked at, the most that stay because they were used: eviction must come to an end.
const MOST_SPARED: usize = AT_ONCE * 3 / 4;
/// Most dictionaries kept.
const DICTIONARIES: u32 = 64;

/// A blob and the tier that takes it.
pub(crate) struct Placed {
    pub(crate) tier: i64,
    pub(crate) blob: Vec<u8>,
}

/// Compression of what leaves L2.
pub(crate) struct Demotion {
    /// Whether anything was compressed yet: only then a dictionary is of use.
    is_used: bool,
    trainer: Trainer,
    dictionary: Option<Dictionary>,
    compressor: Option<Compressor>,
    training: Option<Receiver<Option<Trained>>>,
}

impl Demotion {
    /// Without a dictionary.
    pub(crate) fn new() -> Self {
        Self { is_used: false, trainer: Trainer::new(0), dictionary: None, compressor: None, training: None }
    }

    /// Takes over the newest dictionary of the database, if there is one.
    pub(crate) fn load_dictionary(&mut self, tables: Tables<'_>) -> Result<(), Trouble> {
        *self = Self::new();
        if let Some((stored, volume, fraction)) = tables.newest_dictionary()? {
            self.dictionary = Dictionary::from_stored(&stored);
            if self.dictionary.is_some() {
                self.trainer = Trainer::resume(0, volume, fraction);
            }
        }
        Ok(())
    }

    /// Lets go of what is made anew when something is packed.
    pub(super) fn relieve(&mut self) {
        self.compressor = None;
    }

    /// Bytes of samples, dictionary and buffers, and those of zstd. O(1).
    fn held_bytes(&mut self) -> (usize, usize) {
        let (buffer, context) = self.compressor.as_mut().map_or((0, 0), Compressor::held_bytes);
        let dictionary = self.dictionary.as_ref().map_or(0, |dictionary| dictionary.data.capacity());
        (self.trainer.held_bytes() + dictionary + buffer, context)
    }

    /// Notes a value that is stored: it may become a sample.
    pub(crate) fn see(&mut self, text: &str) {
        self.trainer.offer(text.as_bytes());
    }

    /// The blob of an entry for L3, from that of L2; `None` if it is not what was written.
    fn compressed(&mut self, hash: u128, blob: &[u8]) -> Option<Vec<u8>> {
        let (mut head, payload) = row::decode(hash, blob).ok()?;
        self.is_used = true;
        if self.compressor.is_none() {
            self.compressor = Compressor::new(LEVEL, self.dictionary.as_ref()).ok();
        }
        let Some(compressor) = &mut self.compressor else { return Some(blob.to_vec()) };
        let packed = compressor.compress(payload);
        head.codec = packed.codec;
        self.trainer.stored(payload.len() as u64, packed.payload.len() as u64);
        Some(row::encode(hash, &head, packed.payload))
    }

    /// Starts training when it is due. The first dictionary is worth waiting for; later ones replace one that works.
    fn train_if_due(&mut self, is_at_rest: bool) {
        let is_due = if is_at_rest { self.trainer.due_at_rest() } else { self.trainer.due() };
        if !self.is_used || self.training.is_some() || !is_due {
            return;
        }
        let samples = self.trainer.take();
        let (send, receive) = channel();
        let work = move || {
            let samples: Vec<&[u8]> = samples.iter().map(|sample| &**sample).collect();
            // Nobody waits any more if the cache was closed.
            let _ = send.send(train(&samples));
        };
        if std::thread::Builder::new().name("agentwise-train".to_owned()).spawn(work).is_ok() {
            self.training = Some(receive);
        } else {
            self.trainer.trained(None);
        }
    }

    /// Whether a dictionary is being trained.
    pub(super) fn is_training(&self) -> bool {
        self.training.is_some()
    }

    fn trained(&mut self) -> Option<Trained> {
        let result = match self.training.as_ref()?.try_recv() {
            Err(TryRecvError::Empty) => return None,
            Err(TryRecvError::Disconnected) => None,
            Ok(result) => result,
        };
        self.training = None;
        self.trainer.trained(result.as_ref().map(|trained| trained.stored_fraction));
        result
    }
}

impl Writer {
    /// What is to be done when nothing is to be written.
    pub(super) fn rest(&mut self) {
        self.keep_budgets();
        self.demotion.train_if_due(true);
    }

    /// Brings the tiers under their budgets. What fails is tried again with the next batch.
    pub(super) fn keep_budgets(&mut self) {
        if let Err(trouble) = self.try_keep_budgets() {
            tracing::debug!(reason = trouble.reason(), "eviction is put off");
        }
    }

    fn try_keep_budgets(&mut self) -> Result<(), Trouble> {
        self.use_trained()?;
        self.demotion.train_if_due(false);
        let settings = self.disk.settings.read().clone();
        for (tier, limit) in [(L2, settings.l2_bytes), (L3, settings.l3_bytes)] {
            let budget = share(limit, BUDGET_SHARE);
            if self.stored(tier) > budget {
                self.evict(tier, share(budget, LOW_SHARE))?;
            }
        }
        self.keep_file(settings.l2_bytes + settings.l3_bytes)
    }

    /// Gives free pages back where the file takes more than both tiers may.
    fn keep_file(&mut self, limit: u64) -> Result<(), Trouble> {
        let (free, all) = self.pages()?;
        let most = share(limit, FILE_SHARE) / PAGE_BYTES;
        if all > most && free > 0 {
            self.vacuum(free.min(all - most))?;
        }
        Ok(())
    }

    /// Where a new entry goes: to L2, or to L3 at once if L2 could not even hold it alone; `None` if neither can.
    pub(super) fn placed(&mut self, hash: u128, blob: Vec<u8>) -> Option<Placed> {
        let (limits, compress) = {
            let settings = self.disk.settings.read();
            ([settings.l2_bytes, settings.l3_bytes], settings.compress)
        };
        let fits = |blob: &[u8], limit| blob.len() as u64 <= share(limit, BUDGET_SHARE);
        if fits(&blob, limits[0]) {
            return Some(Placed { tier: L2, blob });
        }
        let blob = if compress { self.demotion.compressed(hash, &blob)? } else { blob };
        fits(&blob, limits[1]).then_some(Placed { tier: L3, blob })
    }

    /// Gives up a share of both tiers, without compressing: there is no room to write.
    pub(super) fn evict_share(&mut self) -> Result<(), Trouble> {
        for tier in [L3, L2] {
            let target = share(self.stored(tier), SHARE_ON_FULL_DISK);
            while self.stored(tier) > target
                && self.drop_first(tier, share(self.entries(tier), AT_A_TIME))? > 0
            {
                self.refresh_totals()?;
            }
        }
        Ok(())
    }

    fn evict(&mut self, tier: i64, target: u64) -> Result<(), Trouble> {
        let now_ms = self.disk.clock.now_ms();
        while self.remove_expired(now_ms, EXPIRED_AT_ONCE)? == EXPIRED_AT_ONCE {}
        self.refresh_totals()?;
        while self.stored(tier) > target {
            if self.evict_some(tier, target)? == 0 {
                break;
            }
            self.refresh_totals()?;
        }
        Ok(())
    }

    /// Looks at the first entries of a tier's queue; how many it dealt with.
    fn evict_some(&mut self, tier: i64, target: u64) -> Result<usize, Trouble> {
        let settings = self.disk.settings.read().clone();
        let mut first = Tables(self.connection()?).first_in_queue(tier, AT_ONCE)?;
        // No more than has to go, or a small tier would be emptied at once.
        let most = BYTES_AT_ONCE.min(to_sql(self.stored(tier).saturating_sub(target)));
        let mut bytes = 0;
        let within = first.iter().take_while(|candidate| {
            let fits = bytes < most;
            bytes += candidate.row.stored;
            fits
        });
        let count = within.count();
        first.truncate(count);
        let mut spared = Vec::new();
        let (mut gone, mut moved) = (Vec::new(), Vec::new());
        for candidate in first {
            if candidate.row.hits > 0 && spared.len() < MOST_SPARED {
                spared.push(candidate);
            } else if tier == L2 && from_sql(candidate.row.raw) > settings.compression_threshold {
                moved.push(candidate);
            } else {
                gone.push(candidate);
            }
        }
        let moved = self.packed(moved, settings.compress, settings.l3_bytes)?;
        let batch = self.batch()?;
        let tables = batch.tables();
        let is_same = |candidate: &Candidate| {
            tables.row(candidate.hash).map(|row| row.is_some_and(|row| row.id == candidate.row.id))
        };
        for candidate in &spared {
            if is_same(candidate)? {
                batch.requeue(candidate.hash, candidate.row.hits - 1)?;
            }
        }
        let mut left = Vec::new();
        for candidate in gone {
            if is_same(&candidate)? {
                batch.delete_row(&candidate)?;
                left.push((candidate, None));
            }
        }
        for (candidate, packed) in moved {
            if !is_same(&candidate)? {
                continue;
            }
            let now = if let Some((key, blob)) = packed {
                Some(batch.move_to(&candidate, L3, &key, &blob)?)
            } else {
                batch.delete_row(&candidate)?;
                None
            };
            left.push((candidate, now));
        }
        batch.commit()?;
        for (candidate, now) in left {
            let counters = &self.disk.counters;
            let counter = if now.is_some() { &counters.compressed } else { &counters.evicted };
            counter.fetch_add(1, Ordering::Relaxed);
            self.tell(|observer| {
                observer.left(hash64(candidate.hash), candidate.row.id, now);
                observer.evicted(hash64(candidate.hash), &candidate.row);
            });
        }
        Ok(count)
    }

    /// Key and blob for L3 of each entry; `None` for one that is damaged or too large.
    fn packed(
        &mut self,
        candidates: Vec<Candidate>,
        compress: bool,
        limit: u64,
    ) -> Result<Vec<(Candidate, Option<KeyAndBlob>)>, Trouble> {
        let mut packed = Vec::with_capacity(candidates.len());
        for candidate in candidates {
            let found = Tables(self.connection()?).blob(candidate.row.id)?;
            let sound = found.filter(|(key, _)| Key::from_bytes(key.clone()).hash == candidate.hash);
            let entry = sound.and_then(|(key, blob)| {
                let blob = if compress { self.demotion.compressed(candidate.hash, &blob)? } else { blob };
                (blob.len() as u64 <= share(limit, BUDGET_SHARE)).then_some((key, blob))
            });
            packed.push((candidate, entry));
        }
        Ok(packed)
    }

    fn drop_first(&mut self, tier: i64, most: u64) -> Result<usize, Trouble> {
        let most = usize::try_from(most).unwrap_or(AT_ONCE).clamp(1, AT_ONCE);
        let batch = self.batch()?;
        let tables = batch.tables();
        let first = tables.first_in_queue(tier, most)?;
        for candidate in &first {
            batch.delete_row(candidate)?;
        }
        batch.commit()?;
        self.disk.counters.evicted.fetch_add(first.len() as u64, Ordering::Relaxed);
        for candidate in &first {
            self.tell(|observer| observer.left(hash64(candidate.hash), candidate.row.id, None));
        }
        Ok(first.len())
    }

    /// Puts a finished dictionary to use.
    fn use_trained(&mut self) -> Result<(), Trouble> {
        let Some(trained) = self.demotion.trained() else { return Ok(()) };
        let Ok(stored) = trained.dictionary.to_stored() else { return Ok(()) };
        let volume = self.demotion.trainer.volume();
        let batch = self.batch()?;
        let (id, fraction) = (trained.dictionary.id, trained.stored_fraction);
        batch.tables().add_dictionary(id, &stored, volume, fraction, DICTIONARIES)?;
        batch.commit()?;
        self.demotion.dictionary = Some(trained.dictionary);
        self.demotion.compressor = None;
        Ok(())
    }

    /// Says what the writer holds, for whoever asks the disk tiers.
    pub(super) fn note_held(&mut self) {
        let (ours, zstd) = self.demotion.held_bytes();
        let counters = &self.disk.counters;
        counters.writer_bytes.store(ours as u64, Ordering::Relaxed);
        counters.packing_bytes.store(zstd as u64, Ordering::Relaxed);
    }

    fn entries(&self, tier: i64) -> u64 {
        self.disk.totals.lock().tiers[usize::from(tier == L3)].entries
    }

    fn stored(&self, tier: i64) -> u64 {
        self.disk.totals.lock().tiers[usize::from(tier == L3)].stored
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a size is a size")]
fn share(bytes: u64, share: f64) -> u64 {
    (bytes as f64 * share) as u64
}
