//! What a question says besides what it is about: of whom, of what time, whether one can or should.

use super::frames::Ask;
use super::lexicon::lexicon;
use super::query::Query;
use super::sentence::{has_one_of, is_be};
use super::token::{Kind, Token};
use super::words::{self, AUXILIARY, FIRST_PERSON, SECOND_PERSON, THIRD_PERSON};

/// Taken from the words of the grammar in one question.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each says something by itself")]
pub(super) struct Facts {
    /// I and you: 1 and 2, in order.
    persons: Vec<u8>,
    /// I, you, he, she, they: `1`, `2`, `m`, `f`, `t`, in order, each once in a row.
    sequence: Vec<u8>,
    /// Whether a form of "do" comes before who does it: what is asked for is not who does it.
    asks_for_object: bool,
    /// Forms of verbs that tell the time: `s` is, `w` was, `d` did, `l` will.
    times: Vec<u8>,
    /// The first modal verb.
    modal: Option<Modal>,
    /// What kind of measure, or of time, is asked for.
    measure: String,
    has_whose: bool,
    /// Myself, yourself, oneself.
    is_reflexive: bool,
    /// A form of "be", "do" or "have", or a modal verb.
    pub(super) has_auxiliary: bool,
    /// Whether it asks how something is.
    pub(super) is_of_state: bool,
    /// Whether it asks what is done, or what is had, rather than what is.
    is_of_deed: bool,
    is_of_having: bool,
    /// Whether some of many are enough.
    pub(super) has_some: bool,
    /// Words that join two clauses, as a letter for what they say, in order.
    links: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Modal {
    Can,
    Should,
    Must,
}

impl Facts {
    /// Of the whole of a question, and what it is about.
    pub(super) fn new(whole: &[Token], rest: &[Token], measure: &str) -> Self {
        let mut facts = Self {
            asks_for_object: has_one_of(rest, 2, &["do", "does", "did"])
                && (has_one_of(whole, 1, &["who", "whom"])
                    || !has_one_of(rest, 3, &["you", "i", "we", "people", "one"]))
                && !has_one_of(rest, 6, &["think", "believe", "say", "consider", "mean", "stand", "cost"]),
            has_whose: has_one_of(whole, whole.len(), &["whose"]),
            measure: measure.to_owned(),
            is_of_state: matches!(whole, [how, be, ..] if how.text == "how" && is_be(&be.text)),
            is_of_deed: has_verb(whole, &["do", "done"]),
            is_of_having: has_verb(whole, &["have", "exist", "exists"]) || has_one_of(whole, 3, &["there"]),
            has_some: has_one_of(whole, 4, &["some"]),
            ..Self::default()
        };
        for (at, token) in whole.iter().enumerate().filter(|(_, token)| token.kind == Kind::Word) {
            facts.note(token, whole.get(at + 1).map_or("", |next| &next.text));
        }
        for (at, token) in rest.iter().enumerate() {
            facts.links.extend(link(&token.text, rest.get(at + 1), at));
        }
        facts
    }

