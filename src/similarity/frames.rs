//! What kind of answer a question asks for, and the ways to ask for it that mean the same.
//!
//! "What is a good way to X?", "If I want to X, what should I do?" and "How can you X?" all ask how to X. A frame is a row of
//! words at the beginning (or the end) of a question; what it leaves is what the question is about.

use std::sync::LazyLock;

use super::lexicon::{Pos, lexicon};
use super::token::{Kind, Token};
use super::words::{self, ADVERB, AUXILIARY, EMPTY, POLITE, PRAISE};

/// What kind of answer is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Ask {
    /// Instructions.
    How,
    /// A measure: how many, how long.
    Degree,
    Why,
    What,
    Who,
    When,
    Where,
    /// Yes or no, of the present.
    IsSo,
    /// Yes or no, of the past.
    WasSo,
    /// Yes or no, of the future or of what would be.
    WillBe,
    /// Whether it is possible or allowed.
    Can,
    /// Whether it is advisable.
    Should,
    /// Whether it is necessary.
    Must,
    /// What something is like.
    Like,
    /// What somebody thinks of it.
    Opinion,
    /// No question: something of a kind is to be given, "tell me a joke".
    Request,
    /// No question.
    Nothing,
}

impl Ask {
    /// Whether an answer to one may be an answer to the other.
    pub(super) fn fits(self, other: Self) -> bool {
        let pair = |one, another| (self == one && other == another) || (self == another && other == one);
        // "convert a to b" is typed for "how do I convert a to b".
        self == other
            || pair(Self::How, Self::Nothing)
            || pair(Self::How, Self::Request)
            || pair(Self::Nothing, Self::Request)
    }

    /// The more telling of two that fit: it makes no difference which comes first.
    pub(super) fn with(self, other: Self) -> Self {
        let says_less =
            matches!(self, Self::Nothing | Self::Request) || (self == Self::Like && other == Self::How);
        if says_less { other } else { self }
    }

    /// Whether one names what the other asks for: "the capital of France".
    pub(super) fn may_name(self, other: Self) -> bool {
        matches!(
            (self, other),
            (Self::What | Self::Who, Self::Nothing) | (Self::Nothing, Self::What | Self::Who)
        )
    }

    /// Whether the answer is yes or no.
    pub(super) fn is_whether(self) -> bool {
        matches!(self, Self::IsSo | Self::WasSo | Self::WillBe | Self::Can | Self::Should | Self::Must)
    }

    /// Whether "I" and "you" mean anybody in it.
    pub(super) fn is_of_anybody(self) -> bool {
        matches!(self, Self::How | Self::Can | Self::Should | Self::Must)
    }
}

