//! What is planned for several agents, and contexts trimmed to a number of tokens.

use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::Object;
use serde_json::{Value, json};

use super::cache::whole;
use super::call::{method, spawn};
use super::columns;
use super::token_optimizer::Source;
use crate::base::document::Document;
use crate::base::json::{KeyOrder, View};
use crate::orchestrator::token_service::TokenService;
use crate::tokens::common::{Common, Context, Entry};
use crate::tokens::{DEFAULT_ENCODING, schedule, trim};

/// Adds the functions to a handle.
pub(super) fn add(env: &Env, handle: &mut Object, source: &Source) -> napi::Result<()> {
    method(env, handle, "trim", move |args| {
        let (max_tokens, columns) = (whole(args.get::<f64>(0)?), columns::read(&args, 1)?);
        let work = move || {
            let document = Document::from_columns(columns)?;
            let mut text = Vec::new();
            View::whole(&document).write(0, KeyOrder::Insertion, &mut text);
            let text = String::from_utf8(text).expect("invariant: JSON is written from UTF-8");
            let max_tokens = usize::try_from(max_tokens).unwrap_or(usize::MAX);
            Ok(json!(trim::trim(&text, max_tokens, DEFAULT_ENCODING)?).to_string())
        };
        spawn(args.env(), work, |json| json)
    })?;
    method(env, handle, "schedule", move |args| {
        let (agents, tasks) = (args.get::<Vec<String>>(0)?, args.get::<String>(1)?);
        spawn(args.env(), move || Ok(json!(schedule::schedule(&agents, &tasks)?).to_string()), |json| json)
    })?;
    let shared = Arc::clone(source);
    method(env, handle, "common", move |args| {
        let (holder, agents) = (shared()?, args.get::<Vec<String>>(0)?);
        spawn(args.env(), move || Ok(common(holder.tokens(), agents)), |json| json)
    })
}

/// What the last contexts of agents have in common. Values are there where the store of texts has them.
fn common(tokens: &TokenService, agents: Vec<String>) -> String {
    let states = tokens.optimizer().states();
    let mut unknown = Vec::new();
    let mut contexts = Vec::new();
    let mut snapshots = Vec::new();
    for agent in agents {
        let Some(snapshot) = states.last(&agent) else {
            unknown.push(agent);
            continue;
        };
        let entries = snapshot.entries.iter().flatten().map(|entry| {
            let mut hash = [0; 32];
            hash[..16].copy_from_slice(&entry.hash.to_be_bytes());
            Entry { key: entry.key.to_string(), hash, tokens: entry.tokens, bytes: entry.bytes as u64 }
        });
        contexts.push(Context { agent, entries: entries.collect() });
        snapshots.push(snapshot);
    }
    let common = Common::of(&contexts, DEFAULT_ENCODING);
    let shelf = tokens.optimizer().shelf();
    let rows: Vec<Value> = common
        .shared
        .iter()
        .map(|shared| {
            let first = snapshots[shared.agents[0]].entries.as_ref().map(|entries| &entries[shared.entry]);
            let id = first.and_then(|entry| entry.text.get().copied());
            let text = shelf.as_ref().and_then(|shelf| shelf.text(id?).ok());
            let agents: Vec<&str> = shared.agents.iter().map(|&at| contexts[at].agent.as_str()).collect();
            json!({
                "key": shared.key,
                "name": shared.name,
                "group": shared.group,
                "agents": agents,
                "tokens": shared.tokens,
                "bytes": shared.bytes,
                "text": text,
                "isText": first.is_some_and(|entry| entry.is_string),
            })
        })
        .collect();
    let own: Vec<Value> = common
        .own
        .iter()
        .zip(&contexts)
        .map(|(own, context)| {
            let keys: Vec<&str> = own.specific.iter().map(|&at| context.entries[at].key.as_str()).collect();
            let names: Vec<&str> = own.shared.iter().map(|&at| common.shared[at].name.as_str()).collect();
            json!({ "agent": context.agent, "keys": keys, "shared": names })
        })
        .collect();
    json!({ "shared": rows, "own": own, "totals": common.totals, "unknown": unknown }).to_string()
}
