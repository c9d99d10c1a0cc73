//! Whether another thing is asked about: a noun in place of another one, or one more that makes another thing of it.

use super::align::{Alignment, Match};
use super::frames::Ask;
use super::lexicon::{Pos, lexicon};
use super::query::{Query, Term};
use super::token::Kind;

/// Words that weigh less say too little to make a difference by themselves.
pub(super) const TELLING: f32 = 2.5;

/// What a word weighs that changes what has a reason.
const REASON: f32 = 4.5;

/// Most words of a command.
const LONGEST_COMMAND: usize = 6;

/// Whether a question has a noun in place of another one, or one of those that ask whether or why something is so a noun or an
/// adjective more. In a command of few words, whether it has any other word.
pub(super) fn has_other_detail(a: &Query, b: &Query, alignment: &Alignment) -> bool {
    let is_replaced_by = |is_wanted: fn(&Term) -> bool| {
        has(a, &alignment.only_a, is_wanted) && has(b, &alignment.only_b, is_wanted)
    };
    if a.ask == Ask::Nothing || b.ask == Ask::Nothing {
        let is_short = a.terms.len().max(b.terms.len()) <= LONGEST_COMMAND;
        let is_other_form = |pair: &Match| {
            a.terms[pair.a].key == b.terms[pair.b].key && a.terms[pair.a].text != b.terms[pair.b].text
        };
        let is_command = a.ask == b.ask && !a.facts.has_auxiliary && !b.facts.has_auxiliary;
        let are_orders = [a, b].iter().all(|query| query.is_order || query.ask == Ask::How);
        return (are_orders && (is_replaced(a, b, alignment) || has_other_head(a, b, alignment)))
            || is_short
                && !(a.facts.has_auxiliary && b.facts.has_auxiliary)
                && (is_replaced_by(|term| term.classes == 0)
                    || (is_command && alignment.matches.iter().any(is_other_form)));
    }
    let is_telling_noun = |term: &Term| term.weight >= TELLING && is_noun(term);
    let is_telling = |term: &Term| term.weight >= TELLING && is_detail(term);
    let has_more = has(a, &alignment.only_a, is_telling) || has(b, &alignment.only_b, is_telling);
    let is_manner =
        |term: &Term| term.classes == 0 && term.word.is_some_and(|word| lexicon().pos(word) == Pos::ADVERB);
    let is_reason = |term: &Term| term.weight >= REASON && is_detail(term);
    let ask = a.ask.with(b.ask);
    is_replaced_by(is_telling_noun)
        || is_replaced(a, b, alignment)
        || has_other_head(a, b, alignment)
        || (matches!(ask, Ask::How | Ask::What)
            && (has_other_quality(a, &alignment.only_a) || has_other_quality(b, &alignment.only_b)))
        || (ask == Ask::How
            && (has_other_object(a, &alignment.only_a, alignment.in_a(0))
                || has_other_object(b, &alignment.only_b, alignment.in_b(0))))
        || is_replaced_by(is_manner)
        || (has_more && ask.is_whether())
        || (matches!(ask, Ask::Who | Ask::When | Ask::Where) && has_more)
        || (ask == Ask::Why && (has(a, &alignment.only_a, is_reason) || has(b, &alignment.only_b, is_reason)))
}

/// Whether a telling word has another one of its part of speech in its place. O(terms).
fn is_replaced(a: &Query, b: &Query, alignment: &Alignment) -> bool {
    [Pos::NOUN, Pos::VERB, Pos::ADJECTIVE].iter().any(|&pos| {
        let is_telling = |term: &Term| {
            term.classes == 0
                && term.weight >= TELLING
                && term.word.is_some_and(|word| lexicon().pos(word).contains(pos))
        };
        has(a, &alignment.only_a, is_telling) && has(b, &alignment.only_b, is_telling)
    })
}