/// Ways to begin, most specific first. `a|b` one of; `?` at the end: may be missing; `<p>` somebody; `<adj>` praise; `<n>` one
/// or more of these.
const BEGINNINGS: [(&str, Option<Ask>); 57] = [
    // Nothing of the question yet.
    ("<polite>", None),
    (
        "can|could|would|will you|anyone|anybody|someone|somebody please? tell|explain|show|help|let|give|suggest|advise me|us? know? understand? about? to? with?",
        None,
    ),
    ("please? tell|explain|show|help|let me|us know? understand? about? to? with?", None),
    ("please? explain|define|describe to|me|us? me|us? about?", None),
    ("do|does you|anyone|anybody|someone know if|whether|about|of?", None),
    ("do|does you|anyone|anybody|someone know", None),
    ("i want|need|like|wish to know|understand|learn? about? if|whether?", None),
    ("i would like|love to know|understand about? if|whether?", None),
    ("i am|was just? wondering|curious|asking if|whether|about?", None),
    ("do|did you|we|people think|believe|feel that?", None),
    ("in your|my opinion|view", None),
    ("is it true|correct|right that", Some(Ask::IsSo)),
    // How.
    ("how does|do|can|could|should|would|may|might|must|will|to <p> go? about?", Some(Ask::How)),
    ("how is it possible to", Some(Ask::How)),
    (
        "what|which is|are|was|were|would be? <adj> <adj> <adj> <adj> <adj> way|ways|method|methods|approach|approaches|process|procedure|steps|trick|tricks|tips|technique|techniques|means|strategy|strategies to|of|for|in|that|by? <p>? can|could|should?",
        Some(Ask::How),
    ),
    ("what is|are way|ways|method|methods to|of", Some(Ask::How)),
    ("what should|can|could|must|shall|would|might|do|does <p> do in? order? to", Some(Ask::How)),
    (
        "what should|can|could|must|shall|would|might|do|does <p> have|need|try to do in? order? to",
        Some(Ask::How),
    ),
    ("what does it take to", Some(Ask::How)),
    ("what is|are needed|required|necessary to|for", Some(Ask::How)),
    (
        "is|are there <adj> <adj>? way|ways|method|methods|trick|possibility to|of|for|that|by? <p>? can|could?",
        Some(Ask::How),
    ),
    ("in what way|ways can|could|do|does|should? <p>?", Some(Ask::How)),
    ("how to", Some(Ask::How)),
    // What it is like, and what one thinks of it.
    ("what is|was|would it be? like to|being|having|when?", Some(Ask::Like)),
    ("what does|do|did|would it feel like to|being|having|when?", Some(Ask::Like)),
    ("how does|do|did|would it feel like? to|being|having|when?", Some(Ask::Like)),
    (
        "what do|does|did you|people|we|others|everyone|everybody generally|really|personally? think|feel about|of|on|regarding",
        Some(Ask::Opinion),
    ),
    (
        "what is|are|was|were your|the? general|public|personal|honest? opinion|opinions|view|views|thought|thoughts|take|stance on|of|about|regarding",
        Some(Ask::Opinion),
    ),
    ("how do|does|did you|people|we feel about", Some(Ask::Opinion)),
    // Why.
    ("how come", Some(Ask::Why)),
    (
        "what is|are|was|were the|some? main|real|actual|possible? reason|reasons|cause|causes for|why|that|behind|of?",
        Some(Ask::Why),
    ),
    ("for what reason", Some(Ask::Why)),
    ("what causes|caused", Some(Ask::Why)),
    // Whether.
    ("is|would|was it be? possible|feasible for? <p>? to|that", Some(Ask::Can)),
    ("is|am|are <p> able|allowed|permitted to", Some(Ask::Can)),
    ("is|was it necessary|required|mandatory|compulsory|needed for? <p>? to|that", Some(Ask::Must)),
    ("do|does <p> have|need|has|needs to", Some(Ask::Must)),
    ("is|would|was it be? a? good|wise|better|best|advisable idea? for? <p>? to", Some(Ask::Should)),
    ("what makes|made", Some(Ask::Why)),
    // Other questions.
    (
        "in|on|at what|which time|day|date|year|month is|are|was|were|do|does|did|will|would|can|should|has|have|had",
        Some(Ask::When),
    ),
    (
        "what|which time|day|date|year|month is|are|was|were|do|does|did|will|would|can|should|has|have|had",
        Some(Ask::When),
    ),
    ("where|what|which is|are <adj> <adj> <adj> place|places to|where <p>? can?", Some(Ask::Where)),
    ("why", Some(Ask::Why)),
    ("who|whom|whose", Some(Ask::Who)),
    (
        "when did|do|does|is|are|was|were|will|would|can|could|should|has|have|had|shall|may|might|must",
        Some(Ask::When),
    ),
    (
        "where did|do|does|is|are|was|were|will|would|can|could|should|has|have|had|shall|may|might|must",
        Some(Ask::Where),
    ),
    ("where|when and", Some(Ask::Where)),
    ("where to", Some(Ask::Where)),
    ("when to", Some(Ask::When)),
    ("what do|does|did <p> mean by", Some(Ask::What)),
    ("what is|are|was meant by", Some(Ask::What)),
    ("what is|are the? definition|definitions of", Some(Ask::What)),
    ("name the", Some(Ask::What)),
    ("what|which", Some(Ask::What)),
    ("in|for|to|at|on|by|with|from which|what", Some(Ask::What)),
    ("if <p> want|wants|wanted|wish|need to", Some(Ask::How)),
    ("in order to", Some(Ask::How)),
];

