//! Relief against the allocator, and against what callers rely on.

use std::sync::Arc;

use agentwise_optimization::base::allocation::allocated;
use agentwise_optimization::base::footprint::{Relief, new_watcher, of_process};
use agentwise_optimization::base::held::ZSTD;
use agentwise_optimization::cache::{CacheManager, Kind, Terms, sqlite_bytes};
use agentwise_optimization::context::Reference;
use agentwise_optimization::tokens::DeltaEncoding;
use agentwise_optimization::tokens::delta::Delta;

use rusqlite::Connection;

use super::fill;
use super::rows::{World, held, locked};

const MB: u64 = 1 << 20;
/// Answers stored at once: more than the queue takes.
const RUSH: usize = 18_000;

pub(crate) fn check(world: &World) {
    let watcher = new_watcher();
    let disk = tempfile::tempdir().expect("temp dir");
    let answered = hits(&world.on_disk, 6000);
    assert_eq!(answered, 6000);
    let before = allocated();

    of_process().ask(watcher, Relief::Shrink);
    of_process().settle();
    shrunk(world, before);
    // Again, with what the writer has to wait for: it does so for five seconds, and what is done meanwhile is little now.
    of_process().ask(watcher, Relief::None);
    of_process().settle();
    let (unwritten, lock) = unwritten(&disk);
    of_process().ask(watcher, Relief::Shrink);
    of_process().settle();
    assert!(unwritten.stats().disk.queued > 3000 && unwritten.stats().l1.size <= 1000);
    assert_eq!(hits(&unwritten, 4000), 4000, "what is not written yet waits for it");
    drop(lock);
    unwritten.flush(false).expect("written");
    assert_eq!(hits(&unwritten, 4000), 4000, "and was written then");
    assert_eq!(hits(&world.on_disk, 6000), answered);

    let texts = texts(world);
    let (context, references) = filtered(world);
    let (before, sqlite) = (allocated(), sqlite_bytes());
    of_process().ask(watcher, Relief::Drop);
    of_process().settle();
    // The writer lets go before it does what it is asked for next.
    world.on_disk.flush(false).expect("written");
    unwritten.flush(false).expect("written");
    assert!(allocated() + 30 * MB < before, "{before} -> {}", allocated());
    assert!(sqlite_bytes() * 2 < sqlite, "{sqlite} -> {}", sqlite_bytes());
    let rows = held();
    assert!(rows["context analyses"] < 1 << 10 && rows[ZSTD] == 0, "{rows:#?}");
    assert!(rows["shared text index"] <= 8 << 20 && rows["token states"] < (20 << 20), "{rows:#?}");
    for (reference, json) in &references {
        let reference = Reference::parse(reference).expect("a reference");
        assert_eq!(world.filter.resolve(reference).as_deref(), Some(&**json), "it can still be asked for");
    }
    assert_eq!(filtered(world), (context, references), "the same is filtered");
    assert_eq!(self::texts(world), texts, "all texts are still there");
    assert_eq!(hits(&world.on_disk, 6000), answered);
    sent(world);

    of_process().ask(watcher, Relief::None);
    of_process().settle();
    fill::answers(&world.in_memory, 15_000, 2000);
    assert_eq!(hits(&world.in_memory, 15_000), 15_000, "there is room again");
    fill::answers(&unwritten, 4000, 4000);
    assert_eq!(unwritten.stats().l1.size, 4000);
    for number in 0..60 {
        fill::filtered(&world.filter, &fill::context(number));
    }
    assert!(held()["context analyses"] > 20 << 20, "analyses are remembered again");

    unwritten.flush(false).expect("written");
    let behind = behind(&disk);
    of_process().ask(watcher, Relief::Shrink);
    of_process().settle();
    assert!(behind.stats().l1.size <= RUSH as u64 / 4);
    of_process().ask(watcher, Relief::None);
    of_process().settle();
    assert_eq!(hits(&behind, RUSH), RUSH, "what had no room in the queue was written before it left");
}

