//! Values that are sent in parts, with references to texts that the project has.

use sha2::{Digest, Sha256};

use super::TokenOptimizer;
use crate::base::json::View;
use crate::tokens::blocks::{MIN_TEXT_BYTES, Part, TextId};
use crate::tokens::delta::{Delta, Hash, Snapshot};
use crate::tokens::sent::Blocks;
use crate::tokens::states::Base;

/// Texts of an agent, besides the one under the same key, in which a new text is looked for first.
const LIKELY_TEXTS: usize = 3;

impl TokenOptimizer {
    /// Takes apart the values that are new to the agent. `None` if there is nothing to refer to.
    pub(super) fn encode(
        &self,
        view: View<'_>,
        delta: &Delta,
        snapshot: &Snapshot,
        values: &[usize],
        base: &Base,
    ) -> Option<Blocks> {
        let texts = self.shelf()?;
        let entries = snapshot.entries.as_ref()?;
        let mut held: hashbrown::HashSet<TextId> = base.held.iter().copied().collect();
        let before = base.sent.as_ref().and_then(|sent| sent.snapshot.entries.as_ref());
        let mut blocks = Blocks::default();
        for (entry, &value) in entries.iter().zip(values) {
            if let Delta::Changed { unchanged, .. } = delta
                && unchanged.binary_search(&value).is_ok()
            {
                continue;
            }
            if entry.bytes < MIN_TEXT_BYTES {
                continue;
            }
            let text = view.text_of(value);
            let hash: Hash = Sha256::digest(text.as_bytes()).into();
            let old =
                before.and_then(|before| before.iter().find(|old| old.key == entry.key)?.text.get().copied());
            let recent = base.held.iter().rev().take(LIKELY_TEXTS).copied();
            let likely: Vec<TextId> = old.into_iter().chain(recent).collect();
            let encoded = texts.encode(&text, &hash, &likely, &|id| held.contains(&id));
            if let Some(id) = encoded.id {
                // Another call may have said so already.
                let _ = entry.text.set(id);
                // What comes after it in the message may refer to it.
                held.insert(id);
            }
            if let [Part::Literal(_)] = &encoded.parts[..] {
                continue;
            }
            self.count_parts(&text, &encoded.parts, &mut blocks);
            blocks.values.push((value, encoded.parts));
        }
        blocks.all = values.to_vec();
        blocks.all.sort_unstable();
        blocks.values.sort_unstable_by_key(|(value, _)| *value);
        // Without a reference it is as with whole values; where nobody else could follow one, too.
        (!blocks.values.is_empty() && texts.flush()).then_some(blocks)
    }

    /// Counts what references stand for: each by itself.
    fn count_parts(&self, text: &str, parts: &[Part], blocks: &mut Blocks) {
        let mut at = 0;
        for part in parts {
            match part {
                Part::Literal(literal) => at += literal.len(),
                Part::Known { range, is_held, .. } => {
                    let tokens = self.counter.count(&text[at..at + range.len]);
                    let counter = if *is_held { &mut blocks.held_tokens } else { &mut blocks.fetch_tokens };
                    *counter += tokens;
                    at += range.len;
                }
            }
        }
    }
}
