//! A cache: what `AdvancedCacheManager`, its namespaces and systems of `js/` hold.
//!
//! A handle answers for one namespace. What memory knows is answered at once; what needs the disk runs on Node's pool.
//! `cache_similar` asks in other words, `cache_upkeep` has what is not about single entries.

use std::sync::{Arc, OnceLock};

use napi::Env;
use napi::bindgen_prelude::Object;
use serde_json::json;

use super::cache_inspect::add_inspect;
use super::cache_similar::add_similar;
use super::cache_upkeep::add_upkeep;
use super::call::{Args, method, spawn};
use super::hot::add_hot;
use super::text::{Reply, marked};
use crate::base::error::Result;
use crate::cache::flight::Turn;
use crate::cache::{CacheManager, Hit, Key, Keys, Kind, Namespace, OpenCache, Scope, SlotId, Terms};

/// Where a handle finds its cache; `None` when it is off or closed, and then every question has a harmless answer.
pub(super) type Source = Arc<dyn Fn() -> Option<Arc<OpenCache>> + Send + Sync>;

/// One namespace of a cache.
#[derive(Clone)]
pub(super) struct CacheView {
    source: Source,
    /// The cache itself where the source has always the same: saves the hot path a count of references.
    own: Option<Arc<OpenCache>>,
    /// Names below the cache's root.
    path: Vec<String>,
    /// What depends on the root, which the first cache that the source has decides.
    names: OnceLock<(Namespace, Box<[u8]>)>,
}

impl CacheView {
    /// The root of what `source` has.
    pub(super) fn root(source: Source) -> Self {
        Self { source, own: None, path: Vec::new(), names: OnceLock::new() }
    }

    /// The root of a cache that `source` has until it is closed.
    pub(super) fn of(own: Arc<OpenCache>, source: Source) -> Self {
        Self { own: Some(own), ..Self::root(source) }
    }

    /// The namespace `name` below this one.
    pub(super) fn child(&self, name: String) -> Self {
        let path = self.path.iter().cloned().chain([name]).collect();
        Self { source: Arc::clone(&self.source), own: self.own.clone(), path, names: OnceLock::new() }
    }

    /// The cache.
    pub(super) fn cache(&self) -> Option<Arc<OpenCache>> {
        (self.source)()
    }

    /// Asks the cache, if it is open.
    pub(super) fn ask<T>(&self, work: impl FnOnce(&CacheManager) -> Option<T>) -> Option<T> {
        match &self.own {
            Some(own) if own.is_open() => work(own.manager()),
            Some(_) => None,
            None => work(self.cache()?.manager()),
        }
    }

    /// The cache and this namespace of it.
    pub(super) fn open(&self) -> Option<(Arc<OpenCache>, Namespace)> {
        let open = (self.source)()?;
        Some((open, self.names()?.0.clone()))
    }

    /// What the bytes of all keys without agent, model and system prompt begin with; empty without a cache.
    pub(super) fn key_start(&self) -> &[u8] {
        self.names().map_or(&[], |names| &names.1)
    }

    fn names(&self) -> Option<&(Namespace, Box<[u8]>)> {
        if let Some(names) = self.names.get() {
            return Some(names);
        }
        let root = (self.source)()?.manager().namespace().clone();
        let namespace = self.path.iter().fold(root, |namespace, name| namespace.child(name));
        let start = Key::new(&namespace, &Scope::default(), "").bytes;
        Some(self.names.get_or_init(|| (namespace, start)))
    }

    /// Runs `work` with the cache and the keys of a query.
    pub(super) fn keys<T>(
        &self,
        query: &str,
        scope: &Scope,
        work: impl FnOnce(&Arc<CacheManager>, Keys) -> T,
    ) -> Option<T> {
        let open = (self.source)()?;
        Some(work(open.manager(), Keys::new(&self.names()?.0, scope, query)))
    }
}

/// The handle of a namespace.
pub(super) fn handle<'env>(env: &'env Env, view: &CacheView) -> napi::Result<Object<'env>> {
    let mut handle = Object::new(env)?;
    add_hot(env, &mut handle, view)?;
    add_memory(env, &mut handle, view)?;
    add_disk(env, &mut handle, view)?;
    add_similar(env, &mut handle, view)?;
    add_flight(env, &mut handle, view)?;
    add_upkeep(env, &mut handle, view)?;
    add_inspect(env, &mut handle, view)?;
    Ok(handle)
}

