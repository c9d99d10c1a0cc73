//! Whether the answer to one question answers another: how alike they are, and what speaks against it.

use super::align::Alignment;
use super::details::{TELLING, has, has_other_detail, is_noun};
use super::facts;
use super::frames::Ask;
use super::lexicon::{Pos, lexicon};
use super::query::{Query, Term};
use super::roles;
use super::slips;
use super::token::Kind;
use super::words::{AVERSE, BEST, DEGREE, PRAISE};

/// Why a similar question is another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Written in another script.
    Script,
    /// Asks for another kind of answer: how, why, whether.
    Question,
    /// Other numbers, dates or versions.
    Number,
    /// Other units behind the same numbers.
    Unit,
    /// Other words between quotation marks.
    Quoted,
    /// Other identifiers, paths, addresses or signs.
    Code,
    /// Negated where the other is not.
    Negation,
    /// A word in place of its opposite.
    Antonym,
    /// Another condition: before, after, without, unless.
    Condition,
    /// Another direction: to, from.
    Direction,
    /// Another number or degree: all, most, first, still.
    Quantity,
    /// Another name, or one more.
    Name,
    /// About somebody else: he, she; I, you.
    Person,
    /// And in place of or.
    Coordination,
    /// The same words in other roles.
    Order,
    /// Another noun, or one more detail where a yes depends on each.
    Modifier,
    /// Not similar enough.
    Score,
}

impl Reason {
    /// Stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Script => "script",
            Self::Question => "question",
            Self::Number => "number",
            Self::Unit => "unit",
            Self::Quoted => "quoted",
            Self::Code => "code",
            Self::Negation => "negation",
            Self::Antonym => "antonym",
            Self::Condition => "condition",
            Self::Direction => "direction",
            Self::Quantity => "quantity",
            Self::Name => "name",
            Self::Person => "person",
            Self::Coordination => "coordination",
            Self::Order => "order",
            Self::Modifier => "modifier",
            Self::Score => "score",
        }
    }
}

/// How alike two questions are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// 0 to 1.
    pub score: f32,
    /// What speaks against serving one's answer for the other, whatever the score.
    pub refusal: Option<Reason>,
    /// Whether they differ in nothing but case, spaces, punctuation, contractions and politeness.
    pub is_same: bool,
}

/// What is in one of them only weighs so much more if the other has something else in its place.
const REPLACED: f32 = 1.2;

/// What makes another question of one, by its place, weighs so much more.
const NARROWED: f32 = 1.5;

/// Two texts that differ in one slip of the finger.
const SLIPPED: f32 = 0.97;

/// Compares two questions.
pub(super) fn compare(a: &Query, b: &Query) -> Verdict {
    if a.normal == b.normal {
        return Verdict { score: 1.0, refusal: None, is_same: true };
    }
    let slip = slips::slip(&a.normal, &b.normal);
    // What is no word of the grammar is not read as one: all guards would be misled.
    let has = |query: &Query, word: &str| query.terms.iter().any(|term| term.text == word);
    let is_fixed = a.numbers == b.numbers && a.codes == b.codes;
    if slip.filter(|_| is_fixed).is_some_and(|(one, other)| {
        slips::is_of_grammar(one) || slips::is_of_grammar(other) || !has(a, one) || !has(b, other)
    }) {
        return Verdict { score: SLIPPED, refusal: None, is_same: false };
    }
    let alignment = Alignment::new(a, b);
    let refusal = refusal(a, b, &alignment);
    let score = if slip.is_some() && refusal.is_none() { SLIPPED } else { score(a, b, &alignment) };
    Verdict { score, refusal, is_same: false }
}

/// Weight of what they have in common, of the weight of both (the Sørensen–Dice coefficient, weighted).
fn score(a: &Query, b: &Query, alignment: &Alignment) -> f32 {
    let mut common = 0.0;
    let mut apart = 0.0;
    for pair in &alignment.matches {
        let weight = f32::midpoint(a.terms[pair.a].weight, b.terms[pair.b].weight);
        common += weight * pair.likeness;
        apart += weight * (1.0 - pair.likeness);
    }
    let (only_a, only_b) = (sum(a, &alignment.only_a, weight_of), sum(b, &alignment.only_b, weight_of));
    let replaced = only_a.min(only_b);
    let narrow =
        |term: &Term, next: Option<&Term>| term.weight * if is_narrower(term, next) { NARROWED } else { 1.0 };
    let alone = sum(a, &alignment.only_a, narrow) + sum(b, &alignment.only_b, narrow) - 2.0 * replaced;
    apart += 2.0 * replaced * REPLACED + alone;
    if common + apart == 0.0 {
        // Nothing but words of the grammar: only what is the same is the same.
        return 0.0;
    }
    2.0 * common / (2.0 * common + apart)
}

