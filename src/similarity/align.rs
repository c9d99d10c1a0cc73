//! Which term of one question is which of the other.

use super::frames::Ask;
use super::lexicon::{Lexicon, Pos, lexicon};
use super::query::{Query, Term};
use super::slips;
use super::term::stem_key;
use super::token::Kind;
use super::words;

/// How alike two terms are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Match {
    /// Places among the terms.
    pub(super) a: usize,
    pub(super) b: usize,
    /// 0 to 1.
    pub(super) likeness: f32,
    /// They are opposites, and one of them is negated.
    pub(super) is_opposite: bool,
}

/// The same word in the same form, or a form of it.
const SAME: f32 = 1.0;
/// A word mistyped.
const MISTYPED: f32 = 0.95;
/// Synonyms.
const SYNONYM: f32 = 0.9;
/// One is derived from the other: "invest", "investment".
const DERIVED: f32 = 0.9;
/// An opposite, negated.
const OPPOSITE: f32 = 0.9;

/// What the terms of two questions have in common.
pub(super) struct Alignment {
    /// By place in `a`.
    pub(super) matches: Vec<Match>,
    /// Places of terms without a match.
    pub(super) only_a: Vec<usize>,
    pub(super) only_b: Vec<usize>,
    /// Opposites that nothing negates.
    pub(super) has_antonyms: bool,
    /// The same word, negated in one of them.
    pub(super) is_negated: bool,
}

impl Alignment {
    pub(super) fn new(a: &Query, b: &Query) -> Self {
        let lexicon = lexicon();
        let fewest = a.terms.len().min(b.terms.len());
        let context = Context {
            is_long: fewest > 1 && a.terms.len().max(b.terms.len()) >= LONG,
            is_single: fewest == 1,
            is_of_agent: [a, b].iter().all(|query| matches!(query.ask, Ask::Who | Ask::What | Ask::Nothing)),
        };
        let mut matches: Vec<Match> = Vec::new();
        let (mut taken_a, mut taken_b) = (vec![false; a.terms.len()], vec![false; b.terms.len()]);
        // What is the same takes precedence over what is alike, and what is near over what is far. Which of the two questions
        // comes first makes no difference.
        for only_same in [true, false] {
            let mut pairs: Vec<Match> = Vec::new();
            for (at, term) in a.terms.iter().enumerate().filter(|(at, _)| !taken_a[*at]) {
                for (place, other) in b.terms.iter().enumerate().filter(|(place, _)| !taken_b[*place]) {
                    if let Some((likeness, is_opposite)) = likeness(lexicon, term, other, context, only_same)
                    {
                        pairs.push(Match { a: at, b: place, likeness, is_opposite });
                    }
                }
            }
            let place = |pair: &Match| (pair.a.abs_diff(pair.b), pair.a + pair.b);
            pairs.sort_by(|one, other| {
                other.likeness.total_cmp(&one.likeness).then(place(one).cmp(&place(other)))
            });
            for pair in pairs {
                if !taken_a[pair.a] && !taken_b[pair.b] {
                    (taken_a[pair.a], taken_b[pair.b]) = (true, true);
                    matches.push(pair);
                }
            }
        }
        matches.sort_unstable_by_key(|pair| pair.a);
        let left = |taken: &[bool]| (0..taken.len()).filter(|&at| !taken[at]).collect::<Vec<usize>>();
        let (only_a, only_b) = (left(&taken_a), left(&taken_b));
        let is_negated = matches
            .iter()
            .any(|pair| a.terms[pair.a].is_negated != b.terms[pair.b].is_negated && !pair.is_opposite);
        let has_antonyms = only_a
            .iter()
            .any(|&at| only_b.iter().any(|&other| are_opposites(lexicon, &a.terms[at], &b.terms[other])));
        Self { matches, only_a, only_b, has_antonyms, is_negated }
    }
}

impl Alignment {
    /// Which term of `a` one of `b` is.
    pub(super) fn in_a(&self, place: usize) -> Option<usize> {
        self.matches.iter().find(|pair| pair.b == place).map(|pair| pair.a)
    }

    /// Which term of `b` one of `a` is.
    pub(super) fn in_b(&self, place: usize) -> Option<usize> {
        self.matches.iter().find(|pair| pair.a == place).map(|pair| pair.b)
    }
}

/// Terms from which on a gerund is taken for its verb: there is enough around it.
const LONG: usize = 3;

/// What the questions are in which two terms are compared.
#[derive(Clone, Copy)]
struct Context {
    is_long: bool,
    /// One of them is about nothing else.
    is_single: bool,
    /// Whether they may ask for who does something.
    is_of_agent: bool,
}

/// Whether two words may be forms of one that the lexicon has as words of their own: "pronounced", "learning".
fn are_forms(a: &Term, b: &Term, context: Context) -> bool {
    let differ = |ending| a.text.ends_with(ending) != b.text.ends_with(ending);
    (differ("ed") || (context.is_long && differ("ing"))) && stem_key(&a.text) == stem_key(&b.text)
}

/// Whether one of two words does what the other says, and it matters: "baker", "bake"; "actor", "action".
fn is_agent(lexicon: &Lexicon, a: &Term, b: &Term, context: Context) -> bool {
    let is_noun = |term: &Term| term.word.is_some_and(|word| !lexicon.pos(word).intersects(Pos::VERB));
    let does = |term: &Term| {
        is_noun(term)
            && ["er", "or", "ist", "ee"]
                .iter()
                .any(|end| term.text.ends_with(end) || term.text.trim_end_matches('s').ends_with(end))
    };
    does(a) != does(b) && !context.is_of_agent
}

fn likeness(lexicon: &Lexicon, a: &Term, b: &Term, context: Context, only_same: bool) -> Option<(f32, bool)> {
    if a.kind != b.kind {
        return None;
    }
    if a.text == b.text || (a.key == b.key && a.kind == Kind::Word) {
        return Some((SAME, false));
    }
    if only_same || a.kind != Kind::Word {
        return None;
    }
    if are_forms(a, b, context) {
        return Some((SAME, false));
    }
    if let (Some(one), Some(other)) = (a.word, b.word) {
        if a.is_negated != b.is_negated && are_opposites(lexicon, a, b) {
            return Some((OPPOSITE, true));
        }
        if lexicon.are_synonyms(one, other) {
            return Some((SYNONYM, false));
        }
        if lexicon.derived(one, other) && !context.is_single && !is_agent(lexicon, a, b, context) {
            return Some((DERIVED, false));
        }
        return None;
    }
    is_mistyped(a, b).then_some((MISTYPED, false))
}

/// Whether one is a common word and the other is it, mistyped: see [`slips`].
fn is_mistyped(a: &Term, b: &Term) -> bool {
    let ((Some(known), None) | (None, Some(known))) = (a.word, b.word) else { return false };
    let unknown = if a.word.is_none() { a } else { b };
    !unknown.is_capital && slips::is_common(known) && slips::is_one_slip(&a.text, &b.text)
}

/// Whether two terms are opposites of each other.
fn are_opposites(lexicon: &Lexicon, a: &Term, b: &Term) -> bool {
    if words::are_opposites(&a.text, &b.text) {
        return true;
    }
    match (a.word, b.word) {
        (Some(one), Some(other)) => lexicon.are_antonyms(one, other) || lexicon.is_negated_form(one, other),
        _ => false,
    }
}
