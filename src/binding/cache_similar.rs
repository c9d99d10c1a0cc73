//! Lookups in a namespace that may be answered by the value of another query.

use napi::Env;
use napi::bindgen_prelude::{Float32Array, Object};
use serde::Serialize;

use super::cache::{CacheView, scope};
use super::call::{method, spawn};
use super::text::Reply;
use crate::cache::similar::rounded;
use crate::cache::{CacheManager, Close, Keys, Similar};
use crate::similarity::{Reason, Verdict, is_question};

/// Candidates that are near by their vectors.
const MOST_NEAR: usize = 8;

/// A candidate as JavaScript has it, and as `serve` takes it back.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    key: String,
    /// Whether it is the reader's own, or shared.
    is_own: bool,
    similarity: f64,
    tier: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

pub(super) fn add_similar(env: &Env, handle: &mut Object, view: &CacheView) -> napi::Result<()> {
    let shared = view.clone();
    // As `getScoped`; a query that was asked in other words may have the answer, unless the last argument is negative.
    method(env, handle, "seek", move |args| {
        let (query, scope): (String, _) = (args.get(0)?, scope(&args, 1)?);
        let asked = threshold(args.get(4)?);
        let found = shared.keys(&query, &scope, |cache, keys| cache.seek(&keys, asked.of(cache)));
        Ok(found.map_or(Reply::Miss, Reply::from))
    })?;
    let shared = view.clone();
    method(env, handle, "search", move |args| {
        let (view, query, scope): (_, String, _) = (shared.clone(), args.get(0)?, scope(&args, 1)?);
        let asked = threshold(args.get(4)?);
        let work = move || {
            Ok(view.keys(&query, &scope, |cache, keys| cache.search(&keys, asked.of(cache))).flatten())
        };
        spawn(args.env(), work, |found| found.map_or(Reply::Miss, |answer| Reply::Found(answer.hit.record)))
    })?;
    let shared = view.clone();
    // JSON of a `Lookup`; whether it explains, whether a miss is counted.
    method(env, handle, "lookup", move |args| {
        let (view, query, scope): (_, String, _) = (shared.clone(), args.get(0)?, scope(&args, 1)?);
        let (asked, explains, counts) = (threshold(args.get(4)?), args.get(5)?, args.get(6)?);
        let work = move || {
            let found = view
                .keys(&query, &scope, |cache, keys| cache.look_up(&keys, asked.of(cache), explains, counts));
            Ok(found.map(|found| serde_json::json!(found).to_string()))
        };
        spawn(args.env(), work, |found| found)
    })?;
    add_plug_ins(env, handle, view)
}

/// What a lookup consists of where functions of the user decide.
fn add_plug_ins(env: &Env, handle: &mut Object, view: &CacheView) -> napi::Result<()> {
    let shared = view.clone();
    // JSON of the candidates by words.
    method(env, handle, "candidates", move |args| {
        let (view, query, scope): (_, String, _) = (shared.clone(), args.get(0)?, scope(&args, 1)?);
        let (asked, explains) = (threshold(args.get(4)?), args.get(5)?);
        let work = move || {
            let found = view.keys(&query, &scope, |cache, keys| {
                told(&keys, cache.candidates(&keys, asked.of(cache), explains))
            });
            Ok(found.unwrap_or_else(|| "[]".to_owned()))
        };
        spawn(args.env(), work, |found| found)
    })?;
    let shared = view.clone();
    // JSON of the candidates by vectors.
    method(env, handle, "near", move |args| {
        let (view, query, scope): (_, String, _) = (shared.clone(), args.get(0)?, scope(&args, 1)?);
        let (model, vector) = (args.get::<String>(4)?, args.get::<Float32Array>(5)?.to_vec());
        #[expect(clippy::cast_possible_truncation, reason = "a cosine")]
        let least = args.get::<f64>(6)? as f32;
        let work = move || {
            let found = view.keys(&query, &scope, |cache, keys| {
                let near = cache.near(&keys, &model, &vector, MOST_NEAR, least)?;
                let reason = |similar: &Similar| similar.verdict.refusal.map(Reason::name);
                let close = near.into_iter().map(|similar| Close { reason: reason(&similar), similar });
                Ok(told(&keys, close.collect()))
            });
            Ok(found.transpose()?.unwrap_or_else(|| "[]".to_owned()))
        };
        spawn(args.env(), work, |found| found)
    })?;
    let shared = view.clone();
    // JSON of a `Lookup`; `null`: the entry is gone.
    method(env, handle, "serve", move |args| {
        let (view, query, scope): (_, String, _) = (shared.clone(), args.get(0)?, scope(&args, 1)?);
        let (source, is_own): (String, bool) = (args.get(4)?, args.get(5)?);
        #[expect(clippy::cast_possible_truncation, reason = "a similarity")]
        let (similarity, tier) = (args.get::<f64>(6)? as f32, args.get::<String>(7)?);
        let work = move || {
            let found = view.keys(&query, &scope, |cache, keys| {
                let key = keys.of_query(&source, is_own)?;
                let verdict = Verdict { score: similarity, refusal: None, is_same: tier == "normalized" };
                let lookup =
                    cache.serve(&keys, Similar { key, source, verdict, is_near: tier == "semantic" })?;
                Some(serde_json::json!(lookup).to_string())
            });
            Ok(found.flatten())
        };
        spawn(args.env(), work, |found| found)
    })?;
    let shared = view.clone();
    method(env, handle, "missed", move |args| {
        let (query, scope): (String, _) = (args.get(0)?, scope(&args, 1)?);
        let asked = threshold(args.get(4)?);
        shared.keys(&query, &scope, |cache, keys| cache.missed(&keys, asked.of(cache)));
        Ok(())
    })?;
    add_vectors(env, handle, view)
}

