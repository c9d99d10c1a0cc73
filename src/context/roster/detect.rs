//! Which known kind an unknown agent is of, from what its name, description, task and files say.
//!
//! A list of words per kind, weighed by how few kinds have a word. Kinds that were made from another one (a file that
//! takes after a built-in) are one family: they never compete for being clear, only for being chosen. Deterministic,
//! keeps nothing between calls.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock};

use super::super::built_in;
use super::super::specialization::Compiled;
use super::Evidence;
use super::words::{Words, is_ambiguous, is_telling, is_title, stems};
use crate::base::name::quoted;

/// Most words looked at of each text, as many as scoring takes from a task.
const MAX_WORDS: usize = 400;

/// Most bytes looked at of each text: 400 words of prose are some 3 KB, so only what is no prose is cut by it.
const MAX_TEXT_BYTES: usize = 32 * 1024;

/// Longest phrase in a table, in words (`site reliability`).
const MAX_PHRASE: usize = 3;

/// Weights of the sources. One word that names a kind decides in a name; it takes three in a description and four in a
/// task: a name is chosen to say what the agent is, a task says what else it deals with too.
const NAME_WEIGHT: f64 = 3.0;
const DESCRIPTION_WEIGHT: f64 = 1.0;
const TASK_WEIGHT: f64 = 0.65;
/// All paths together: they support, and never decide alone.
const PATH_WEIGHT: f64 = 1.0;

/// A word of a kind's own name, ahead of what others of its family have: `react-helper` is more of the file's
/// `react-expert` than of the built-in that both take after.
const OWN_NAME: f64 = 1.2;
/// A job title or the name of a technology that belongs to one kind.
const ALIAS: f64 = 1.0;
/// A keyword in a name: `table-formatter` is not about databases. With a second word it is.
const KEYWORD_IN_NAME: f64 = 0.5;
/// A word of a field that everyday English has too; not where it is an alias in a name.
const AMBIGUOUS: f64 = 0.5;

/// A word that was taken from a prompt and that nobody chose: `debugger` has "cause" and "failures", and not every task
/// that has them is its.
const TAKEN: f64 = 0.5;

/// Under this nothing is detected. Between a keyword in a name with one word of a task (2.15), which happens by chance,
/// and one alias in a name (3.0), which must suffice.
const THRESHOLD: f64 = 2.5;

/// How many times the runner-up's score the best must have. Two kinds of equal claim, or two words to one of alike
/// weight shared in between, are a draw: filtering by the wrong kind loses what the agent needs, filtering generically
/// only keeps too much.
const AHEAD: f64 = 1.6;

/// Words of a text from which on each counts less, by the root of its length: long texts touch on everything.
const PLAIN_LENGTH: f64 = 40.0;

/// Families whose file patterns are compared, and paths looked at: 128 matches, about as long as 400 words take.
const MAX_PATH_FAMILIES: usize = 8;
const MAX_PATHS: usize = 16;

/// Words of each source in the reason.
const MAX_REASONS: usize = 3;
/// Longest reason, in bytes.
const MAX_WHY_BYTES: usize = 200;

/// A kind that agents may turn out to be of.
#[derive(Debug, Clone)]
pub(super) struct Kind {
    pub(super) agent: Arc<Compiled>,
    /// Name of the kind that it takes after.
    pub(super) base: Option<String>,
    /// Its own words, besides those of its name.
    pub(super) words: Vec<String>,
    /// Whether somebody chose them, for what they are.
    pub(super) are_chosen: bool,
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.agent.spec == other.agent.spec
            && self.base == other.base
            && self.words == other.words
            && self.are_chosen == other.are_chosen
    }
}

impl Kind {
    /// A kind by itself, known by all its keywords.
    pub(super) fn of(agent: &Arc<Compiled>) -> Self {
        Self { agent: Arc::clone(agent), base: None, words: agent.spec.keywords.clone(), are_chosen: true }
    }
}

/// What was detected.
#[derive(Debug)]
pub(super) struct Detected {
    pub(super) agent: Arc<Compiled>,
    pub(super) why: String,
}

/// The kinds, by their words.
#[derive(Debug)]
pub(super) struct Index {
    /// By name.
    kinds: Vec<Indexed>,
    words: HashMap<Box<str>, Word>,
}

#[derive(Debug)]
struct Indexed {
    agent: Arc<Compiled>,
    /// Its family's head; its own place if it is one.
    head: usize,
}

