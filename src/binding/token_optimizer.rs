//! The token optimizer: what `TokenOptimizer` of `js/` holds, and what a system has of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use napi::Env;
use napi::bindgen_prelude::Object;
use napi_derive::napi;
use parking_lot::Mutex;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::cache::whole;
use super::call::{Args, guard, method, spawn};
use super::columns;
use super::filter::parse;
use super::{token_ledger, token_plans};
use crate::base::clock::{Clock, SystemClock};
use crate::base::config::Configure;
use crate::base::document::{Columns, Document, Kind};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::json::{KeyOrder, View};
use crate::engine::{Engine, check_agent_id};
use crate::orchestrator::block_store::BlockPlace;
use crate::orchestrator::token_service::{TokenCall, TokenService, held_and_fetched};
use crate::tokens::blocks::{Part, Range, TextId, Unresolved, write_parts};
use crate::tokens::config::TokensConfig;
use crate::tokens::delta::{Delta, from_hex, hash_of, hex};
use crate::tokens::known::Known;
use crate::tokens::{DeltaEncoding, Optimized};

/// Who has a token optimizer.
#[derive(Clone)]
pub(super) enum Holder {
    /// A whole system.
    Engine(Arc<Engine>),
    /// Itself.
    Service(Arc<TokenService>),
}

impl Holder {
    pub(super) fn tokens(&self) -> &TokenService {
        match self {
            Self::Engine(engine) => engine.orchestrator().tokens(),
            Self::Service(service) => service,
        }
    }
}

/// Where a handle finds it.
pub(super) type Source = Arc<dyn Fn() -> Result<Holder>>;

/// Keeps whoever writes contexts from choosing the hashes by which two are told apart.
static SEED: AtomicU64 = AtomicU64::new(0);

fn fingerprint(columns: &Columns) -> u128 {
    let seed = SEED.load(Ordering::Relaxed);
    let seed = if seed == 0 {
        let made = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0) | 1;
        match SEED.compare_exchange(0, made, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => made,
            Err(other) => other,
        }
    } else {
        seed
    };
    columns.fingerprint(seed)
}

/// Opens a token optimizer. `place` is JSON: `cacheDir`, absent for memory only; `namespace`; `allowNetworkFileSystem`.
///
/// # Errors
/// `E_CONFIG_INVALID` with every problem.
#[napi(catch_unwind)]
pub fn open_tokens(
    env: &Env,
    config_json: String,
    place_json: String,
    cwd: String,
) -> napi::Result<Object<'_>> {
    let service = guard(|| {
        let config = TokensConfig::default().updated("", &parse(&config_json)?)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        Ok(Arc::new(TokenService::new(config, place(&parse(&place_json)?, &cwd), clock)))
    })?;
    let mut handle = Object::new(env)?;
    let shared = Arc::clone(&service);
    method(env, &mut handle, "optimize", move |args| {
        let agent_id: String = args.get(0)?;
        check_agent_id(&agent_id)?;
        let call = TokenCall {
            encoding: encoding(&args, 1)?,
            model: args.get(2)?,
            operation: args.get(3)?,
            original_tokens: args.get::<Option<f64>>(4)?.map(whole),
            is_booked_later: args.get(5)?,
            ..TokenCall::default()
        };
        let (columns, service) = (columns::read(&args, 6)?, Arc::clone(&shared));
        let work = move || {
            let call = TokenCall { fingerprint: Some(fingerprint(&columns)), ..call };
            if let Some(done) = service.unchanged(&agent_id, &call) {
                return Ok(sent_json(None, &done, call.is_booked_later).to_string());
            }
            let document = Document::from_columns(columns)?;
            let view = View::whole(&document);
            let done = service.optimize(&agent_id, view, view, &call, &Known::default());
            Ok(sent_json(Some(&document), &done, call.is_booked_later).to_string())
        };
        spawn(args.env(), work, |json| json)
    })?;
    let shared = Arc::clone(&service);
    method(env, &mut handle, "config", move |_| Ok(json!(shared.config()).to_string()))?;
    // An update is read, changed and written back: one at a time.
    let updating = Mutex::new(());
    let shared = Arc::clone(&service);
    method(env, &mut handle, "configure", move |args| {
        let _one_at_a_time = updating.lock();
        let config = shared.config().updated("", &parse(&args.get::<String>(0)?)?)?;
        let place = place(&parse(&args.get::<String>(1)?)?, &args.get::<String>(2)?);
        shared.reconfigure(config, place);
        Ok(())
    })?;
    let shared = Arc::clone(&service);
    method(env, &mut handle, "maintain", move |args| {
        let service = Arc::clone(&shared);
        let work = move || {
            service.maintain();
            Ok(())
        };
        spawn(args.env(), work, |()| ())
    })?;
    let shared = Arc::clone(&service);
    method(env, &mut handle, "close", move |args| {
        let service = Arc::clone(&shared);
        let work = move || {
            service.close();
            Ok(())
        };
        spawn(args.env(), work, |()| ())
    })?;
    let source: Source = Arc::new(move || Ok(Holder::Service(Arc::clone(&service))));
    add(env, &mut handle, &source)?;
    token_plans::add(env, &mut handle, &source)?;
    Ok(handle)
}