    fn note(&mut self, token: &Token, next: &str) {
        let classes = words::classes(&token.text);
        self.has_auxiliary |= classes & AUXILIARY != 0;
        self.is_reflexive |= token.text.ends_with("self") || token.text.ends_with("selves");
        let person = if classes & FIRST_PERSON != 0 {
            self.persons.push(1);
            Some(b'1')
        } else if classes & SECOND_PERSON != 0 {
            self.persons.push(2);
            Some(b'2')
        } else if classes & THIRD_PERSON != 0 {
            Some(third_person(&token.text))
        } else {
            None
        };
        if person.is_some() && self.sequence.last() != person.as_ref() {
            self.sequence.extend(person);
        }
        if self.modal.is_none() {
            self.modal = match token.text.as_str() {
                "can" | "could" | "may" | "might" => Some(Modal::Can),
                "should" | "ought" => Some(Modal::Should),
                "must" => Some(Modal::Must),
                "have" | "has" | "need" | "needs" if next == "to" => Some(Modal::Must),
                _ => None,
            };
        }
        let time = match token.text.as_str() {
            "is" | "are" | "am" => b's',
            "was" | "were" => b'w',
            "did" => b'd',
            "will" => b'l',
            _ => return,
        };
        if !self.times.contains(&time) {
            self.times.push(time);
        }
    }
}

/// "What does it do", "what does it have": the verb itself, behind its auxiliary.
fn has_verb(whole: &[Token], verbs: &[&str]) -> bool {
    let is_auxiliary = |text: &str| words::classes(text) & AUXILIARY != 0 || text == "to";
    let first = whole.iter().position(|token| is_auxiliary(&token.text)).unwrap_or(whole.len());
    whole.iter().skip(first + 1).any(|token| verbs.contains(&token.text.as_str()))
}

/// He, she or they, in whatever case.
pub(super) fn third_person(word: &str) -> u8 {
    match word.as_bytes() {
        [b't', ..] => b't',
        [b's', ..] | [b'h', b'e', b'r', ..] => b'f',
        _ => b'm',
    }
}

/// What a word says that joins two clauses; not at the beginning, where it asks.
fn link(word: &str, next: Option<&Token>, at: usize) -> Option<u8> {
    let next = next.map_or("", |next| &next.text);
    Some(match word {
        "if" => b'i',
        "when" | "whenever" if at > 0 => b'i',
        "while" => b'w',
        "once" => b'o',
        "as" if next == "soon" => b'o',
        "although" | "though" => b'a',
        _ => return None,
    })
}

/// Whether two questions are about other people.
pub(super) fn are_of_others(a: &Query, b: &Query) -> bool {
    if a.third_persons != b.third_persons || a.facts.is_reflexive != b.facts.is_reflexive {
        return true;
    }
    let (one, other) = (&a.facts, &b.facts);
    // Who does it, and to whom.
    let is_mixed = |sequence: &[u8]| sequence.iter().any(u8::is_ascii_alphabetic) && sequence.len() > 1;
    if is_mixed(&one.sequence) && is_mixed(&other.sequence) && one.sequence != other.sequence {
        return true;
    }
    let is_uniform = |persons: &[u8]| persons.windows(2).all(|pair| pair[0] == pair[1]);
    if is_uniform(&one.persons) && is_uniform(&other.persons) {
        // "Am I" and "are you"; "what is my name" and "what is your name".
        let differ = matches!((one.persons.first(), other.persons.first()), (Some(a), Some(b)) if a != b);
        let is_of_anybody =
            a.ask.with(b.ask).is_of_anybody() || !(one.links.is_empty() || other.links.is_empty());
        return differ && !is_of_anybody;
    }
    one.persons != other.persons
}

/// Whether one is of the past or the future and the other is not.
pub(super) fn are_of_other_times(a: &Query, b: &Query) -> bool {
    if !matches!(a.ask.with(b.ask), Ask::What | Ask::Who | Ask::When | Ask::Where) {
        return false;
    }
    let has = |query: &Query, time: u8| query.facts.times.contains(&time);
    let clash = |one: &Query, other: &Query| {
        (has(one, b'w') && has(other, b's') && !has(other, b'w') && !has(one, b's'))
            || (has(one, b'l') && (has(other, b'w') || has(other, b'd')) && !has(other, b'l'))
    };
    clash(a, b) || clash(b, a)
}

/// "Who killed him" and "who did he kill"; "whose boss is he" and "who is his boss".
pub(super) fn ask_for_others(a: &Query, b: &Query) -> bool {
    let ask = a.ask.with(b.ask);
    (matches!(ask, Ask::What | Ask::Who) && a.facts.asks_for_object != b.facts.asks_for_object)
        || (a.facts.has_whose != b.facts.has_whose && ask == Ask::Who)
}

/// Whether they ask for another measure: how often, how much; or for what can be and what should.
pub(super) fn ask_otherwise(a: &Query, b: &Query) -> bool {
    let (one, other) = (&a.facts, &b.facts);
    let ask = a.ask.with(b.ask);
    let is_modal = matches!(ask, Ask::What | Ask::Who | Ask::When | Ask::Where);
    let differs = |one: Option<Modal>, other: Option<Modal>| {
        one == Some(Modal::Can) && matches!(other, Some(Modal::Should | Modal::Must))
    };
    match ask {
        Ask::Degree if one.measure != other.measure => return !are_alike(&one.measure, &other.measure),
        Ask::When if one.measure != other.measure => {
            return !one.measure.is_empty() && !other.measure.is_empty();
        }
        _ => {}
    }
    let is_real = |facts: &Facts| facts.modal.is_none() && !facts.times.is_empty();
    let ought = |facts: &Facts| facts.modal == Some(Modal::Should);
    let is_other_deed = (ask == Ask::What && one.is_of_deed != other.is_of_deed)
        || (matches!(ask, Ask::What | Ask::IsSo | Ask::WasSo) && one.is_of_having != other.is_of_having);
    is_other_deed
        || is_modal
            && (differs(one.modal, other.modal)
                || differs(other.modal, one.modal)
                || (ought(one) && is_real(other))
                || (ought(other) && is_real(one)))
}

/// Whether their clauses hang together in another way: if, while, although.
pub(super) fn are_linked_otherwise(a: &Query, b: &Query) -> bool {
    let (one, other) = (&a.facts.links, &b.facts.links);
    let concedes = |links: &[u8]| links.contains(&b'a');
    // "While" may be "when" or "if", if there is nothing else.
    let is_same = one == other || matches!((&one[..], &other[..]), ([b'i'], [b'w']) | ([b'w'], [b'i']));
    (!one.is_empty() && !other.is_empty() && !is_same) || concedes(one) != concedes(other)
}

fn are_alike(one: &str, other: &str) -> bool {
    let lexicon = lexicon();
    lexicon.lemma(one).zip(lexicon.lemma(other)).is_some_and(|(one, other)| {
        one == other || lexicon.are_synonyms(one, other) || lexicon.derived(one, other)
    })
}
