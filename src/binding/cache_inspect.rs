//! Looking into a cache, checking it, giving room back: long calls on Node's pool.

use std::collections::BTreeSet;
use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::{JsValue, Object};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::json;

use super::cache::{CacheView, scope, whole};
use super::cache_upkeep::{Detached, layer};
use super::call::{method, spawn};
use super::jobs::Jobs;
use super::text::marked;
use crate::base::error::{Error, ErrorKind, Result};
use crate::cache::inspect::{Cursor, EntryFilter, Walk};
use crate::cache::{CacheManager, Namespace};

/// A filter as the facade gives it; it checked the types.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct Given {
    prefixes: Vec<String>,
    queries: BTreeSet<String>,
    layer: Option<String>,
    tag: Option<String>,
    agent_id: Option<String>,
    model: Option<String>,
    all_namespaces: bool,
}

impl Given {
    fn read(json: &str) -> Result<Self> {
        serde_json::from_str(json)
            .map_err(|error| Error::new(ErrorKind::InvalidArgument, format!("not a filter: {error}")))
    }

    fn filter(self, namespace: Namespace) -> Result<EntryFilter> {
        Ok(EntryFilter {
            namespace: (!self.all_namespaces).then_some(namespace),
            prefixes: self.prefixes,
            queries: self.queries,
            layer: layer(self.layer.as_deref())?,
            tag: self.tag,
            agent_id: self.agent_id,
            model: self.model,
        })
    }
}

/// A list before and after its first page was asked for.
enum Reading {
    Wanted(Given, Option<Cursor>),
    Begun(Walk),
    /// A page is being read, or it ended by a failure.
    Away,
}

fn walk<'env>(
    env: &'env Env,
    view: &CacheView,
    given: Given,
    after: Option<Cursor>,
) -> napi::Result<Object<'env>> {
    let (view, reading) = (view.clone(), Arc::new(Mutex::new(Reading::Wanted(given, after))));
    let mut object = Object::new(env)?;
    method(env, &mut object, "next", move |args| {
        let (view, reading) = (view.clone(), Arc::clone(&reading));
        let most = usize::try_from(whole(args.get(0)?)).unwrap_or(usize::MAX);
        let run = move || {
            let (open, namespace) = view.open().ok_or_else(CacheManager::closed)?;
            let cache = open.manager();
            let taken = std::mem::replace(&mut *reading.lock(), Reading::Away);
            let mut walk = match taken {
                Reading::Wanted(given, after) => cache.walk(given.filter(namespace)?, after)?,
                Reading::Begun(walk) => walk,
                Reading::Away => return Ok(None),
            };
            let page = cache.next_entries(&mut walk, most)?;
            *reading.lock() = Reading::Begun(walk);
            Ok(page.map(|page| json!(page).to_string()))
        };
        spawn(args.env(), run, |page| page)
    })?;
    Ok(object)
}

pub(super) fn add_inspect(env: &Env, handle: &mut Object, view: &CacheView) -> napi::Result<()> {
    add_lists(env, handle, view)?;
    add_whole(env, handle, view)
}

fn add_lists(env: &Env, handle: &mut Object, view: &CacheView) -> napi::Result<()> {
    let shared = view.clone();
    // A list that is being read: an object with `next`, whose pages are JSON, `null` at the end.
    method(env, handle, "walk", move |args| {
        let (given, after): (String, Option<String>) = (args.get(0)?, args.get(1)?);
        let (given, after) = (Given::read(&given)?, after.as_deref().map(cursor).transpose()?);
        walk(args.env(), &shared, given, after)
            .map(|made| Detached(made.raw()))
            .map_err(|error| Error::new(ErrorKind::Internal, error.reason.clone()))
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
            Ok(open
                .manager()
                .remove_entries(Given::read(&wanted)?.filter(namespace)?, job.watch())?
                .to_string())
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