fn add_vectors(env: &Env, handle: &mut Object, view: &CacheView) -> napi::Result<()> {
    let shared = view.clone();
    method(env, handle, "useVectors", move |args| {
        let model: String = args.get(0)?;
        if let Some(open) = shared.cache() {
            open.manager().use_vectors(&model);
        }
        Ok(())
    })?;
    let shared = view.clone();
    // Whether other queries may be served for it.
    method(env, handle, "isOpen", move |args| {
        let query: String = args.get(0)?;
        let is_on = shared.ask(|cache| Some(cache.is_similarity_on())).unwrap_or(false);
        Ok(is_on && is_question(&query))
    })?;
    let shared = view.clone();
    // Whether a key should have a vector and has none.
    method(env, handle, "needsVector", move |args| {
        let (query, scope, model): (String, _, String) = (args.get(0)?, scope(&args, 1)?, args.get(4)?);
        let needs = shared.keys(&query, &scope, |cache, keys| {
            is_question(&query) && cache.is_similarity_on() && !cache.has_vector(keys.to_store(), &model)
        });
        Ok(needs.unwrap_or(false))
    })?;
    let shared = view.clone();
    method(env, handle, "keepVector", move |args| {
        let (view, query, scope): (_, String, _) = (shared.clone(), args.get(0)?, scope(&args, 1)?);
        let (model, vector) = (args.get::<String>(4)?, args.get::<Float32Array>(5)?.to_vec());
        let work = move || {
            let kept =
                view.keys(&query, &scope, |cache, keys| cache.keep_vector(keys.to_store(), &model, &vector));
            kept.unwrap_or(Ok(()))
        };
        spawn(args.env(), work, |()| true)
    })
}

/// JSON of [`Told`].
fn told(keys: &Keys, close: Vec<Close>) -> String {
    let told = close.into_iter().map(|Close { similar, reason }| Told {
        is_own: keys.is_own(&similar.key),
        similarity: rounded(similar.verdict.score),
        tier: similar.tier(),
        key: similar.source,
        reason,
    });
    serde_json::json!(told.collect::<Vec<_>>()).to_string()
}

/// From which similarity on another query's answer is asked for.
#[derive(Clone, Copy)]
enum Asked {
    AsConfigured,
    Never,
    From(f32),
}

impl Asked {
    fn of(self, cache: &CacheManager) -> Option<f32> {
        match self {
            Self::AsConfigured => cache.similarity_threshold(),
            Self::Never => None,
            Self::From(threshold) => cache.similarity_threshold().map(|_| threshold),
        }
    }
}

/// Absent: as configured; negative: never.
fn threshold(given: Option<f64>) -> Asked {
    match given {
        None => Asked::AsConfigured,
        Some(threshold) if threshold < 0.0 => Asked::Never,
        #[expect(clippy::cast_possible_truncation, reason = "a share")]
        Some(threshold) => Asked::From(threshold as f32),
    }
}
