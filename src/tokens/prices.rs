//! What tokens cost: dated prices in USD per million tokens, by model.
//!
//! The built-in rows ([`PRICES`]) are what the providers listed in public on the date of each row. Prices change: a row
//! is a starting point to be checked, not a bill, and a user's own table goes before it. A model without a row has no
//! price, and then there is no cost: never 0. Discounts for batches, surcharges for long prompts, and fees for keeping a
//! cache are left out.

mod table;

use jiff::civil::Date;
use serde_json::{Map, Value};

use super::models;
use crate::base::config::{Number, Origin, Problems, Section, Text};
use crate::base::error::Result;

pub use table::{PRICES, Row};

/// Most rows of a user's own table.
pub const MAX_ROWS: usize = 1_000;

/// Highest price that is accepted, USD per million tokens: a hundred times the dearest model's. Beyond it somebody
/// gave the price of a billion, or cents.
pub const MAX_USD: f64 = 100_000.0;

const USD_PER_MILLION: Number = Number::real(0.0, MAX_USD, "USD per million tokens");

/// Prices of one model, in USD per million tokens.
#[derive(Debug, Clone, PartialEq)]
pub struct Price {
    /// Prompt tokens that no cache is involved with.
    pub input: f64,
    /// Prompt tokens that the provider's prompt cache had.
    pub cached_read: f64,
    /// Prompt tokens that the provider's prompt cache took in; the input price where that costs nothing more.
    pub cache_write: f64,
    /// Generated tokens.
    pub output: f64,
    /// When the prices were listed so, `YYYY-MM-DD`.
    pub as_of: String,
    /// Where they were listed; empty if the user's table does not say.
    pub source: String,
}

/// Picodollars, 10⁻¹² USD: exact sums of costs, whatever their order. A price of one USD per million tokens is a million
/// of them per token, so prices count to a millionth of a dollar.
pub type Picodollars = i128;

impl Price {
    /// Cost of prompt tokens of which `cached` come from the provider's prompt cache and the others go into it.
    pub fn prompt(&self, tokens: u64, cached: u64) -> Picodollars {
        let cached = cached.min(tokens);
        cost(self.cached_read, cached) + cost(self.cache_write, tokens - cached)
    }

    /// Cost of a call as the provider reports it; `read` and `written` are parts of `prompt`.
    pub fn call(&self, prompt: u64, read: u64, written: u64, output: u64) -> Picodollars {
        let read = read.min(prompt);
        let written = written.min(prompt - read);
        cost(self.cached_read, read)
            + cost(self.cache_write, written)
            + cost(self.input, prompt - read - written)
            + cost(self.output, output)
    }
}

/// `usd` is per million tokens.
#[expect(clippy::cast_possible_truncation, reason = "prices are checked to be within 0 and 100,000 USD")]
fn cost(usd: f64, tokens: u64) -> Picodollars {
    (usd * 1e6).round() as Picodollars * Picodollars::from(tokens)
}

/// Picodollars as USD.
pub fn usd(cost: Picodollars) -> f64 {
    cost as f64 / 1e12
}

/// The built-in prices under a user's own.
///
/// ```
/// use agentwise_optimization::tokens::prices::Prices;
/// use serde_json::json;
///
/// assert!(Prices::default().find("openai/gpt-4o-2024-08-06").is_some());
/// assert!(Prices::default().find("my-model").is_none());
/// let own = json!({ "my-model": { "input": 1.0, "output": 4.0, "asOf": "2026-01-31" } });
/// let prices = Prices::with("prices", &own)?;
/// assert_eq!(prices.find("my-model").map(|price| price.as_of), Some("2026-01-31".to_owned()));
/// # Ok::<(), agentwise_optimization::base::error::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Prices {
    /// By normalized name.
    own: Vec<(String, Price)>,
}