/// Ways to end, behind a beginning with a condition or none at all.
const ENDINGS: [&str; 3] = [
    "what should|can|could|must|do|would|might <p> do|try|have|need to? do?",
    "what is the? best|good? way|thing|approach|method? to? do?",
    "please|thanks|thank you? so? very? much?",
];

/// The place of politeness among [`ENDINGS`].
const POLITE_TAIL: usize = 2;

/// The patterns from this place on say only that it ends with what [`ENDINGS`] says.
const NEEDS_ENDING: usize = BEGINNINGS.len() - 2;

enum Part {
    Words(Vec<&'static str>),
    Somebody,
    Qualities,
    Polite,
}

struct Pattern {
    /// With whether it may be missing.
    parts: Vec<(Part, bool)>,
}

impl Pattern {
    fn new(text: &'static str) -> Self {
        let part = |word: &'static str| {
            let (word, is_optional) = word.strip_suffix('?').map_or((word, false), |word| (word, true));
            let part = match word {
                "<p>" => Part::Somebody,
                "<adj>" => Part::Qualities,
                "<polite>" => Part::Polite,
                _ => Part::Words(word.split('|').collect()),
            };
            (part, is_optional || word == "<adj>")
        };
        Self { parts: text.split_ascii_whitespace().map(part).collect() }
    }

    /// How many of the tokens, from the first on, it covers.
    fn covers(&self, tokens: &[Token]) -> Option<usize> {
        let mut at = 0;
        for (part, is_optional) in &self.parts {
            let fits = tokens.get(at).is_some_and(|token| part.fits(token));
            if fits {
                at += 1;
            } else if !is_optional {
                return None;
            }
        }
        (at > 0).then_some(at)
    }
}

impl Part {
    fn fits(&self, token: &Token) -> bool {
        if token.kind != Kind::Word || token.is_quoted {
            return false;
        }
        let word = token.text.as_str();
        match self {
            Self::Words(words) => words.contains(&word),
            Self::Somebody => SOMEBODY.contains(&word),
            Self::Qualities => words::classes(word) & PRAISE != 0 || QUALITIES.contains(&word),
            Self::Polite => words::classes(word) & POLITE != 0,
        }
    }
}

const SOMEBODY: [&str; 12] =
    ["i", "you", "we", "one", "someone", "somebody", "anyone", "anybody", "people", "a", "person", "u"];

/// What a way may be without being another one.
const QUALITIES: [&str; 27] = [
    "of",
    "your",
    "and",
    "a",
    "an",
    "the",
    "some",
    "any",
    "easy",
    "easier",
    "easiest",
    "simple",
    "simplest",
    "quick",
    "quickest",
    "fast",
    "fastest",
    "right",
    "proper",
    "correct",
    "possible",
    "ideal",
    "effective",
    "efficient",
    "most",
    "few",
    "various",
];

static PATTERNS: LazyLock<Vec<(Pattern, Option<Ask>)>> =
    LazyLock::new(|| BEGINNINGS.iter().map(|&(text, ask)| (Pattern::new(text), ask)).collect());
static TAILS: LazyLock<Vec<Pattern>> =
    LazyLock::new(|| ENDINGS.iter().map(|text| Pattern::new(text)).collect());