/// L1 has a quarter of what it may have; the settings are the same.
fn shrunk(world: &World, before: u64) {
    assert!(allocated() + 60 * MB < before, "{before} -> {}", allocated());
    let cache = &world.in_memory;
    let stats = cache.stats().l1;
    assert!(stats.size_mb <= 16.0 && stats.size_mb > 15.0, "{} MB", stats.size_mb);
    assert_eq!((stats.max_size, stats.max_size_mb), (1_000_000, 64.0));
    assert_eq!(cache.config().l1_max_size, 1_000_000);
    let newest: usize = usize::try_from(stats.size).expect("few");
    let is_there = |number: usize| cache.find(&fill::keys(&fill::query(number)), false).is_some();
    assert!((15_000 - newest..15_000).all(is_there), "the last ones stay");
    assert!(!(0..15_000 - newest).any(is_there), "the others go");
    // Who comes now hears of it soon.
    let new = fill::cache(None, |config| config.l1_max_size = 40);
    of_process().settle();
    fill::answers(&new, 100, 10);
    assert_eq!(new.stats().l1.size, 10);
}

/// A cache whose answers wait to be written, and are in L1.
fn unwritten(disk: &tempfile::TempDir) -> (Arc<CacheManager>, Connection) {
    let cache = fill::cache(Some(disk), |config| config.l1_max_size = 4000);
    let texts = fill::texts(4000, 4000);
    let lock = locked(disk, &cache);
    fill::store(&cache, texts.into_iter());
    assert!(cache.stats().disk.queued > 3000);
    (cache, lock)
}

/// A cache that was given more at once than waits to be written: the rest is in memory only.
fn behind(disk: &tempfile::TempDir) -> Arc<CacheManager> {
    let cache = fill::cache(Some(disk), |config| {
        config.l1_max_size = RUSH as u64;
        config.namespace = Some("a rush".to_owned());
    });
    let lock = locked(disk, &cache);
    for number in 0..RUSH {
        let query = fill::key(&fill::query(number));
        cache.set(&query, "an answer".into(), Kind::Text, Terms::default()).expect("stored");
    }
    let disk = cache.stats().disk;
    assert!(disk.delayed > 500, "{} of {RUSH} had no room, {} wait", disk.delayed, disk.queued);
    drop(lock);
    cache
}

fn hits(cache: &CacheManager, count: usize) -> usize {
    (0..count).filter(|&number| cache.find(&fill::keys(&fill::query(number)), false).is_some()).count()
}

/// What stays of a context, and what was left out.
fn filtered(world: &World) -> (Vec<String>, Vec<(String, String)>) {
    let (references, kept) = fill::filtered(&world.filter, &fill::context(59));
    let resolved = references.into_iter().map(|reference| {
        let part = world.filter.resolve(Reference::parse(&reference).expect("a reference"));
        (reference, part.expect("it was left out just now").to_string())
    });
    (kept, resolved.collect())
}

/// Texts that agents were told of: there is no other place for them.
fn texts(world: &World) -> u64 {
    let store = world.tokens.store().expect("it was opened");
    store.stats().l1.size
}

/// Who is still known gets what changed, and who is not the whole; both go on from there.
fn sent(world: &World) {
    let known = |agent: usize| world.tokens.optimizer().states().last(&format!("agent {agent}")).is_some();
    assert!(known(2499) && known(0) && !known(100));
    for (agent, is_known) in [(2499, true), (100, false)] {
        let send =
            |version| fill::send(&world.tokens, agent, &fill::state_of(agent, version), DeltaEncoding::Keys);
        let first = send(31);
        assert_eq!(matches!(first.delta, Delta::Changed { .. }), is_known);
        assert_eq!(matches!(first.delta, Delta::Full), !is_known);
        assert!(matches!(send(31).delta, Delta::Unchanged));
        let Delta::Changed { modified, unchanged, .. } = send(33).delta else { unreachable!("two values") };
        assert_eq!((modified.len(), unchanged.len()), (2, 58));
    }
}
