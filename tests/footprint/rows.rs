//! Rows against the allocator.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use agentwise_optimization::base::allocation::allocated;
use agentwise_optimization::base::footprint::of_process;
use agentwise_optimization::base::held::ZSTD;
use agentwise_optimization::cache::config::EvictionPolicy;
use agentwise_optimization::cache::{CacheManager, sqlite_bytes};
use agentwise_optimization::context::ContextFilter;
use agentwise_optimization::orchestrator::token_service::TokenService;
use agentwise_optimization::similarity::compare_texts;
use agentwise_optimization::telemetry::event::{EventKind, EventSink};
use agentwise_optimization::tokens::ledger::Entry;
use agentwise_optimization::tokens::{DEFAULT_ENCODING, DeltaEncoding};

use super::fill::{self, Random};

const MB: i64 = 1 << 20;

/// Everything that was filled.
pub(crate) struct World {
    pub(crate) in_memory: Arc<CacheManager>,
    pub(crate) on_disk: Arc<CacheManager>,
    pub(crate) filter: Arc<ContextFilter>,
    pub(crate) tokens: TokenService,
    _others: (Vec<Arc<CacheManager>>, EventSink, tempfile::TempDir),
}

pub(crate) fn held() -> BTreeMap<&'static str, i64> {
    of_process().held().into_iter().map(|(name, bytes)| (name, bytes.cast_signed())).collect()
}

fn sum(rows: &BTreeMap<&'static str, i64>) -> i64 {
    rows.iter().filter(|(name, _)| **name != ZSTD).map(|(_, bytes)| bytes).sum()
}

/// Fills a part: all rows grow by what is allocated, within a tenth, by at least `least` MB, and most of it in `names`.
fn grows<T>(names: &[&str], least: i64, fill: impl FnOnce() -> T) -> T {
    let (rows, before) = (held(), allocated().cast_signed());
    let filled = fill();
    let (now, after) = (held(), allocated().cast_signed());
    let grown = after - before;
    let said = sum(&now) - sum(&rows);
    let by_name: i64 =
        names.iter().map(|name| now.get(name).unwrap_or(&0) - rows.get(name).unwrap_or(&0)).sum();
    assert!(grown >= least * MB, "{names:?}: only {grown} bytes were allocated");
    assert!(
        (said - grown).abs() * 10 <= grown,
        "{names:?}: said {said} of {grown}, rows {now:#?}, before {rows:#?}"
    );
    assert!(
        by_name * 10 >= grown * 8,
        "{names:?}: {by_name} of {grown} by name, rows {now:#?}, before {rows:#?}"
    );
    filled
}

