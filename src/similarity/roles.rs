//! Who does what to whom: the same words in other roles are another question.
//!
//! Roles are told by order and prepositions. What changes place together with its preposition keeps its role; in the passive
//! voice, who stands behind "by" is who stands first in the active one.

use super::align::{Alignment, Match};
use super::compare::Reason;
use super::frames::Ask;
use super::lexicon::{Pos, lexicon};
use super::query::{Query, Term};
use super::token::Kind;
use super::words::{self, PRAISE, SYMMETRIC};

/// Whether the roles of what two questions have in common differ, and how.
pub(super) fn differ(a: &Query, b: &Query, alignment: &Alignment) -> Option<Reason> {
    if has_other_particles(a, b) {
        return Some(Reason::Direction);
    }
    if let Some(reason) = directions(a, b, alignment) {
        return Some(reason);
    }
    match (agent(a), agent(b)) {
        (Some(by), None) => return voices(a, by, b, alignment, |pair| (pair.a, pair.b)),
        (None, Some(by)) => return voices(b, by, a, alignment, |pair| (pair.b, pair.a)),
        _ => {}
    }
    if asks_beyond(a, b, alignment) || is_asked_for(a, b, alignment) || is_elsewhere(a, b, alignment) {
        return Some(Reason::Order);
    }
    // In a command without a verb of the grammar, whatever stands behind another word may depend on it.
    let is_command = [a, b].iter().all(|query| query.ask == Ask::Nothing && !query.facts.has_auxiliary);
    let may_play = |pair: &&Match| {
        is_argument(&a.terms[pair.a]) || is_argument(&b.terms[pair.b]) || (is_command && are_short(a, b))
    };
    if is_other_kind(a, b, alignment) {
        return Some(Reason::Order);
    }
    let mut pairs = alignment.matches.iter().filter(may_play).peekable();
    while let Some(first) = pairs.next() {
        for second in pairs.clone() {
            if second.b < first.b && changes_roles(a, b, alignment, first, second) {
                return Some(Reason::Order);
            }
        }
    }
    None
}

/// Whether one has a particle or preposition that makes it another question: in place of its opposite ("log in", "log out"), of
/// another one that tells a place or a way, or where the other has none ("back up", "back").
fn has_other_particles(a: &Query, b: &Query) -> bool {
    let only = |one: &Query, other: &Query| -> Vec<&'static str> {
        one.particles.iter().filter(|particle| !other.particles.contains(particle)).copied().collect()
    };
    let (mine, others) = (only(a, b), only(b, a));
    let is_telling = |particle: &&str| TELLING.contains(particle);
    let is_changing = |particle: &&str| CHANGING.contains(particle);
    mine.iter().any(|one| others.iter().any(|other| words::are_opposites(one, other)))
        || (mine.iter().any(is_telling) && others.iter().any(is_telling))
        || mine.iter().chain(&others).any(is_changing)
}

/// Tell a place, a way or a side.
const TELLING: [&str; 15] = [
    "out", "off", "up", "down", "over", "under", "onto", "through", "behind", "above", "below", "beneath",
    "against", "by", "about",
];
/// Change the verb that they belong to.
const CHANGING: [&str; 6] = ["out", "off", "up", "down", "over", "against"];

/// Whether something may play a part: a name, a noun, a number.
fn is_argument(term: &Term) -> bool {
    if term.kind != Kind::Word || term.is_name {
        return true;
    }
    term.word.is_some_and(|word| lexicon().pos(word).intersects(Pos::NOUN)) && term.classes & !SYMMETRIC == 0
}

/// A common term behind a preposition, and behind one that says something else in the other question.
fn directions(a: &Query, b: &Query, alignment: &Alignment) -> Option<Reason> {
    let is_other = |pair: &&Match| match (a.terms[pair.a].preposition, b.terms[pair.b].preposition) {
        (Some(one), Some(other)) if one != other => {
            let are_governed = a.terms[pair.a].is_governed && b.terms[pair.b].is_governed;
            words::are_opposites(one, other)
                || (are_governed && are_short(a, b) && !may_swap(a, b, pair, one, other))
        }
        _ => false,
    };
    alignment.matches.iter().find(is_other).map(|_| Reason::Direction)
}