#[derive(Debug, Default)]
struct Word {
    /// What it says for which kinds, beyond what it says for their heads.
    claims: Vec<Claim>,
    rarity_in_name: f64,
    rarity_in_text: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Claim {
    kind: usize,
    in_name: f64,
    in_text: f64,
}

/// Where a word was found, in the order of the reasons.
const SOURCES: [(&str, f64); 3] =
    [("name", NAME_WEIGHT), ("description", DESCRIPTION_WEIGHT), ("task", TASK_WEIGHT)];

impl Index {
    /// An index of `kinds`, which have different names. O(words of all).
    pub(super) fn new(mut kinds: Vec<Kind>) -> Self {
        kinds.sort_by(|a, b| a.agent.spec.name.cmp(&b.agent.spec.name));
        let place_of =
            |name: &str| kinds.binary_search_by(|kind| kind.agent.spec.name.as_str().cmp(name)).ok();
        let indexed: Vec<Indexed> = kinds
            .iter()
            .enumerate()
            .map(|(at, kind)| {
                // A head is what has no base, so that there are no chains.
                let base = kind.base.as_deref().and_then(place_of).filter(|&base| kinds[base].base.is_none());
                Indexed { agent: Arc::clone(&kind.agent), head: base.unwrap_or(at) }
            })
            .collect();
        let mut words: HashMap<Box<str>, Word> = HashMap::new();
        // Heads first: the others only claim what is beyond them.
        let heads_first = {
            let mut order: Vec<usize> = (0..kinds.len()).collect();
            order.sort_by_key(|&at| (indexed[at].head != at, at));
            order
        };
        for at in heads_first {
            for (word, claim) in claims(&kinds[at], at) {
                let of_word = words.entry(word.into()).or_default();
                let above =
                    of_word.claims.iter().find(|above| above.kind == indexed[at].head && above.kind != at);
                let (name, text) = above.map_or((0.0, 0.0), |above| (above.in_name, above.in_text));
                let own = Claim {
                    kind: at,
                    in_name: (claim.in_name - name).max(0.0),
                    in_text: (claim.in_text - text).max(0.0),
                };
                if own.in_name > 0.0 || own.in_text > 0.0 {
                    of_word.claims.push(own);
                }
            }
        }
        let families = indexed.iter().enumerate().filter(|(at, kind)| kind.head == *at).count();
        for word in words.values_mut() {
            let with = |least: f64| {
                let claims = word.claims.iter().filter(|claim| claim.in_name >= least);
                claims.map(|claim| indexed[claim.kind].head).collect::<HashSet<_>>().len()
            };
            let (all, named) = (with(0.0), with(ALIAS));
            // What names a kind goes on naming it when others have it among their keywords.
            word.rarity_in_name = rarity(families, if named > 0 { named } else { all });
            word.rarity_in_text = rarity(families, all);
        }
        Self { kinds: indexed, words }
    }

    /// The built-in kinds alone: what files take after, whatever other files there are.
    pub(super) fn built_in() -> &'static Self {
        static INDEX: LazyLock<Index> =
            LazyLock::new(|| Index::new(built_in::built_in().iter().map(Kind::of).collect()));
        &INDEX
    }

    /// Whether the word is in a table.
    pub(super) fn has(&self, word: &str) -> bool {
        self.words.contains_key(word)
    }

