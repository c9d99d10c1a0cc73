//! Which elements and blocks stay, under limits and pressure.
//!
//! Always in this order: required fields, whatever the limits; then the rest by score for each token: a score is worth
//! e-fold for every [`WORTH`] of it, and is divided by the tokens. Greedy: what does not fit is passed over, smaller ones
//! after it may fit. What the task names goes for limits and pressure only.

use super::adaptations::Reason;
use super::elements::Element;
use super::rank::{Corpus, Fit};
use super::score;

/// How much more a score must be for twice the tokens is `WORTH` × ln 2. Chosen on known fixes (decision 0014).
const WORTH: f64 = 0.1;
/// Smaller elements count as this large: they cost nearly nothing, and how little does not matter.
const MIN_TOKENS: f64 = 100.0;
/// How much the fit of a block adds to the worth of its text.
const BLOCK_HINT: f64 = 0.5;

/// Tokens and bytes that a line for what is missing may take.
const MARKER_TOKENS: i64 = 40;
const MARKER_BYTES: i64 = 120;

/// Contexts up to this many tokens are small: nothing is left out of them only to make them smaller.
const SMALL_CONTEXT_TOKENS: u64 = 1000;
/// How much of a context goes without a limit: at least 30 %, at most 50 %; between them the threshold decides. Two points
/// are for what counts of parts differ from the count of the whole.
const MIN_REDUCTION: f64 = 0.32;
const MAX_REDUCTION: f64 = 0.48;

/// How much of what is not required stays at least where required fields alone are more than the context should have.
const MIN_OPEN: f64 = 0.34;
const MAX_OPEN: f64 = 0.52;

/// What may stay.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Score under which an element goes.
    pub(crate) threshold: f64,
    /// Share of the elements that stays, 0–1 (pressure).
    pub(crate) share: f64,
    /// Most bytes of JSON.
    pub(crate) max_bytes: u64,
    /// Most tokens of JSON.
    pub(crate) max_tokens: Option<u64>,
    /// Share of the tokens that goes, 0–1, if the caller says.
    pub(crate) target_reduction: Option<f64>,
    /// Texts stay whole or go whole.
    pub(crate) whole_texts: bool,
    /// Nothing is known that one element could be better for than another.
    pub(crate) blind: bool,
}

/// What becomes of each element.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Choice {
    /// It stays.
    Whole,
    /// Some blocks of it stay, by block.
    Blocks(Vec<bool>),
    /// It goes.
    Dropped(Reason),
}

impl Choice {
    /// Whether it stays, or a block of it.
    fn holds(&self, block: Option<usize>) -> bool {
        match self {
            Self::Whole => true,
            Self::Blocks(kept) => block.is_some_and(|block| kept[block]),
            Self::Dropped(_) => false,
        }
    }
}

/// One thing that may stay.
struct Candidate {
    element: usize,
    /// Its number, for a block of a text.
    block: Option<usize>,
    tokens: i64,
    bytes: i64,
    worth: f64,
    named: bool,
}

/// Tokens of each element with its key, about. Keys of the containers around it are not in it, and tokens do not end where
/// parts do: a limit is looked at again with the exact count.
pub(crate) fn element_tokens(corpus: &Corpus<'_>) -> Vec<u64> {
    let mut found = vec![0; corpus.elements.list.len()];
    for (at, unit) in corpus.units.list.iter().enumerate() {
        let tokens = corpus.units.tokens(at);
        if unit.is_text {
            found[unit.first] = tokens.iter().map(|&tokens| u64::from(tokens)).sum::<u64>()
                + key_tokens(corpus.key(unit.first));
        } else {
            for (found, &tokens) in found[unit.first..unit.end].iter_mut().zip(tokens) {
                *found = u64::from(tokens);
            }
        }
    }
    found
}

/// Quotes, colon and comma, and a token for every three bytes.
fn key_tokens(key: &str) -> u64 {
    key.len() as u64 / 3 + 4
}