/// Adds what a token optimizer by itself and a system both have.
pub(super) fn add(env: &Env, handle: &mut Object, source: &Source) -> napi::Result<()> {
    token_ledger::add(env, handle, source)?;
    let shared = Arc::clone(source);
    method(env, handle, "acknowledge", move |args| {
        let hash = args.get::<String>(1)?;
        let hash = from_hex(&hash).ok_or_else(|| {
            Error::new(ErrorKind::InvalidArgument, "hash must be 64 hexadecimal digits in lower case")
        })?;
        let agent_id = args.get::<String>(0)?;
        check_agent_id(&agent_id)?;
        Ok(shared()?.tokens().acknowledge(&agent_id, &hash))
    })?;
    let shared = Arc::clone(source);
    method(env, handle, "tokenStats", move |_| {
        let holder = shared()?;
        let tokens = holder.tokens();
        let shelf = tokens.optimizer().shelf().map(|shelf| {
            let (texts, bytes) = shelf.held();
            json!({ "texts": texts, "indexBytes": bytes })
        });
        let store = tokens.store().map(|store| store.stats());
        Ok(json!({ "totals": tokens.optimizer().totals(), "blocks": shelf, "store": store }).to_string())
    })?;
    let shared = Arc::clone(source);
    method(env, handle, "countContext", move |args| {
        let (columns, holder) = (columns::read(&args, 0)?, shared()?);
        let work = move || {
            let document = Document::from_columns(columns)?;
            let mut text = Vec::new();
            View::whole(&document).write(0, KeyOrder::Insertion, &mut text);
            Ok(holder.tokens().optimizer().count(&text))
        };
        spawn(args.env(), work, |tokens| tokens as f64)
    })?;
    let shared = Arc::clone(source);
    method(env, handle, "resetAgent", move |args| {
        let agent_id = args.get::<String>(0)?;
        check_agent_id(&agent_id)?;
        Ok(shared()?.tokens().reset_agent(&agent_id))
    })?;
    let shared = Arc::clone(source);
    method(env, handle, "resolveBlocks", move |args| {
        let (holder, asked) = (shared()?, parse(&args.get::<String>(0)?)?);
        let have: HashMap<String, String> = args.get(1)?;
        spawn(args.env(), move || resolve(holder.tokens(), &asked, have), |json| json)
    })
}

/// What the facade needs to say what is sent. `document` is absent for an unchanged context.
pub(super) fn sent_json(document: Option<&Document>, tokens: &Optimized, is_unbooked: bool) -> Value {
    let (held, fetched) = held_and_fetched(tokens);
    let mut sent = json!({
        "type": if tokens.delta == Delta::Full { "full" } else { "incremental" },
        "hash": tokens.hash,
        "baseHash": tokens.base_hash,
        "originalTokens": tokens.original_tokens,
        "filteredTokens": tokens.filtered_tokens,
        "resultTokens": tokens.result_tokens,
        "bytes": tokens.bytes,
        "heldAll": held,
        "fetchedAll": fetched,
        "cachedTokens": tokens.cached_tokens,
        "carriedTokens": tokens.carried_tokens,
        "isUnbooked": is_unbooked,
    });
    let Some(document) = document else { return sent };
    if let Some(since) = &tokens.since {
        // What changed, although all is sent: the context that all agents share is told.
        sent["since"] = match changes(since) {
            Value::Null if *since == Delta::Full => Value::Null,
            Value::Null => json!({ "added": [], "modified": [] }),
            changes => changes,
        };
    }
    if let changes @ Value::Object(_) = changes(&tokens.delta) {
        sent["changes"] = changes;
    }
    if let Some(blocks) = &tokens.blocks {
        let rows: Vec<Value> = blocks
            .values
            .iter()
            .map(|(value, parts)| {
                let mut text = Vec::new();
                write_parts(parts, &mut text);
                let parts: Value = serde_json::from_slice(&text).expect("invariant: parts are JSON");
                json!([value, document.kind(*value) == Kind::String, parts])
            })
            .collect();
        let held = blocks.values.iter().flat_map(|(_, parts)| parts).filter_map(|part| match part {
            Part::Known { range, is_held: true, .. } => Some(range.text.number()),
            _ => None,
        });
        sent["held"] = json!(held.collect::<std::collections::BTreeSet<_>>());
        sent["blocks"] = json!(rows);
        if tokens.delta == Delta::Full {
            sent["top"] = json!(blocks.all);
        }
        sent["heldTokens"] = json!(blocks.held_tokens);
        sent["fetchTokens"] = json!(blocks.fetch_tokens);
    }
    sent
}

/// Values by what became of them, and keys that are gone as JSON; `null` for what is not a change by key.
fn changes(delta: &Delta) -> Value {
    let Delta::Changed { added, modified, removed, unchanged } = delta else { return Value::Null };
    json!({ "added": added, "modified": modified, "removed": removed, "unchanged": unchanged })
}