/// Queries that memory answers, and storing.
fn add_memory(env: &Env, handle: &mut Object, view: &CacheView) -> napi::Result<()> {
    let shared = view.clone();
    method(env, handle, "getScoped", move |args| {
        let query: String = args.get(0)?;
        let found = shared.keys(&query, &scope(&args, 1)?, |cache, keys| cache.peek(&keys, false));
        Ok(found.map_or(Reply::Miss, Reply::from))
    })?;
    let shared = view.clone();
    method(env, handle, "has", move |args| {
        let query: String = args.get(0)?;
        let known = shared.keys(&query, &scope(&args, 1)?, |cache, keys| cache.peek_has(&keys));
        Ok(known.unwrap_or(Some(false)))
    })?;
    let shared = view.clone();
    // `[slot, seq]` of the entry in L1, for `touch`.
    method(env, handle, "place", move |args| {
        let query: String = args.get(0)?;
        let id = shared.keys(&query, &scope(&args, 1)?, |cache, keys| cache.place(&keys)).flatten();
        Ok(id.map(|id| vec![f64::from(id.slot), id.seq as f64]))
    })?;
    let shared = view.clone();
    method(env, handle, "isLive", move |args| {
        let id = SlotId { slot: args.get(0)?, seq: whole(args.get(1)?) };
        Ok(shared.cache().is_some_and(|open| open.manager().is_live(id)))
    })?;
    let shared = view.clone();
    // Refuses a value and key of so many bytes if they are too large.
    method(env, handle, "checkSize", move |args| {
        let bytes = whole(args.get(0)?);
        shared.cache().map_or(Ok(()), |open| open.manager().check_bytes(bytes))
    })?;
    let shared = view.clone();
    method(env, handle, "set", move |args| {
        let (query, text, is_text): (String, String, bool) = (args.get(0)?, args.get(1)?, args.get(2)?);
        let (terms, scope) = (terms(&args, 3)?, scope(&args, 8)?);
        let kind = if is_text { Kind::Text } else { Kind::Json };
        // From `stamp`: stored only if the key has not changed since.
        let stamp = args.get::<Option<String>>(11)?.and_then(|stamp| stamp.parse().ok());
        let stored = shared.keys(&query, &scope, |cache, keys| {
            cache.set_if(keys.to_store(), text.into_boxed_str(), kind, terms, stamp)
        });
        Ok(stored.transpose()?.is_some_and(|stored| stored.is_crowded))
    })
}

/// Queries that ask the disk.
fn add_disk(env: &Env, handle: &mut Object, view: &CacheView) -> napi::Result<()> {
    let shared = view.clone();
    method(env, handle, "find", move |args| {
        let (view, query, scope): (_, String, _) = (shared.clone(), args.get(0)?, scope(&args, 1)?);
        let work = move || Ok(view.keys(&query, &scope, |cache, keys| cache.find(&keys, false)).flatten());
        spawn(args.env(), work, |hit| hit.map_or(Reply::Miss, |hit| Reply::Found(hit.record)))
    })?;
    let shared = view.clone();
    method(env, handle, "findMany", move |args| {
        let (view, queries, scope): (_, Vec<String>, _) = (shared.clone(), args.get(0)?, scope(&args, 1)?);
        let work = move || {
            let find =
                |query: &String| view.keys(query, &scope, |cache, keys| cache.find(&keys, false)).flatten();
            Ok(queries.iter().map(find).collect::<Vec<_>>())
        };
        let finish = |found: Vec<Option<Hit>>| -> Vec<Reply> {
            found.into_iter().map(|hit| hit.map_or(Reply::Miss, |hit| Reply::Found(hit.record))).collect()
        };
        spawn(args.env(), work, finish)
    })?;
    let shared = view.clone();
    method(env, handle, "isThere", move |args| {
        let (view, query, scope): (_, String, _) = (shared.clone(), args.get(0)?, scope(&args, 1)?);
        let work = move || Ok(view.keys(&query, &scope, |cache, keys| cache.has(&keys)).unwrap_or(false));
        spawn(args.env(), work, |is_there| is_there)
    })?;
    let shared = view.clone();
    method(env, handle, "delete", move |args| {
        let (view, query, scope): (_, String, _) = (shared.clone(), args.get(0)?, scope(&args, 1)?);
        let work = move || {
            let deleted = view.keys(&query, &scope, |cache, keys| cache.delete(&keys));
            Ok(deleted.transpose()?.unwrap_or(false))
        };
        spawn(args.env(), work, |was_there| was_there)
    })?;
    let shared = view.clone();
    method(env, handle, "deleteByTag", move |args| {
        let (view, tags): (_, Vec<String>) = (shared.clone(), args.get(0)?);
        let work = move || {
            let tags: Vec<Box<str>> = tags.into_iter().map(Into::into).collect();
            let deleted =
                view.open().map(|(open, namespace)| open.manager().delete_by_tag(&namespace, &tags));
            Ok(deleted.transpose()?.unwrap_or(0))
        };
        spawn(args.env(), work, |deleted| deleted as f64)
    })
}