/// Chooses by estimated sizes.
pub(crate) fn choose(
    corpus: &Corpus<'_>,
    fit: &Fit,
    scores: &[f64],
    tokens: &[u64],
    limits: &Limits,
) -> Vec<Choice> {
    let list = &corpus.elements.list;
    let mut choices: Vec<Choice> = list
        .iter()
        .map(|element| match element {
            Element { required: true, .. } => Choice::Whole,
            Element { excluded: true, .. } => Choice::Dropped(Reason::Excluded),
            _ => Choice::Dropped(Reason::Limit),
        })
        .collect();
    let mut room = Room::new(list, tokens, limits);
    let candidates = candidates(corpus, fit, scores, tokens, limits);
    for candidate in &candidates {
        consider(corpus, candidate, scores, &mut room, &mut choices);
    }
    // What is larger than all that may stay was passed over: before more than half of a context goes, it is not.
    room.ceiling = i64::MAX;
    for candidate in candidates.iter().filter(|_| limits.target_reduction.is_none()) {
        if room.kept >= room.floor {
            break;
        }
        consider(corpus, candidate, scores, &mut room, &mut choices);
    }
    for (at, choice) in choices.iter_mut().enumerate() {
        if let Choice::Blocks(kept) = choice {
            close_small_gaps(kept, corpus.units.tokens(corpus.unit_of[at] as usize));
            if kept.iter().all(|kept| *kept) {
                *choice = Choice::Whole;
            }
        }
    }
    choices
}

/// Keeps a candidate if there is room for it.
fn consider(
    corpus: &Corpus<'_>,
    candidate: &Candidate,
    scores: &[f64],
    room: &mut Room,
    choices: &mut [Choice],
) {
    let at = candidate.element;
    if choices[at].holds(candidate.block) {
        return;
    }
    let parts = || corpus.units.analysis(corpus.unit_of[at] as usize).parts();
    let gaps = candidate.block.map_or(0, |block| gaps_added(&choices[at], block, parts()));
    // The key comes with the first block of a text, and where blocks meet there may be a token more.
    let around = match (candidate.block, &choices[at]) {
        (Some(_), Choice::Dropped(_)) => signed(key_tokens(corpus.key(at))) + 1,
        (Some(_), _) => 1,
        (None, _) => 0,
    };
    let refusal =
        room.refusal(candidate, scores[at], &choices[at]).or_else(|| room.take(candidate, gaps, around));
    match (refusal, candidate.block, &mut choices[at]) {
        (None, None, choice) => {
            *choice = Choice::Whole;
            room.elements -= 1;
        }
        (None, Some(block), Choice::Blocks(kept)) => kept[block] = true,
        (None, Some(block), choice) => {
            let mut kept = vec![false; parts()];
            kept[block] = true;
            *choice = Choice::Blocks(kept);
            room.elements -= 1;
        }
        (Some(reason), _, Choice::Dropped(old)) => *old = reason,
        (Some(_), ..) => {}
    }
}

/// What is open, best first.
fn candidates(
    corpus: &Corpus<'_>,
    fit: &Fit,
    scores: &[f64],
    tokens: &[u64],
    limits: &Limits,
) -> Vec<Candidate> {
    let mut found = Vec::with_capacity(scores.len());
    for (unit_at, unit) in corpus.units.list.iter().enumerate() {
        for at in unit.first..unit.end {
            let element = corpus.element(at);
            if !element.is_open() {
                continue;
            }
            let size = (tokens[at] as f64).max(MIN_TOKENS);
            let worth = score::worth(scores[at], fit.elements[at]) - WORTH * size.ln();
            let whole = Candidate {
                element: at,
                block: None,
                tokens: signed(tokens[at]),
                bytes: signed(element.bytes + corpus.path(at).len() as u64 + 6),
                worth,
                named: fit.named[at] || element.asked,
            };
            let blocks = &fit.blocks[unit_at];
            if limits.whole_texts || !unit.is_text || blocks.len() < 2 {
                found.push(whole);
                continue;
            }
            let analysis = corpus.units.analysis(unit_at);
            let text_bytes = f64::from(analysis.text_bytes).max(1.0);
            for (block, (&of_block, block_fit)) in corpus.units.tokens(unit_at).iter().zip(blocks).enumerate()
            {
                // Escapes are spread evenly; the real size is looked at in the end.
                let bytes = analysis.range(block).len() as f64 * element.bytes as f64 / text_bytes;
                found.push(Candidate {
                    element: at,
                    block: Some(block),
                    tokens: i64::from(of_block),
                    bytes: rounded(bytes) + 1,
                    worth: worth + BLOCK_HINT * block_fit,
                    named: whole.named || fit.named_blocks.contains(&(unit_at, block)),
                });
            }
        }
    }
    // Among equals the smaller element, then the earlier one or the earlier block: more stays, and always the same.
    found.sort_by(|a, b| {
        b.worth
            .total_cmp(&a.worth)
            .then(tokens[a.element].cmp(&tokens[b.element]))
            .then((a.element, a.block).cmp(&(b.element, b.block)))
    });
    found
}