impl Prices {
    /// The built-in prices and, before them, those of `table`: an object with one object for each model, for example
    /// `{ "my-model": { "input": 1, "cachedRead": 0.1, "cacheWrite": 1.25, "output": 4, "asOf": "2026-01-31", "source": "…" } }`.
    ///
    /// `input`, `output` and `asOf` are required; `cachedRead` and `cacheWrite` are the input price when absent, `source` may
    /// be left out. A name stands for the model and its dated releases, as in the built-in table. `path` is where the
    /// table stands, for messages.
    ///
    /// # Errors
    /// `E_CONFIG_INVALID` with every problem.
    pub fn with(path: &str, table: &Value) -> Result<Self> {
        let mut problems = Problems::new(Origin::Code);
        let prices = if let Some(rows) = table.as_object() {
            Self::read(path, rows, &mut problems)
        } else {
            problems.add(path, "must be an object with one object for each model");
            Self::default()
        };
        problems.into_result().map(|()| prices)
    }

    /// The same of the rows of such a table; `problems` has what is wrong with them.
    pub fn read(path: &str, rows: &Map<String, Value>, problems: &mut Problems) -> Self {
        let mut own: Vec<(String, Price)> = Vec::new();
        if rows.len() > MAX_ROWS {
            problems.add(path, format!("must have at most {MAX_ROWS} models, got {}", rows.len()));
            return Self { own };
        }
        for (name, row) in rows {
            let shown: String = name.chars().take(60).collect();
            let row_path = Section::path_of(path, &shown);
            let normalized = models::normalized(name);
            if normalized.is_empty() {
                problems.add(&row_path, "must be the name of a model");
            } else if own.iter().any(|(known, _)| *known == normalized) {
                problems.add(&row_path, format!("stands twice, as another spelling of \"{normalized}\""));
            }
            own.push((normalized, read_row(&row_path, row, problems)));
        }
        Self { own }
    }

    /// The prices of a model, of the user's table if it has the model. `None`: not known, which is not free. O(rows).
    pub fn find(&self, model: &str) -> Option<Price> {
        let name = models::normalized(model);
        let fits = |pattern: &str| models::is_release_of(pattern, &name);
        let own = models::longest(self.own.iter().map(|(pattern, price)| (pattern.as_str(), price)), fits);
        own.cloned().or_else(|| {
            models::longest(PRICES.iter().map(|row| (row.pattern, row)), fits).map(|row| Price {
                input: row.input,
                cached_read: row.cached_read,
                cache_write: row.cache_write,
                output: row.output,
                as_of: row.as_of.to_owned(),
                source: row.source.to_owned(),
            })
        })
    }
}

fn read_row(path: &str, row: &Value, problems: &mut Problems) -> Price {
    let mut price = Price {
        input: 0.0,
        cached_read: f64::NAN,
        cache_write: f64::NAN,
        output: 0.0,
        as_of: String::new(),
        source: String::new(),
    };
    let (mut as_of, mut source) = (None, None);
    Section::read(path, row, problems, |section| {
        section.number("input", USD_PER_MILLION, &mut price.input);
        section.require("input");
        section.number("cachedRead", USD_PER_MILLION, &mut price.cached_read);
        section.number("cacheWrite", USD_PER_MILLION, &mut price.cache_write);
        section.number("output", USD_PER_MILLION, &mut price.output);
        section.require("output");
        section.text("asOf", Text::Any, &mut as_of);
        section.require("asOf");
        section.text("source", Text::Any, &mut source);
    });
    if let Some(date) = as_of {
        if !is_date(&date) {
            let shown: String = date.chars().take(60).collect();
            let path = Section::path_of(path, "asOf");
            problems.add(&path, format!("must be a date as YYYY-MM-DD, got \"{shown}\""));
        }
        price.as_of = date;
    }
    for absent in [&mut price.cached_read, &mut price.cache_write] {
        if absent.is_nan() {
            *absent = price.input;
        }
    }
    price.source = source.unwrap_or_default();
    price
}

/// A day of the calendar, written `YYYY-MM-DD`.
fn is_date(text: &str) -> bool {
    text.parse::<Date>().is_ok_and(|date| date.to_string() == text)
}

#[cfg(test)]
mod tests;