/// Nouns that say of what kind something is, and leave it what it is: "English skills", "the process of photosynthesis".
const KINDS: [&str; 25] = [
    "skill",
    "level",
    "ability",
    "process",
    "age",
    "concept",
    "idea",
    "field",
    "area",
    "method",
    "technique",
    "disease",
    "fever",
    "syndrome",
    "disorder",
    "condition",
    "city",
    "language",
    "art",
    "practice",
    "topic",
    "subject",
    "matter",
    "case",
    "mean",
];

/// Whether one is about what belongs to what the other is about: "reset my router", "reset my router password"; "get a license",
/// "get a copy of a license".
fn has_other_head(a: &Query, b: &Query, alignment: &Alignment) -> bool {
    let is_head = |one: &Query, other: &Query, at: usize, in_other: &dyn Fn(usize) -> Option<usize>| {
        let term = &one.terms[at];
        let is_kind = term.word.is_some_and(|word| KINDS.contains(&lexicon().info(word).lemma));
        if term.weight < TELLING || term.classes != 0 || is_kind || !is_noun(term) {
            return false;
        }
        let is_beside = |query: &Query, at: usize| {
            at > 0
                && query.terms.get(at).is_some_and(|next| {
                    next.place == query.terms[at - 1].place + 1 && is_noun(next) && !next.is_listed
                })
        };
        // Behind a noun that is the last one there.
        let is_behind = is_beside(one, at)
            && !is_beside(one, at + 1)
            && is_noun(&one.terms[at - 1])
            && in_other(at - 1).is_some_and(|place| {
                !is_beside(other, place + 1) && (place > 0 || !is_verb(&other.terms[place]))
            });
        let is_of = one.terms.get(at + 1).is_some_and(|next| {
            next.preposition == Some("of")
                && next.is_governed
                && term.preposition != Some("of")
                && in_other(at + 1).is_some_and(|place| other.terms[place].preposition == term.preposition)
        });
        is_behind || is_of
    };
    alignment.only_b.iter().any(|&at| is_head(b, a, at, &|place| alignment.in_a(place)))
        || alignment.only_a.iter().any(|&at| is_head(a, b, at, &|place| alignment.in_b(place)))
}

/// Whether one has an adjective more before a noun.
fn has_other_quality(query: &Query, only: &[usize]) -> bool {
    only.iter().any(|&at| {
        let term = &query.terms[at];
        term.classes == 0
            && term.weight >= TELLING
            && term.word.is_some_and(|word| {
                let pos = lexicon().pos(word);
                pos.contains(Pos::ADJECTIVE) || (pos.contains(Pos::VERB) && term.text.ends_with("ed"))
            })
            && query.terms.get(at + 1).is_some_and(|next| next.place == term.place + 1 && is_of_noun(next))
    })
}

/// Whether a term is a noun, or may stand before one.
fn is_of_noun(term: &Term) -> bool {
    is_noun(term) || term.word.is_some_and(|word| lexicon().pos(word).contains(Pos::ADJECTIVE))
}

/// Whether what is done in one, `place` in the other, has an object before it there that nothing in the one is: "how do I cancel
/// a flight", "how do I get a refund for a cancelled flight".
fn has_other_object(query: &Query, only: &[usize], place: Option<usize>) -> bool {
    let is_object = |at: &usize| query.terms[*at].weight >= REASON && is_noun(&query.terms[*at]);
    place.is_some_and(|place| only.iter().any(|at| *at < place && is_object(at)))
}

/// Whether one of the terms at these places is wanted.
pub(super) fn has(query: &Query, places: &[usize], is_wanted: impl Fn(&Term) -> bool) -> bool {
    places.iter().any(|&at| is_wanted(&query.terms[at]))
}

pub(super) fn is_noun(term: &Term) -> bool {
    term.kind == Kind::Word && term.word.is_some_and(|word| lexicon().pos(word).intersects(Pos::NOUN))
}

fn is_verb(term: &Term) -> bool {
    term.word.is_some_and(|word| lexicon().pos(word).contains(Pos::VERB))
}

fn is_detail(term: &Term) -> bool {
    term.kind == Kind::Word && term.word.is_none_or(|word| lexicon().pos(word) != Pos::ADVERB)
}