/// In long texts there is more than one way to put the same words.
pub(super) fn are_short(a: &Query, b: &Query) -> bool {
    a.terms.len().max(b.terms.len()) <= MOST_IN_SHORT
}

/// Terms of a short text.
const MOST_IN_SHORT: usize = 8;

/// Whether one preposition may stand in place of the other before these terms.
fn may_swap(a: &Query, b: &Query, pair: &Match, one: &str, other: &str) -> bool {
    let are =
        |first: &str, second: &str| (one == first && other == second) || (one == second && other == first);
    let term = &a.terms[pair.a];
    let follows_noun = |query: &Query, at: usize| at > 0 && is_argument(&query.terms[at - 1]);
    INTERCHANGEABLE.iter().any(|row| row.contains(&one) && row.contains(&other))
        // A place, or what something is for.
        || (are("of", "in") && term.is_name)
        || (are("of", "for") && !term.is_name)
        || (are("of", "after") && term.kind == Kind::Number)
        // By what means.
        || (are("in", "with") && follows_noun(a, pair.a) && follows_noun(b, pair.b))
}

/// Prepositions of which one may stand in place of another of the same row.
const INTERCHANGEABLE: [&[&str]; 8] = [
    &["in", "on", "at"],
    &["on", "onto", "upon"],
    &["to", "into"],
    &["in", "within", "during"],
    &["on", "about"],
    &["through", "via", "by"],
    &["between", "from", "among"],
    &["below", "under", "beneath"],
];

/// Whether a preposition at the end of one asks for what it belongs to, and has it in the other: "who is Tom the father of",
/// "who is the father of Tom".
fn is_asked_for(a: &Query, b: &Query, alignment: &Alignment) -> bool {
    let only = |one: &Query, other: &Query| {
        one.stranded.iter().find(|preposition| !other.stranded.contains(preposition)).copied()
    };
    let (mine, others) = if are_short(a, b) { (only(a, b), only(b, a)) } else { (None, None) };
    let goes_with =
        |term: &Term, preposition: Option<&str>| preposition.is_some() && term.preposition == preposition;
    alignment
        .matches
        .iter()
        .filter(|pair| is_argument(&a.terms[pair.a]) || is_argument(&b.terms[pair.b]))
        .any(|pair| {
            let (one, other) = (&a.terms[pair.a], &b.terms[pair.b]);
            (goes_with(other, mine) && !goes_with(one, mine))
                || (goes_with(one, others) && !goes_with(other, others))
        })
}

/// Whether one asks what something is for, of or about, and the other what it is.
fn asks_beyond(a: &Query, b: &Query, alignment: &Alignment) -> bool {
    let only = |one: &Query, other: &Query| {
        one.stranded.iter().any(|preposition| *preposition != "to" && !other.particles.contains(preposition))
    };
    // What something is used for is its use.
    let is_use =
        |pair: &Match| a.terms[pair.a].text.starts_with("use") || b.terms[pair.b].text.starts_with("use");
    a.ask.with(b.ask) == Ask::What
        && a.stranded.len() != b.stranded.len()
        && (only(a, b) || only(b, a))
        && !alignment.matches.iter().any(is_use)
}

/// "Is a square a rectangle", "is a rectangle a square".
fn is_other_kind(a: &Query, b: &Query, alignment: &Alignment) -> bool {
    let is_plain = |term: &Term| is_argument(term) && term.preposition.is_none() && !term.is_listed;
    let are_plain = |query: &Query| query.terms.len() > 1 && query.terms[..2].iter().all(is_plain);
    matches!(a.ask.with(b.ask), Ask::IsSo | Ask::WasSo)
        && alignment.in_b(0) == Some(1)
        && alignment.in_b(1) == Some(0)
        && are_plain(a)
        && are_plain(b)
        && !is_mutual(a, 0, 1)
}

/// Whether one asks what something can do and the other what can be done there: "can Mars breathe", "can one breathe on Mars".
fn is_elsewhere(a: &Query, b: &Query, alignment: &Alignment) -> bool {
    let does = |place: usize, query: &Query, other: &Term| {
        place == 0
            && query.terms.len() > 1
            && query.terms[0].preposition.is_none()
            && other.is_governed
            && matches!(other.preposition, Some("in" | "on" | "at"))
    };
    matches!(a.ask, Ask::Can | Ask::Should)
        && alignment.matches.iter().any(|pair| {
            let (one, other) = (&a.terms[pair.a], &b.terms[pair.b]);
            one.is_name && (does(pair.a, a, other) || does(pair.b, b, one))
        })
}