    /// The kind that the evidence clearly speaks for. O(first words of the texts).
    pub(super) fn detect(&self, evidence: &Evidence<'_>) -> Option<Detected> {
        let mut scores = vec![0.0; self.kinds.len()];
        let mut hits: [Vec<&str>; SOURCES.len()] = std::array::from_fn(|_| Vec::new());
        for (source, text) in [evidence.agent_id, evidence.description, evidence.task].into_iter().enumerate()
        {
            hits[source] = self.read(text, source, &mut scores);
        }
        if hits.iter().all(Vec::is_empty) {
            // Paths never decide alone.
            return None;
        }
        for at in 0..scores.len() {
            if self.kinds[at].head != at {
                scores[at] += scores[self.kinds[at].head];
            }
        }
        let mut families = self.families(&scores);
        let by_paths = self.add_paths(evidence.paths, &mut families);
        families.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.kind.cmp(&b.kind)));
        let best = families.first().filter(|best| best.score >= THRESHOLD)?;
        if families.get(1).is_some_and(|second| best.score < AHEAD * second.score) {
            return None;
        }
        let why = self.why(best.kind, &hits, by_paths.contains(&best.kind));
        Some(Detected { agent: Arc::clone(&self.kinds[best.kind].agent), why })
    }

    /// Adds what the words of `text` say to `scores`; the words that said something, each once.
    fn read(&self, text: &str, source: usize, scores: &mut [f64]) -> Vec<&str> {
        if text.is_empty() {
            return Vec::new();
        }
        let in_name = source == 0;
        let words = Words::of(text, MAX_WORDS, MAX_TEXT_BYTES, |word| self.has(word));
        let length = if in_name { 1.0 } else { (PLAIN_LENGTH / words.len().max(1) as f64).sqrt().min(1.0) };
        let weight = SOURCES[source].1 * length;
        let mut found: Vec<&str> = Vec::new();
        let mut at = 0;
        while at < words.len() {
            let Some((word, entry, taken)) = self.longest(&words, at, in_name) else {
                at += 1;
                continue;
            };
            at += taken;
            if found.contains(&word) {
                continue;
            }
            found.push(word);
            let doubt = if !in_name && is_ambiguous(word) { AMBIGUOUS } else { 1.0 };
            for claim in &entry.claims {
                let (strength, rarity) = if in_name {
                    (claim.in_name, entry.rarity_in_name)
                } else {
                    (claim.in_text, entry.rarity_in_text)
                };
                scores[claim.kind] += weight * strength * rarity * doubt;
            }
        }
        found
    }

    /// The longest phrase from `at` on that is in a table, how many words it takes.
    fn longest(&self, words: &Words, at: usize, in_name: bool) -> Option<(&str, &Word, usize)> {
        let entry = |text: &str| self.words.get_key_value(text).map(|(word, entry)| (&**word, entry));
        for count in (2..=MAX_PHRASE).rev() {
            if let Some((word, entry)) = words.phrase(at, count).and_then(entry) {
                return Some((word, entry, count));
            }
        }
        let word = words.phrase(at, 1).filter(|word| !(in_name && is_title(word)))?;
        let (word, entry) = entry(word).or_else(|| stems(word).find_map(entry))?;
        Some((word, entry, 1))
    }

    /// The best kind of each family; the head where none is better.
    fn families(&self, scores: &[f64]) -> Vec<Family> {
        let mut best: Vec<Option<Family>> = vec![None; scores.len()];
        for (kind, &score) in scores.iter().enumerate() {
            let head = self.kinds[kind].head;
            let family = best[head].get_or_insert(Family { kind: head, score: scores[head] });
            if score > family.score {
                *family = Family { kind, score };
            }
        }
        best.into_iter().flatten().collect()
    }

    /// Adds the share of paths that are of one family only, among the best ones; the kinds that got some.
    fn add_paths(&self, paths: &[&str], families: &mut [Family]) -> Vec<usize> {
        if paths.is_empty() {
            return Vec::new();
        }
        families.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.kind.cmp(&b.kind)));
        let compared = families.len().min(MAX_PATH_FAMILIES);
        let compared = &mut families[..compared];
        let paths = &paths[..paths.len().min(MAX_PATHS)];
        let mut only = vec![0_usize; compared.len()];
        for path in paths {
            let mut of =
                (0..compared.len()).filter(|&at| self.kinds[compared[at].kind].agent.files.is_match(path));
            if let (Some(family), None) = (of.next(), of.next()) {
                only[family] += 1;
            }
        }
        let mut supported = Vec::new();
        for (family, count) in compared.iter_mut().zip(only).filter(|(_, count)| *count > 0) {
            family.score += PATH_WEIGHT * count as f64 / paths.len() as f64;
            supported.push(family.kind);
        }
        supported
    }

    fn why(&self, kind: usize, hits: &[Vec<&str>; SOURCES.len()], by_paths: bool) -> String {
        let head = self.kinds[kind].head;
        let speaks = |word: &str| {
            self.words.get(word).is_some_and(|entry| {
                entry.claims.iter().any(|claim| claim.kind == kind || claim.kind == head)
            })
        };
        let mut why = String::new();
        let mut add = |separator: &str, text: &str| {
            let fits = why.len() + separator.len() + text.len() <= MAX_WHY_BYTES;
            if fits {
                why.push_str(if why.is_empty() { "" } else { separator });
                why.push_str(text);
            }
            fits
        };
        for ((source, _), found) in SOURCES.into_iter().zip(hits) {
            let mut words = found.iter().filter(|word| speaks(word)).take(MAX_REASONS);
            if let Some(first) = words.next()
                && add("; ", &format!("its {source} has {}", quoted(first)))
            {
                for word in words {
                    add(", ", &quoted(word));
                }
            }
        }
        if by_paths {
            add("; ", "files that its task is about are of that kind");
        }
        why
    }
}

/// A family by its best kind.
#[derive(Debug, Clone, Copy)]
struct Family {
    kind: usize,
    score: f64,
}

/// What the words of a kind say for it; where a word stands in two lists the most.
fn claims(kind: &Kind, at: usize) -> Vec<(String, Claim)> {
    let spec = &kind.agent.spec;
    let mut found: HashMap<String, Claim> = HashMap::new();
    let mut claim = |word: &str, in_name: f64, in_text: f64| {
        let claim = found.entry(word.to_lowercase()).or_insert(Claim { kind: at, in_name, in_text });
        claim.in_name = claim.in_name.max(in_name);
        claim.in_text = claim.in_text.max(in_text);
    };
    // Whole and in parts, because a part of a name counts as a whole where that is known (`GraphQL`).
    for whole in [true, false] {
        let name = Words::of(&spec.name, MAX_WORDS, MAX_TEXT_BYTES, |_| whole);
        for word in name.iter().filter(|word| is_telling(word) || built_in::is_alias(word)) {
            claim(word, OWN_NAME, 1.0);
        }
    }
    for alias in built_in::aliases(&spec.name) {
        claim(alias, ALIAS, 1.0);
    }
    let in_text = if kind.are_chosen { 1.0 } else { TAKEN };
    for word in &kind.words {
        let in_name = if is_ambiguous(word) { AMBIGUOUS * KEYWORD_IN_NAME } else { KEYWORD_IN_NAME };
        claim(word, in_text * in_name, in_text);
    }
    let mut found: Vec<_> = found.into_iter().collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

/// 1 for a word of one family, near 0 for one of all.
fn rarity(families: usize, with: usize) -> f64 {
    let all = families as f64 + 1.0;
    (all / with.max(1) as f64).ln() / all.ln()
}

#[cfg(test)]
mod tests;