/// An encoding by name; absent: as configured. The facade checks the name.
pub(super) fn encoding(args: &Args, index: usize) -> Result<Option<DeltaEncoding>> {
    Ok(args.get::<Option<String>>(index)?.map(|name| match name.as_str() {
        "blocks" => DeltaEncoding::Blocks,
        _ => DeltaEncoding::Keys,
    }))
}

/// SHA-256 of the canonical JSON (RFC 8785) of a context.
#[napi(catch_unwind)]
pub fn open_hasher(env: &Env) -> napi::Result<Object<'_>> {
    let mut handle = Object::new(env)?;
    method(env, &mut handle, "hash", move |args| hash(columns::read(&args, 0)?))?;
    method(env, &mut handle, "diff", move |args| {
        let (old, next) = (columns::read(&args, 0)?, columns::read(&args, 5)?);
        let work = move || {
            let (old, next) = (Document::from_columns(old)?, Document::from_columns(next)?);
            Ok(changes(&Delta::of(View::whole(&old), View::whole(&next))).to_string())
        };
        spawn(args.env(), work, |json| json)
    })?;
    method(env, &mut handle, "hashAsync", move |args| {
        let columns = columns::read(&args, 0)?;
        spawn(args.env(), move || hash(columns), |hash| hash)
    })?;
    Ok(handle)
}

fn hash(columns: Columns) -> Result<String> {
    let document = Document::from_columns(columns)?;
    Ok(hex(&hash_of(View::whole(&document))))
}

fn place(json: &Value, cwd: &str) -> BlockPlace {
    let text = |name: &str| json[name].as_str().map(str::to_owned);
    BlockPlace {
        cache_dir: text("cacheDir"),
        cwd: cwd.into(),
        namespace: text("namespace"),
        allow_network_file_system: json["allowNetworkFileSystem"].as_bool() == Some(true),
    }
}

/// Most bytes that the references of one message may stand for: what a context's texts can have.
const MAX_RESOLVED_BYTES: usize = 256 << 20;

/// Texts for parts: `[[key, is a string, parts, is only there to be referred to], …]` becomes `{ "texts": [[key, is a string, text], …], "tokens" }`, those of what was fetched.
fn resolve(tokens: &TokenService, asked: &Value, have: HashMap<String, String>) -> Result<String> {
    let mut have: HashMap<TextId, Arc<str>> = have
        .into_iter()
        .filter_map(|(id, text)| Some((id.parse().ok().and_then(TextId::from_number)?, Arc::from(text))))
        .collect();
    let shelf = tokens.shelf();
    let (mut fetched, mut left) = (0, MAX_RESOLVED_BYTES);
    let mut count = |text: &str| fetched += tokens.optimizer().count(text.as_bytes());
    let mut rows = Vec::new();
    for row in asked.as_array().ok_or_else(bad_parts)? {
        let parts = parts(&row[2]).ok_or_else(bad_parts)?;
        let look = |id| have.get(&id).cloned();
        let text = shelf.resolve(&parts, &look, &mut count, left).map_err(unresolved)?;
        left -= text.len();
        // Later values of a message may refer to earlier ones.
        have.insert(TextId::of(&Sha256::digest(text.as_bytes()).into()), Arc::from(text.as_str()));
        // What the message has whole is only there to be referred to.
        if row[3].as_bool() != Some(true) {
            rows.push(json!([row[0], row[1], text]));
        }
    }
    Ok(json!({ "texts": rows, "tokens": fetched }).to_string())
}

/// Parts from their JSON.
fn parts(json: &Value) -> Option<Vec<Part>> {
    let part = |part: &Value| {
        if let Some(text) = part.as_str() {
            return Some(Part::Literal(text.to_owned()));
        }
        let numbers: Vec<u64> = part.as_array()?.iter().map(Value::as_u64).collect::<Option<_>>()?;
        let (text, start, len, is_whole) = match numbers[..] {
            [text] => (text, 0, 0, true),
            [text, start, len] => (text, start, len, false),
            _ => return None,
        };
        let (start, len) = (usize::try_from(start).ok()?, usize::try_from(len).ok()?);
        let range = Range { text: TextId::from_number(text)?, start, len };
        Some(Part::Known { range, is_whole, is_held: false })
    };
    json.as_array()?.iter().map(part).collect()
}

fn bad_parts() -> Error {
    Error::new(
        ErrorKind::InvalidArgument,
        "not parts of texts: strings and [text] or [text, first byte, bytes]",
    )
}

fn unresolved(problem: Unresolved) -> Error {
    match problem {
        Unresolved::Missing(id) => Error::new(
            ErrorKind::ReferenceUnknown,
            format!(
                "the text {id} is not in the project's store, or has no such range; reset the agent and send in full"
            ),
        ),
        Unresolved::TooLong => Error::new(
            ErrorKind::InvalidArgument,
            format!("the references stand for more than {MAX_RESOLVED_BYTES} bytes"),
        ),
    }
}