/// `agent` is the place of who does it in the passive question.
fn voices(
    passive: &Query,
    agent: usize,
    active: &Query,
    alignment: &Alignment,
    places: impl Fn(&Match) -> (usize, usize),
) -> Option<Reason> {
    let verb = passive.terms[..agent].iter().rposition(|term| term.preposition != Some("by"))?;
    let in_active =
        |place| alignment.matches.iter().map(&places).find(|&(one, _)| one == place).map(|(_, other)| other);
    let (Some(doer), Some(action)) = (in_active(agent), in_active(verb)) else { return None };
    (doer > action && active.terms[doer].preposition != Some("by")).then_some(Reason::Order)
}

/// `first` comes before `second` in `a` and behind it in `b`.
fn changes_roles(a: &Query, b: &Query, alignment: &Alignment, first: &Match, second: &Match) -> bool {
    let (one, other) = (&a.terms[first.a], &a.terms[second.a]);
    let (one_b, other_b) = (&b.terms[first.b], &b.terms[second.b]);
    let keeps = one.preposition == one_b.preposition && other.preposition == other_b.preposition;
    if is_mutual(a, first.a, second.a) && is_mutual(b, second.b, first.b) {
        return false;
    }
    // Each has the preposition of the other: "a to b", "b to a".
    if one.preposition != other.preposition
        && one.preposition == other_b.preposition
        && other.preposition == one_b.preposition
    {
        return true;
    }
    // Each goes with its preposition.
    if keeps && one.preposition != other.preposition {
        return false;
    }
    let is_next = second.a == first.a + 1 || first.b == second.b + 1;
    let in_a = is_listed(a, first.a, second.a);
    let in_b = is_listed(b, second.b, first.b);
    if (in_a && in_b) || ((in_a || in_b) && is_next) {
        return false;
    }
    // One behind the other with nothing between: "dog food", "food dog".
    let is_open = |term: &&Term| term.classes == 0 && term.kind != Kind::Number && !is_time(term);
    // "Installing it", "its installation".
    let is_compound = first.likeness.min(second.likeness) >= 1.0
        && other.place == one.place + 1
        && one_b.place == other_b.place + 1
        && keeps
        && a.has_be == b.has_be;
    if is_compound && are_short(a, b) && [one, other, one_b, other_b].iter().all(is_open) {
        return true;
    }
    // Something that both are arguments of stands between them, in both questions.
    let is_between = |pair: &&Match| {
        (first.a + 1..second.a).contains(&pair.a) && (second.b + 1..first.b).contains(&pair.b)
    };
    alignment.matches.iter().any(|pair| is_between(&pair))
}

fn is_listed(query: &Query, from: usize, to: usize) -> bool {
    (query.terms[to].is_listed && query.terms[from].is_compared == query.terms[to].is_compared)
        || (to > from + 1
            && query.terms[from + 1..=to].iter().all(|term| term.is_listed || term.kind != Kind::Word))
}

/// Words that may stand anywhere.
fn is_time(term: &Term) -> bool {
    ["today", "tomorrow", "yesterday", "tonight"].contains(&term.text.as_str())
}

/// Whether what stands at two places is the same to each other: a word that says so is between them, or before them both, and
/// nothing else that could part them.
fn is_mutual(query: &Query, from: usize, to: usize) -> bool {
    let is_symmetric = |term: &Term| term.classes & SYMMETRIC != 0;
    let between = &query.terms[from + 1..to];
    let is_part = |term: &Term| is_symmetric(term) || term.classes & PRAISE != 0 || term.is_name;
    let before = query.terms[..from].iter().rev().find(|term| !term.is_name);
    between.iter().all(is_part)
        && (between.iter().any(is_symmetric)
            || before.is_some_and(is_symmetric)
            || query.terms[to].is_listed
            || query.terms.get(to + 1).is_some_and(is_symmetric))
}

/// The term behind "by" of a question in the passive voice.
fn agent(query: &Query) -> Option<usize> {
    query.has_be.then(|| query.terms.iter().position(|term| term.preposition == Some("by"))).flatten()
}