pub(crate) fn check() -> World {
    // What is unpacked once: tables of words and tokens.
    grows(&["lexicon", "token tables"], 5, || {
        compare_texts("what is it?", "where is it?");
        assert_eq!(DEFAULT_ENCODING.tokenizer().count("a word of text"), 4);
    });
    let in_memory = grows(&["cache L1"], 20, || {
        let cache = fill::cache(None, |config| config.l1_max_size = 1_000_000);
        fill::answers(&cache, 15_000, 2000);
        cache
    });
    let small = grows(&["cache L1", "cache tables"], 20, || {
        let cache = fill::cache(None, |config| {
            config.l1_max_size = 100_000;
            config.eviction_policy = EvictionPolicy::Adaptive;
        });
        // More than it can hold: the policy remembers who left.
        fill::answers(&cache, 130_000, 10);
        cache
    });
    let similar = grows(&["cache index", "cache L1"], 40, || {
        let cache = fill::cache(None, |config| {
            config.l1_max_size = 60_000;
            config.enable_similarity_detection = true;
        });
        fill::answers(&cache, 60_000, 10);
        cache.search(&fill::keys("what does it do?"), None);
        cache
    });
    grows(&["cache vectors"], 20, || {
        similar.use_vectors("a model");
        let mut random = Random(5);
        for number in 0..15_000 {
            let vector: Vec<f32> = (0..384).map(|_| (random.next() % 1000) as f32 - 499.5).collect();
            similar.keep_vector(&fill::key(&fill::query(number)), "a model", &vector).expect("kept");
        }
    });
    let disk = tempfile::tempdir().expect("temp dir");
    let on_disk = waiting(&disk);
    let filter = grows(&["context analyses", "context references"], 20, || {
        let filter = fill::filter();
        for number in 0..60 {
            fill::filtered(&filter, &fill::context(number));
        }
        filter
    });
    let tokens = grows(&["token states", "token counts"], 20, || {
        let tokens = fill::tokens();
        for agent in 0..2500 {
            fill::send(&tokens, agent, &fill::state_of(agent, 0), DeltaEncoding::Keys);
        }
        tokens
    });
    // Removed entries of contexts are known by hash until there are many.
    grows(&["token states", "token counts"], 1, || {
        for agent in 0..2500 {
            fill::send(&tokens, agent, &fill::state_of(agent, 30), DeltaEncoding::Keys);
        }
    });
    grows(&["shared texts", "shared text index", "token states", "token counts"], 20, || {
        let mut random = Random(9);
        for agent in 0..100 {
            let entries: Vec<_> = (0..6).map(|at| (format!("text {at}"), random.text(60_000))).collect();
            fill::send(&tokens, agent, &fill::document(&entries), DeltaEncoding::Blocks);
        }
    });
    grows(&["savings ledger", "token calibrations"], 1, || {
        for number in 0..4000 {
            let agent = format!("an agent with a long name {number}");
            let entry =
                Entry { agent: &agent, operation: "context", original: 100, sent: 10, ..Entry::default() };
            tokens.book(&entry);
            tokens.calibrations().record("some-model", &agent, 100, 110);
        }
    });
    let events = grows(&["event queue"], 5, || {
        let events = EventSink::new();
        events.listen(&["warning".to_owned()]);
        let mut random = Random(1);
        for _ in 0..1100 {
            let text = random.text(8000);
            events.emit(EventKind::Warning, || &text);
        }
        events
    });
    let rows = held();
    let (said, all) = (sum(&rows), allocated().cast_signed());
    let sqlite = sqlite_bytes().cast_signed();
    assert!((said - all).abs() * 10 <= all + sqlite, "said {said}, allocated {all}, rows {rows:#?}");
    World { in_memory, on_disk, filter, tokens, _others: (vec![small, similar], events, disk) }
}

/// A cache whose writer has to wait for somebody else's lock: what is stored waits in the queue, and is not in L1.
fn waiting(disk: &tempfile::TempDir) -> Arc<CacheManager> {
    let cache = fill::cache(Some(disk), |config| config.l1_max_size = 100);
    let texts = fill::texts(6000, 6000);
    let lock = locked(disk, &cache);
    let names = ["cache write queue", "cache values outside L1", "cache compression"];
    grows(&names, 20, || fill::store(&cache, texts.iter().cloned()));
    drop(lock);
    cache.flush(false).expect("written");
    cache
}

/// Keeps the writer of a cache from writing, until it is dropped; the writer waits for five seconds.
pub(crate) fn locked(disk: &tempfile::TempDir, cache: &CacheManager) -> rusqlite::Connection {
    fill::answers(cache, 10, 100);
    cache.flush(false).expect("written");
    let database = std::fs::read_dir(disk.path().join("cache"))
        .expect("a directory")
        .map(|entry| entry.expect("an entry").path().join("cache.db"))
        .find(|path| path.is_file())
        .expect("a database");
    let other = rusqlite::Connection::open(database).expect("opened");
    other.busy_timeout(Duration::from_secs(5)).expect("set");
    other.execute_batch("BEGIN IMMEDIATE").expect("locked");
    other
}
