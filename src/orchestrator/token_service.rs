//! The token optimizer with what it needs of others: settings, a clock, and a place for texts; and the ledger of what it
//! saved.
//!
//! Owns the store of texts, which is opened by the first call that wants references.

use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use super::block_store::{BlockPlace, BlockStore};
use super::repeated::{self, Repeated};
use crate::base::clock::Clock;
use crate::base::held::registered;
use crate::base::json::View;
use crate::base::units::mb_to_bytes;
use crate::tokens::blocks::{Shelf, TextStore};
use crate::tokens::calibration::Calibrations;
use crate::tokens::config::TokensConfig;
use crate::tokens::delta::{Delta, Hash};
use crate::tokens::known::{Kept, Known};
use crate::tokens::ledger::{Entry, Ledger, Usage};
use crate::tokens::{DeltaEncoding, Mode, Optimized, SendOptions, TokenOptimizer};

/// What one call asks for beside the settings.
#[derive(Debug, Clone, Default)]
pub struct TokenCall {
    /// How changes are said; `None`: as configured.
    pub encoding: Option<DeltaEncoding>,
    /// Whether it is sent whole.
    pub mode: Mode,
    /// Of the columns that the context was read from.
    pub fingerprint: Option<u128>,
    /// Who reads it; `None`: as configured.
    pub model: Option<String>,
    /// What it is for, in the ledger; `None`: `optimizeContext`.
    pub operation: Option<String>,
    /// The most tokens that could have been sent.
    pub max_tokens: Option<u64>,
    /// Tokens of the context before others took something out of it; `None`: nobody did.
    pub original_tokens: Option<u64>,
    /// Whether the caller books the message itself, when it knows what is really sent.
    pub is_booked_later: bool,
}

/// What contexts are for unless a call says otherwise.
pub const DEFAULT_OPERATION: &str = "optimizeContext";

/// The token optimizer of a system, or by itself.
pub struct TokenService {
    optimizer: TokenOptimizer,
    config: RwLock<TokensConfig>,
    place: RwLock<BlockPlace>,
    store: Mutex<Option<Arc<BlockStore>>>,
    ledger: Arc<Ledger>,
    calibrations: Arc<Calibrations>,
    /// What references would have replaced, while there are none.
    repeated: Repeated,
    clock: Arc<dyn Clock>,
}

impl TokenService {
    /// An optimizer that remembers no agent, whose texts are to be at `place`.
    pub fn new(config: TokensConfig, place: BlockPlace, clock: Arc<dyn Clock>) -> Self {
        Self {
            optimizer: TokenOptimizer::new(),
            ledger: registered(Ledger::new(config.prices())),
            calibrations: registered(Calibrations::new()),
            repeated: Repeated::default(),
            config: RwLock::new(config),
            place: RwLock::new(place),
            store: Mutex::default(),
            clock,
        }
    }

    /// Counts, states and totals.
    pub fn optimizer(&self) -> &TokenOptimizer {
        &self.optimizer
    }

    /// What was saved.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// How the counts of a model's own tokenizer differ from ours.
    pub fn calibrations(&self) -> &Calibrations {
        &self.calibrations
    }

    /// The settings.
    pub fn config(&self) -> TokensConfig {
        self.config.read().clone()
    }

    /// Other settings, and another place for texts, from now on.
    pub fn reconfigure(&self, config: TokensConfig, place: BlockPlace) {
        let is_other = *self.place.read() != place;
        let bytes = |config: &TokensConfig| mb_to_bytes(config.block_index_mb);
        let is_resized = bytes(&self.config.read()) != bytes(&config);
        let mut store = self.store.lock();
        if is_other {
            // What agents hold can still be referred to by text; what they have to fetch is elsewhere now.
            self.optimizer.set_shelf(None);
            if let Some(store) = store.take() {
                // It writes what waits; nobody needs to wait for that.
                let closing = Arc::clone(&store);
                let thread = std::thread::Builder::new().name("agentwise-blocks".to_owned());
                if self.clock.is_driven() || thread.spawn(move || closing.close()).is_err() {
                    store.close();
                }
            }
        } else if let Some(store) = &*store {
            store.reconfigure(&place, &config);
            if is_resized {
                self.optimizer.set_shelf(Some(shelf_of(store, &config)));
            }
        }
        if self.config.read().prices != config.prices {
            self.ledger.set_prices(config.prices());
        }
        if self.config.read().encoding != config.encoding {
            self.repeated.reset();
        }
        *self.config.write() = config;
        *self.place.write() = place;
    }

    /// How much of the text that was sent in whole values had been sent before.
    pub(super) fn repeated(&self) -> repeated::Counts {
        self.repeated.counts()
    }

    /// What to send for a context read from the same columns as the agent's last one; `None` if it is not the same.
    pub fn unchanged(&self, agent_id: &str, call: &TokenCall) -> Option<Optimized> {
        let done = self.optimizer.unchanged(agent_id, &self.options(call))?;
        Some(self.booked(agent_id, call, done))
    }

    /// The same for a context that was measured before.
    pub fn unchanged_kept(&self, agent_id: &str, call: &TokenCall, kept: &Kept) -> Option<Optimized> {
        let done = self.optimizer.unchanged_kept(agent_id, &self.options(call), kept)?;
        Some(self.booked(agent_id, call, done))
    }

