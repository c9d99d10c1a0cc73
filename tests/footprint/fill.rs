//! Data that fill the parts.

use std::sync::Arc;

use agentwise_optimization::base::cancel::Cancel;
use agentwise_optimization::base::clock::SystemClock;
use agentwise_optimization::base::columns::Columns;
use agentwise_optimization::base::document::{Document, Kind};
use agentwise_optimization::base::json::View;
use agentwise_optimization::cache::{self, CacheConfig, CacheManager, Key, Keys, Namespace, Scope, Terms};
use agentwise_optimization::context::{CallLimits, ContextFilter, ContextFilterConfig, FilterRequest};
use agentwise_optimization::orchestrator::block_store::BlockPlace;
use agentwise_optimization::orchestrator::token_service::{TokenCall, TokenService};
use agentwise_optimization::tokens::config::TokensConfig;
use agentwise_optimization::tokens::known::Known;
use agentwise_optimization::tokens::{DEFAULT_ENCODING, DeltaEncoding};

/// Numbers that look random: `SplitMix64`.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// Words, of `bytes` bytes or a few more.
    pub(crate) fn text(&mut self, bytes: usize) -> String {
        let mut text = String::with_capacity(bytes + 16);
        while text.len() < bytes {
            for _ in 0..3 + self.next() % 6 {
                let letter = u8::try_from(self.next() % 26).expect("a letter");
                text.push(char::from(b'a' + letter));
            }
            text.push(if self.next().is_multiple_of(12) { '\n' } else { ' ' });
        }
        text.into_boxed_str().into_string()
    }
}

pub(crate) fn cache(
    dir: Option<&tempfile::TempDir>,
    change: impl FnOnce(&mut CacheConfig),
) -> Arc<CacheManager> {
    let mut config = CacheConfig {
        persist_to_disk: dir.is_some(),
        enable_similarity_detection: false,
        cache_dir: Some("cache".to_owned()),
        ..CacheConfig::default()
    };
    change(&mut config);
    let cwd = dir.map_or_else(std::env::temp_dir, |dir| dir.path().to_owned());
    CacheManager::new(config, cwd, Arc::new(SystemClock::new()))
}

pub(crate) fn keys(query: &str) -> Keys {
    Keys::new(&Namespace::default(), &Scope::default(), query)
}

pub(crate) fn key(query: &str) -> Key {
    Key::new(&Namespace::default(), &Scope::default(), query)
}

/// Answers of `bytes` bytes to questions that are not like each other.
pub(crate) fn answers(cache: &CacheManager, count: usize, bytes: usize) {
    let mut random = Random(count as u64);
    store(cache, (0..count).map(|_| random.text(bytes)));
}

/// The same, made before: for where there is not much time.
pub(crate) fn texts(count: usize, bytes: usize) -> Vec<String> {
    let mut random = Random(count as u64);
    (0..count).map(|_| random.text(bytes)).collect()
}

/// These answers, to questions that are not like each other.
pub(crate) fn store(cache: &CacheManager, texts: impl Iterator<Item = String>) {
    for (number, text) in texts.enumerate() {
        let text = text.into_boxed_str();
        let terms = Terms { tags: vec!["a tag".into(), "another".into()], ..Terms::default() };
        let stored = cache.set(&key(&query(number)), text, cache::Kind::Text, terms).expect("stored");
        if stored.is_crowded {
            cache.wait_for_room();
        }
    }
}

pub(crate) fn query(number: usize) -> String {
    let mut random = Random(number as u64 + 7);
    format!("what does {}do with {}in version {number}?", random.text(12), random.text(6))
}

/// An object with these texts.
pub(crate) fn document(entries: &[(String, String)]) -> Document {
    let mut columns = Columns::default();
    let mut push = |kind: Kind, end: usize| {
        columns.kinds.push(kind as u8);
        columns.ends.push(u32::try_from(end).expect("small"));
    };
    push(Kind::Object, entries.len() + 1);
    for at in 0..entries.len() {
        push(Kind::String, at + 2);
    }
    for text in entries.iter().flat_map(|(key, value)| [key, value]) {
        columns.lengths.push(u32::try_from(text.len()).expect("small"));
        columns.text.extend_from_slice(text.as_bytes());
    }
    Document::from_columns(columns).expect("sound")
}

pub(crate) fn filter() -> Arc<ContextFilter> {
    let config = ContextFilterConfig {
        analysis_cache_mb: 200.0,
        reference_store_mb: 200.0,
        ..ContextFilterConfig::default()
    };
    let count = |text: &str| DEFAULT_ENCODING.tokenizer().count(text) as u64;
    Arc::new(ContextFilter::new(config, Arc::new(count)))
}

/// A context of large texts and of small ones, a different one for each number.
pub(crate) fn context(number: usize) -> Document {
    let mut random = Random(number as u64 * 1000 + 3);
    let mut entries = vec![("task".to_owned(), "find the words".to_owned())];
    entries.extend((0..10).map(|at| (format!("file{at}.txt"), random.text(40_000))));
    entries.extend((0..200).map(|at| (format!("note{at}"), random.text(100))));
    document(&entries)
}

/// Filters a context and says what was left out.
pub(crate) fn filtered(filter: &ContextFilter, document: &Document) -> (Vec<String>, Vec<String>) {
    let request = FilterRequest {
        agent_id: "somebody".to_owned(),
        limits: CallLimits { target_reduction: Some(0.5), ..CallLimits::default() },
        ..FilterRequest::default()
    };
    let outcome = filter.filter(document, &request, &Cancel::default()).expect("not cancelled");
    let references = outcome.dropped.iter().map(|part| part.reference.to_string()).collect();
    (references, outcome.kept.iter().map(|&value| document.key(value as usize).to_owned()).collect())
}

/// A token optimizer whose texts are in memory only.
pub(crate) fn tokens() -> TokenService {
    let place = BlockPlace {
        cache_dir: None,
        cwd: std::env::temp_dir(),
        namespace: None,
        allow_network_file_system: false,
    };
    TokenService::new(TokensConfig::default(), place, Arc::new(SystemClock::new()))
}

/// What an agent has, in many short texts.
pub(crate) fn state_of(agent: usize, version: usize) -> Document {
    let mut random = Random(agent as u64);
    let entry = |at: usize| {
        let mut value = random.text(20);
        if at < version {
            value.push_str(" and more");
        }
        (format!("agent {agent} key {at}"), value)
    };
    document(&(0..60).map(entry).collect::<Vec<_>>())
}

pub(crate) fn send(
    tokens: &TokenService,
    agent: usize,
    document: &Document,
    encoding: DeltaEncoding,
) -> agentwise_optimization::tokens::Optimized {
    let call = TokenCall { encoding: Some(encoding), ..TokenCall::default() };
    let view = View::whole(document);
    tokens.optimize(&format!("agent {agent}"), view, view, &call, &Known::default())
}