/// `getOrCompute`.
fn add_flight(env: &Env, handle: &mut Object, view: &CacheView) -> napi::Result<()> {
    let shared = view.clone();
    // JSON `{ turn, text?, token?, until?, stale?: { text, forMs } }`. A token goes beyond 2^53 and is text.
    method(env, handle, "acquire", move |args| {
        let (view, query): (_, String) = (shared.clone(), args.get(0)?);
        let (lease_ms, is_forced, scope) = (whole(args.get(1)?), args.get::<bool>(2)?, scope(&args, 3)?);
        let work = move || {
            let asked = view.keys(&query, &scope, |cache, keys| cache.acquire(&keys, lease_ms, is_forced));
            let (turn, stale) = asked.unwrap_or((Turn::Anybody, None));
            let mut answer = match turn {
                Turn::Found(hit) => json!({ "turn": "found", "text": marked(&hit.record) }),
                Turn::Mine(token) => json!({ "turn": "mine", "token": token.to_string() }),
                Turn::Theirs(until) => json!({ "turn": "theirs", "until": until }),
                Turn::Anybody => json!({ "turn": "anybody" }),
            };
            if let Some(hit) = stale {
                answer["stale"] = json!({ "text": marked(&hit.record), "forMs": hit.stale_for_ms });
            }
            Ok(answer.to_string())
        };
        spawn(args.env(), work, |answer| answer)
    })?;
    let shared = view.clone();
    method(env, handle, "renew", move |args| {
        let (view, query, token): (_, String, _) = (shared.clone(), args.get(0)?, token(&args, 1)?);
        let (lease_ms, scope) = (whole(args.get(2)?), scope(&args, 3)?);
        let work = move || {
            let renewed =
                view.keys(&query, &scope, |cache, keys| cache.renew(keys.to_store(), token, lease_ms));
            Ok(renewed.unwrap_or(false))
        };
        spawn(args.env(), work, |is_ours| is_ours)
    })?;
    let shared = view.clone();
    method(env, handle, "release", move |args| {
        let (query, token): (String, _) = (args.get(0)?, token(&args, 1)?);
        shared.keys(&query, &scope(&args, 2)?, |cache, keys| cache.release(keys.to_store(), token));
        Ok(())
    })?;
    let shared = view.clone();
    method(env, handle, "stamp", move |args| {
        let query: String = args.get(0)?;
        let stamp = shared.keys(&query, &scope(&args, 1)?, |cache, keys| cache.stamp(keys.to_store()));
        // Text: it goes beyond 2^53.
        Ok(stamp.unwrap_or(0).to_string())
    })
}

/// `ttlMs`, `staleMs`, `sliding`, `jitter`, `tags` from argument `first` on.
fn terms(args: &Args, first: usize) -> Result<Terms> {
    let tags: Option<Vec<String>> = args.get(first + 4)?;
    Ok(Terms {
        ttl_ms: args.get::<Option<f64>>(first)?.map(whole),
        stale_ms: args.get::<Option<f64>>(first + 1)?.map_or(0, whole),
        sliding: args.get(first + 2)?,
        jitter: args.get(first + 3)?,
        tags: tags.unwrap_or_default().into_iter().map(Into::into).collect(),
    })
}

fn token(args: &Args, at: usize) -> Result<i64> {
    let text: String = args.get(at)?;
    // Only what `acquire` gave comes back; anything else is nobody's token.
    Ok(text.parse().unwrap_or(0))
}

/// `agentId`, `model`, `systemPrompt` from argument `first` on.
pub(super) fn scope(args: &Args, first: usize) -> Result<Scope> {
    Ok(Scope { agent_id: args.get(first)?, model: args.get(first + 1)?, system_prompt: args.get(first + 2)? })
}

/// A number that the facade checked, or one that V8 gave.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative; saturates")]
pub(crate) fn whole(number: f64) -> u64 {
    number as u64
}