/// The sum of what terms weigh, each asked for with the term behind it.
fn sum(query: &Query, places: &[usize], weight: impl Fn(&Term, Option<&Term>) -> f32) -> f32 {
    places.iter().map(|&at| weight(&query.terms[at], query.terms.get(at + 1))).sum()
}

fn weight_of(term: &Term, _: Option<&Term>) -> f32 {
    term.weight
}

/// Whether a word narrows down what is asked: behind a preposition of its own, or before a noun; not "skills" in "language skills".
fn is_narrower(term: &Term, next: Option<&Term>) -> bool {
    if term.kind != Kind::Word || term.classes != 0 || term.weight < TELLING {
        return false;
    }
    let is = |pos: Pos| term.word.is_some_and(|word| lexicon().pos(word).contains(pos));
    let is_verb = (is(Pos::VERB) && !is(Pos::NOUN)) || (is(Pos::VERB) && term.preposition == Some("to"));
    let is_before_noun = next.is_some_and(|next| next.place == term.place + 1 && is_noun(next));
    let is_last = next.is_none() && term.word.is_some() && !is(Pos::NOUN);
    !is_verb && (term.is_governed || is_before_noun || is_last)
}

fn refusal(a: &Query, b: &Query, alignment: &Alignment) -> Option<Reason> {
    let holds = |reason, is_so: bool| is_so.then_some(reason);
    holds(Reason::Script, a.scripts != b.scripts)
        .or_else(|| holds(Reason::Number, !are_same(a, b, &a.numbers, &b.numbers)))
        .or_else(|| {
            holds(
                Reason::Quoted,
                !(a.quoted.is_empty() || b.quoted.is_empty() || are_same(a, b, &a.quoted, &b.quoted)),
            )
        })
        .or_else(|| holds(Reason::Code, !are_same(a, b, &a.codes, &b.codes)))
        .or_else(|| holds(Reason::Number, !count_the_same(a, b)))
        .or_else(|| holds(Reason::Unit, has_other_unit(a, b, alignment)))
        .or_else(|| holds(Reason::Negation, is_negated(a, b, alignment)))
        .or_else(|| holds(Reason::Antonym, alignment.has_antonyms))
        .or_else(|| {
            holds(Reason::Condition, a.conditions != b.conditions || facts::are_linked_otherwise(a, b))
        })
        .or_else(|| holds(Reason::Question, !asks_the_same(a, b, alignment)))
        .or_else(|| holds(Reason::Question, facts::are_of_other_times(a, b) || facts::ask_otherwise(a, b)))
        .or_else(|| holds(Reason::Quantity, a.scopes != b.scopes || has_other_degree(a, b, alignment)))
        .or_else(|| holds(Reason::Person, facts::are_of_others(a, b)))
        .or_else(|| {
            holds(Reason::Coordination, is_coordinated_otherwise(a, b) || is_coordinated_otherwise(b, a))
        })
        .or_else(|| holds(Reason::Name, has_other_name(a, b, alignment)))
        .or_else(|| holds(Reason::Order, facts::ask_for_others(a, b)))
        .or_else(|| roles::differ(a, b, alignment))
        .or_else(|| holds(Reason::Modifier, has_other_detail(a, b, alignment)))
        // Of other languages, nothing is known but that they are written otherwise.
        .or_else(|| holds(Reason::Order, a.is_foreign && b.is_foreign))
}

/// Whether only one says how much or how many, where a yes depends on it, or only one asks for the best.
fn has_other_degree(a: &Query, b: &Query, alignment: &Alignment) -> bool {
    let is_degree = |term: &Term| term.classes & DEGREE != 0;
    let has_degree = has(a, &alignment.only_a, is_degree) || has(b, &alignment.only_b, is_degree);
    let has_praise = |query: &Query, class| query.terms.iter().any(|term| term.classes & class != 0);
    let has_best = |one: &Query, other: &Query| {
        has_praise(one, BEST) && !has_praise(other, PRAISE | BEST) && !other.facts.has_some
    };
    (a.ask.with(b.ask).is_whether() && has_degree)
        || ([a, b].iter().all(|query| matches!(query.ask, Ask::What | Ask::Who | Ask::Nothing))
            && (has_best(a, b) || has_best(b, a)))
}