/// How much is left of the limits.
struct Room {
    bytes: i64,
    tokens: i64,
    /// Elements that pressure leaves room for.
    elements: i64,
    /// Tokens until which all that is best stays, and those over which only what is named does.
    floor: i64,
    ceiling: i64,
    kept: i64,
    limits: Limits,
}

impl Room {
    fn new(list: &[Element], tokens: &[u64], limits: &Limits) -> Self {
        let of = |is_meant: fn(&Element) -> bool| {
            list.iter()
                .zip(tokens)
                .filter(move |(element, _)| is_meant(element))
                .map(|(_, tokens)| *tokens)
                .sum::<u64>()
        };
        let (total, required, open) = (of(|_| true), of(|element| element.required), of(Element::is_open));
        // Of what is open so much that the whole has the share, and of a context of which most is required some all the same.
        let (all, fixed, choice) = (total as f64, required as f64, open as f64);
        let part = |of_all: f64, of_open: f64| rounded((all * of_all - fixed).max(choice * of_open));
        let (floor, ceiling) = match limits.target_reduction {
            Some(0.0) => (i64::MAX, i64::MAX),
            Some(reduction) => (part(1.0 - reduction, 0.0), part(1.0 - reduction, 0.0)),
            None if limits.blind => (i64::MAX, i64::MAX),
            None if total <= SMALL_CONTEXT_TOKENS => (0, i64::MAX),
            None => (part(1.0 - MAX_REDUCTION, MIN_OPEN), part(1.0 - MIN_REDUCTION, MAX_OPEN)),
        };
        let required_bytes =
            list.iter().filter(|element| element.required).map(|element| signed(element.bytes) + 6);
        let bytes: i64 = required_bytes.sum();
        let required_elements = list.iter().filter(|element| element.required).count() as u64;
        // The braces count against a limit, not against a share of what is in them.
        let max_tokens = limits.max_tokens.map_or(i64::MAX, |most| signed(most).saturating_sub(2));
        Self {
            bytes: signed(limits.max_bytes).saturating_sub(bytes + 2),
            tokens: max_tokens.saturating_sub(signed(required)),
            elements: rounded((list.len() as f64 * limits.share).ceil()) - signed(required_elements),
            floor,
            ceiling,
            kept: 0,
            limits: *limits,
        }
    }

    /// Why a candidate goes whatever its size.
    fn refusal(&self, candidate: &Candidate, score: f64, choice: &Choice) -> Option<Reason> {
        if self.elements <= 0 && matches!(choice, Choice::Dropped(_)) {
            return Some(Reason::Pressure);
        }
        if candidate.named {
            return None;
        }
        let is_target = self.limits.target_reduction.is_some();
        if !is_target && self.kept >= self.floor && score < self.limits.threshold {
            return Some(Reason::Score);
        }
        (self.kept.saturating_add(candidate.tokens) > self.ceiling).then_some(Reason::Reduction)
    }

    /// Takes the room of a candidate, or says why it has none.
    fn take(&mut self, candidate: &Candidate, gaps: i64, around: i64) -> Option<Reason> {
        let tokens = candidate.tokens + gaps * MARKER_TOKENS + around;
        let bytes = candidate.bytes + gaps * MARKER_BYTES;
        if tokens > self.tokens || bytes > self.bytes {
            return Some(Reason::Limit);
        }
        self.tokens -= tokens;
        self.bytes -= bytes;
        self.kept += tokens;
        None
    }
}

/// How many more gaps a text has once a block stays. One that goes whole has none.
fn gaps_added(choice: &Choice, block: usize, parts: usize) -> i64 {
    let last = parts - 1;
    let Choice::Blocks(kept) = choice else {
        return i64::from(block > 0) + i64::from(block < last);
    };
    let missing = |at: Option<usize>| i64::from(at.and_then(|at| kept.get(at)).is_some_and(|kept| !kept));
    missing(block.checked_sub(1)) + missing(Some(block + 1)) - 1
}

/// Keeps what is missing where the line that says so would cost as much.
fn close_small_gaps(kept: &mut [bool], tokens: &[u32]) {
    let mut at = 0;
    while at < kept.len() {
        let end = (at..kept.len()).find(|&to| kept[to] != kept[at]).unwrap_or(kept.len());
        if !kept[at] && tokens[at..end].iter().map(|&tokens| i64::from(tokens)).sum::<i64>() <= MARKER_TOKENS
        {
            kept[at..end].fill(true);
        }
        at = end;
    }
}

#[expect(clippy::cast_possible_truncation, reason = "rounding down and saturating are what is wanted")]
fn rounded(value: f64) -> i64 {
    value as i64
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
