//! Looking into a cache, checking it, giving room back: long calls on Node's pool.

use std::collections::BTreeSet;

use napi::Env;
use napi::bindgen_prelude::Object;
use serde::Deserialize;
use serde_json::json;

use super::cache::{CacheView, scope, whole};
use super::cache_upkeep::layer;
use super::call::{method, spawn};
use super::jobs::Jobs;
use super::text::marked;
use crate::base::error::{Error, ErrorKind, Result};
use crate::cache::inspect::{Cursor, EntryFilter};
use crate::cache::{CacheManager, Namespace};

/// A filter as the facade gives it; it checked the types.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Given {
    prefixes: Vec<String>,
    queries: BTreeSet<String>,
    layer: Option<String>,
    tag: Option<String>,
    agent_id: Option<String>,
    model: Option<String>,
    all_namespaces: bool,
}

fn filter(json: &str, namespace: Namespace) -> Result<EntryFilter> {
    let given: Given = serde_json::from_str(json)
        .map_err(|error| Error::new(ErrorKind::InvalidArgument, format!("not a filter: {error}")))?;
    Ok(EntryFilter {
        namespace: (!given.all_namespaces).then_some(namespace),
        prefixes: given.prefixes,
        queries: given.queries,
        layer: layer(given.layer.as_deref())?,
        tag: given.tag,
        agent_id: given.agent_id,
        model: given.model,
    })
}

pub(super) fn add_inspect(env: &Env, handle: &mut Object, view: &CacheView) -> napi::Result<()> {
    add_lists(env, handle, view)?;
    add_whole(env, handle, view)
}

fn add_lists(env: &Env, handle: &mut Object, view: &CacheView) -> napi::Result<()> {
    let shared = view.clone();
    // JSON `{ entries, cursor }`; the cursor of the last page is null.
    method(env, handle, "entries", move |args| {
        let (view, wanted, after): (_, String, Option<String>) = (shared.clone(), args.get(0)?, args.get(1)?);
        let most = usize::try_from(whole(args.get(2)?)).unwrap_or(usize::MAX);
        let after = after.as_deref().map(cursor).transpose()?;
        let run = move || {
            let (open, namespace) = view.open().ok_or_else(CacheManager::closed)?;
            let (entries, next) = open.manager().entries(&filter(&wanted, namespace)?, after, most)?;
            Ok(json!({ "entries": entries, "cursor": next.map(|next| next.to_string()) }).to_string())
        };
        spawn(args.env(), run, |page| page)
    })?;
    let shared = view.clone();
    // JSON `{ info, text }`, or null.
    method(env, handle, "look", move |args| {
        let (view, query, scope): (_, String, _) = (shared.clone(), args.get(0)?, scope(&args, 1)?);
        let run = move || {
            let found = view.keys(&query, &scope, |cache, keys| cache.look(&keys)).transpose()?.flatten();
            Ok(found.map(|(info, record)| json!({ "info": info, "text": marked(&record) }).to_string()))
        };
        spawn(args.env(), run, |found| found)
    })?;
    let shared = view.clone();
    // The same, of an entry of a list.
    method(env, handle, "lookAgain", move |args| {
        let (view, at) = (shared.clone(), cursor(&args.get::<String>(0)?)?);
        let run = move || {
            let (open, _) = view.open().ok_or_else(CacheManager::closed)?;
            let found = open.manager().look_again(at)?;
            Ok(found.map(|(info, record)| json!({ "info": info, "text": marked(&record) }).to_string()))
        };
        spawn(args.env(), run, |found| found)
    })?;
    let shared = view.clone();
    method(env, handle, "removeEntries", move |args| {
        let (view, wanted, job): (_, String, u32) = (shared.clone(), args.get(0)?, args.get(1)?);
        let run = move || {
            let job = Jobs::begin(job);
            let (open, namespace) = view.open().ok_or_else(CacheManager::closed)?;
            Ok(open.manager().remove_entries(&filter(&wanted, namespace)?, job.watch())?.to_string())
        };
        spawn(args.env(), run, |removed| removed)
    })
}

/// The store as a whole.
fn add_whole(env: &Env, handle: &mut Object, view: &CacheView) -> napi::Result<()> {
    let shared = view.clone();
    method(env, handle, "verify", move |args| {
        let (view, is_dry, job): (_, bool, u32) = (shared.clone(), args.get(0)?, args.get(1)?);
        let run = move || {
            let job = Jobs::begin(job);
            let (open, _) = view.open().ok_or_else(CacheManager::closed)?;
            Ok(json!(open.manager().verify(is_dry, job.watch())?).to_string())
        };
        spawn(args.env(), run, |verified| verified)
    })?;
    let shared = view.clone();
    method(env, handle, "compact", move |args| {
        let (view, job): (_, u32) = (shared.clone(), args.get(0)?);
        let run = move || {
            let job = Jobs::begin(job);
            let (open, _) = view.open().ok_or_else(CacheManager::closed)?;
            Ok(json!(open.manager().compact(job.watch())?).to_string())
        };
        spawn(args.env(), run, |compacted| compacted)
    })
}

fn cursor(text: &str) -> Result<Cursor> {
    Cursor::parse(text).ok_or_else(|| {
        Error::new(
            ErrorKind::InvalidArgument,
            "options.after must be the cursor of an entry that entries() gave",
        )
    })
}