fn is_negated(a: &Query, b: &Query, alignment: &Alignment) -> bool {
    let is_negated = |term: &Term| term.is_negated;
    let is_averse = |query: &Query| query.terms.iter().any(|term| term.classes & AVERSE != 0);
    alignment.is_negated
        || is_averse(a) != is_averse(b)
        || a.loose_negations != b.loose_negations
        || has(a, &alignment.only_a, is_negated) != has(b, &alignment.only_b, is_negated)
}

fn has_other_unit(a: &Query, b: &Query, alignment: &Alignment) -> bool {
    let has_unit = |query: &Query, places: &[usize]| {
        places.iter().any(|&at| {
            at > 0
                && query.terms[at - 1].kind == Kind::Number
                && query.terms[at].place == query.terms[at - 1].place + 1
        })
    };
    !a.numbers.is_empty() && (has_unit(a, &alignment.only_a) || has_unit(b, &alignment.only_b))
}

fn has_other_name(a: &Query, b: &Query, alignment: &Alignment) -> bool {
    let is_name = |term: &Term| term.is_name;
    has(a, &alignment.only_a, is_name) || has(b, &alignment.only_b, is_name)
}

/// "Or" in place of "and"; not of "between A and B".
fn is_coordinated_otherwise(a: &Query, b: &Query) -> bool {
    a.has_or && b.has_and && !b.has_or && !b.particles.contains(&"between")
}

/// Whether an answer to one may answer the other.
fn asks_the_same(a: &Query, b: &Query, alignment: &Alignment) -> bool {
    a.ask.fits(b.ask)
        || (a.ask == Ask::Like && b.facts.is_of_state)
        || (b.ask == Ask::Like && a.facts.is_of_state)
        || (a.ask.may_name(b.ask) && alignment.only_a.is_empty() && alignment.only_b.is_empty())
}

/// Whether numbers that come in another order go with the same words: not "2 eggs and 3 tomatoes", "3 eggs and 2 tomatoes".
fn count_the_same(a: &Query, b: &Query) -> bool {
    if (a.numbers == b.numbers && a.codes == b.codes) || !roles::are_short(a, b) {
        return true;
    }
    // A number with its neighbour on one side, and how many have one.
    let pairs = |query: &Query, is_behind: bool| {
        let terms = &query.terms;
        let beside = |at: usize| {
            let (first, second) = if is_behind { (at, at + 1) } else { (at.checked_sub(1)?, at) };
            let is_beside = terms.get(second)?.place == terms[first].place + 1;
            let other = &terms[if is_behind { second } else { first }];
            (is_beside && other.kind == Kind::Word).then_some(other.key)
        };
        let fixed = terms.iter().enumerate().filter(|(_, term)| term.kind != Kind::Word);
        let mut pairs: Vec<_> = fixed.map(|(at, term)| (term.key, term.preposition, beside(at))).collect();
        pairs.sort_unstable();
        let count = pairs.iter().filter(|(_, _, beside)| beside.is_some()).count();
        (pairs, count)
    };
    let sides = [true, false].map(|is_behind| (pairs(a, is_behind), pairs(b, is_behind)));
    let mut telling = sides.iter().filter(|((_, one), (_, other))| one.min(other) > &1).peekable();
    if telling.peek().is_none() {
        let prepositions = |query: &Query| {
            let fixed = query.terms.iter().filter(|term| term.kind != Kind::Word);
            let mut list: Vec<_> = fixed.map(|term| (term.key, term.preposition)).collect();
            list.sort_unstable();
            list
        };
        return prepositions(a) == prepositions(b);
    }
    telling.any(|((one, _), (other, _))| one == other)
}

/// The same in the same order; or in another one, in lists.
fn are_same(a: &Query, b: &Query, one: &[String], other: &[String]) -> bool {
    if one == other {
        return true;
    }
    let sorted = |list: &[String]| {
        let mut sorted = list.to_vec();
        sorted.sort_unstable();
        sorted
    };
    let has_list = |query: &Query| query.has_and || query.has_or;
    has_list(a) && has_list(b) && sorted(one) == sorted(other)
}