    /// Makes `filtered` the agent's context and says what to send. Blocks on the disk if references are wanted. What is known of
    /// the context is not found out again.
    pub fn optimize(
        &self,
        agent_id: &str,
        original: View<'_>,
        filtered: View<'_>,
        call: &TokenCall,
        known: &Known,
    ) -> Optimized {
        let options = self.options(call);
        if options.encoding == DeltaEncoding::Blocks {
            self.shelf();
        }
        let done = self.optimizer.optimize(agent_id, original, filtered, &options, known);
        if options.encoding == DeltaEncoding::Keys {
            self.repeated.sent(filtered, &done.delta);
        }
        self.booked(agent_id, call, done)
    }

    /// Books a message; one that names no model, on the configured one.
    pub fn book(&self, entry: &Entry<'_>) {
        let configured = self.config.read().model.clone();
        self.ledger.record(&Entry { model: entry.model.or(configured.as_deref()), ..*entry });
    }

    /// Books a message, and charges what a receiver has to fetch of it.
    fn booked(&self, agent_id: &str, call: &TokenCall, mut done: Optimized) -> Optimized {
        if let Some(tokens) = call.original_tokens {
            done.original_tokens = tokens;
        }
        if call.is_booked_later {
            return done;
        }
        let (held, fetched) = held_and_fetched(&done);
        self.book(&Entry {
            agent: agent_id,
            operation: call.operation.as_deref().unwrap_or(DEFAULT_OPERATION),
            model: call.model.as_deref(),
            original: done.original_tokens,
            sent: done.result_tokens,
            held,
            fetched,
            limit: call.max_tokens,
            baseline_cached: done.cached_tokens,
            sent_cached: 0,
            carried: done.carried_tokens,
        });
        done
    }

    /// Says that a context arrived; false if it was not sent, or too long ago.
    pub fn acknowledge(&self, agent_id: &str, hash: &Hash) -> bool {
        let mode = self.config.read().acknowledgement();
        self.optimizer.states().acknowledge(agent_id, hash, self.clock.now_ms(), mode)
    }

    /// Books what a provider reported about a call; with what was predicted for its prompt, counts of the model get better.
    pub fn track_usage(&self, usage: &Usage<'_>, predicted: Option<u64>) {
        self.ledger.record_usage(usage);
        if let (Some(model), Some(predicted)) = (usage.model, predicted) {
            self.calibrations.record(model, usage.agent, predicted, usage.prompt);
        }
    }

    /// Forgets what an agent was given; whether it was known. Its figures stay.
    pub fn reset_agent(&self, agent_id: &str) -> bool {
        self.calibrations.reset_agent(agent_id);
        self.optimizer.states().reset(agent_id)
    }

    /// The texts of the project, opened if need be.
    pub fn shelf(&self) -> Arc<Shelf> {
        let mut store = self.store.lock();
        if let Some(shelf) = self.optimizer.shelf() {
            return shelf;
        }
        let config = self.config.read();
        let opened = store.get_or_insert_with(|| {
            Arc::new(BlockStore::open(&self.place.read(), &config, Arc::clone(&self.clock)))
        });
        let made = shelf_of(opened, &config);
        self.optimizer.set_shelf(Some(Arc::clone(&made)));
        made
    }

    /// The store of texts, if it is open.
    pub fn store(&self) -> Option<Arc<BlockStore>> {
        self.store.lock().clone()
    }

    /// Removes texts that nobody used for too long, and forgets what agents were given.
    pub fn maintain(&self) {
        self.optimizer.forget();
        if let Some(store) = self.store() {
            store.maintain();
        }
    }

    /// Writes what waits and closes the store. Blocks. Texts that are asked for afterwards open it again.
    pub fn close(&self) {
        let store = self.store.lock().take();
        self.optimizer.set_shelf(None);
        if let Some(store) = store {
            store.close();
        }
    }

    fn options(&self, call: &TokenCall) -> SendOptions {
        let config = self.config.read();
        SendOptions {
            encoding: call.encoding.unwrap_or(config.encoding),
            mode: call.mode,
            acknowledgement: config.acknowledgement(),
            now_ms: self.clock.now_ms(),
            fingerprint: call.fingerprint,
        }
    }
}

/// Tokens of what is left out and the receiver has, and of what it has to fetch.
pub fn held_and_fetched(done: &Optimized) -> (u64, u64) {
    match (&done.delta, &done.blocks) {
        (Delta::Unchanged, _) => (done.original_tokens, 0),
        (_, Some(blocks)) => (done.unchanged_tokens + blocks.held_tokens, blocks.fetch_tokens),
        (_, None) => (done.unchanged_tokens, 0),
    }
}

fn shelf_of(store: &Arc<BlockStore>, config: &TokensConfig) -> Arc<Shelf> {
    let bytes = usize::try_from(mb_to_bytes(config.block_index_mb)).unwrap_or(usize::MAX);
    registered(Shelf::new(Arc::clone(store) as Arc<dyn TextStore>, bytes))
}

impl std::fmt::Debug for TokenService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenService").field("config", &*self.config.read()).finish_non_exhaustive()
    }
}
