//! Token counts by themselves, and the exports by which tests see what a panic does.

use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;
use serde_json::json;

use super::call::{encode, guard, spawn};
use crate::base::error::{Error, ErrorKind, Result};
use crate::tokens::prices::Prices;
use crate::tokens::{Encoding, models};

/// Exact number of tokens of `text`.
#[napi(catch_unwind)]
pub fn count_tokens(text: String, encoding: String) -> napi::Result<u32> {
    guard(|| count(&text, &encoding))
}

/// The same off the JavaScript thread.
#[napi(catch_unwind)]
pub fn count_tokens_async(
    env: &Env,
    text: String,
    encoding: String,
) -> napi::Result<PromiseRaw<'static, u32>> {
    spawn(env, move || count(&text, &encoding), |tokens| tokens).map_err(|error| encode(&error))
}

/// JSON of what is known of a model: its encoding, whether that is its own, its context window.
#[napi(catch_unwind)]
pub fn model_of(name: String) -> napi::Result<String> {
    guard(|| {
        let model = models::find(&name);
        let price = Prices::default().find(&name);
        Ok(json!({
            "name": model.name,
            "encoding": model.encoding.name(),
            "isExact": model.is_exact,
            "contextWindow": model.context_window,
            "price": price.map(|price| json!({
                "input": price.input,
                "cachedRead": price.cached_read,
                "cacheWrite": price.cache_write,
                "output": price.output,
                "asOf": price.as_of,
                "source": price.source,
            })),
        })
        .to_string())
    })
}

/// Panics. For the test that a panic becomes an error.
#[napi(catch_unwind)]
pub fn panic_for_test() -> napi::Result<()> {
    guard(test_panic)
}

/// Panics on the thread pool. For the same test.
#[napi(catch_unwind)]
pub fn panic_for_test_async(env: &Env) -> napi::Result<PromiseRaw<'static, ()>> {
    spawn(env, test_panic, |()| ()).map_err(|error| encode(&error))
}

#[expect(clippy::panic, reason = "what it is for")]
fn test_panic() -> Result<()> {
    panic!("asked for by a test")
}

fn count(text: &str, encoding: &str) -> Result<u32> {
    let found = Encoding::from_name(encoding).ok_or_else(|| {
        let known: Vec<_> = Encoding::ALL.iter().map(|encoding| encoding.name()).collect();
        Error::new(
            ErrorKind::InvalidArgument,
            format!("unknown encoding {encoding:?}; known: {}", known.join(", ")),
        )
    })?;
    Ok(u32::try_from(found.tokenizer().count(text)).unwrap_or(u32::MAX))
}