/// The kind of a question, its tokens but for politeness, and those of them that say what it is about.
pub(super) fn frame(tokens: &[Token]) -> (Ask, &[Token], &[Token]) {
    let mut rest = tokens;
    let mut has_tail = false;
    if let Some(shorter) = without_tail(rest) {
        (rest, has_tail) = (shorter, shorter.len() + 2 < tokens.len());
    }
    let mut steps = 0;
    loop {
        let found = PATTERNS.iter().enumerate().find_map(|(at, (pattern, ask))| {
            let covered = pattern.covers(rest).filter(|&covered| covered < rest.len())?;
            (has_tail || at < NEEDS_ENDING).then_some((covered, *ask))
        });
        match found {
            Some((_, Some(Ask::What))) if is_degree(rest, "what") => return (Ask::Degree, rest, &rest[1..]),
            Some((covered, Some(ask))) => return (ask, rest, &rest[covered..]),
            // Politeness may be piled up; not for ever.
            Some((covered, None)) if steps < 4 => {
                rest = &rest[covered..];
                steps += 1;
            }
            _ => break,
        }
    }
    if has_tail {
        return (Ask::How, rest, rest);
    }
    let Some(first) = rest.first().filter(|token| token.kind == Kind::Word) else {
        return (Ask::Nothing, rest, rest);
    };
    if let [how, much, time, ..] = rest
        && how.text == "how"
        && ((much.text == "much" && time.text == "time") || (much.text == "long" && rest.len() > 3))
    {
        return (Ask::Degree, rest, &rest[if much.text == "long" { 2 } else { 3 }..]);
    }
    if first.text == "how" && rest.len() > 1 {
        return if words::classes(&rest[1].text) & AUXILIARY != 0 {
            (Ask::How, rest, &rest[2..])
        } else if is_subject(&rest[1]) {
            (Ask::How, rest, &rest[1..])
        } else {
            (Ask::Degree, rest, &rest[1..])
        };
    }
    if let Some(ask) = whether(&first.text) {
        return (ask, rest, &rest[1..]);
    }
    // "Do you think you can X": the verb comes second.
    let second = rest.get(1).filter(|_| steps > 0).and_then(|token| whether(&token.text));
    let is_request = steps > 0 && ["a", "an", "some", "another"].contains(&first.text.as_str());
    let otherwise = if is_request { Ask::Request } else { Ask::Nothing };
    (second.unwrap_or(otherwise), rest, rest)
}

/// Who or what does it, in "how people live": no adjective or adverb.
fn is_subject(token: &Token) -> bool {
    let classes = words::classes(&token.text);
    if token.kind != Kind::Word || classes != 0 {
        return classes & EMPTY != 0 && classes & ADVERB == 0;
    }
    let gradable =
        |id| lexicon().pos(id).intersects(Pos::ADJECTIVE) || lexicon().pos(id).intersects(Pos::ADVERB);
    token.is_capital || lexicon().lemma(&token.text).is_none_or(|id| !gradable(id))
}

fn is_degree(tokens: &[Token], first: &str) -> bool {
    tokens.len() > 2
        && tokens[0].text == first
        && ["percentage", "percent"].contains(&tokens[1].text.as_str())
}

fn without_tail(tokens: &[Token]) -> Option<&[Token]> {
    (1..tokens.len()).rev().take(10).find_map(|at| {
        let ends = |pattern: &Pattern| pattern.covers(&tokens[at..]) == Some(tokens.len() - at);
        // "How to say thanks" is no thanks.
        let is_polite = || tokens[at].begins || tokens[at].text == "please";
        let is_end =
            TAILS.iter().enumerate().any(|(place, tail)| ends(tail) && (place != POLITE_TAIL || is_polite()));
        is_end.then(|| &tokens[..at])
    })
}

/// The kind of a question that begins with this verb.
fn whether(word: &str) -> Option<Ask> {
    Some(match word {
        "is" | "are" | "am" | "does" | "do" | "has" | "have" => Ask::IsSo,
        "was" | "were" | "did" | "had" => Ask::WasSo,
        "will" | "would" | "shall" => Ask::WillBe,
        "can" | "could" | "may" | "might" => Ask::Can,
        "should" | "ought" => Ask::Should,
        "must" => Ask::Must,
        _ => return None,
    })
}
