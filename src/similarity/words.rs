//! Words that the grammar of English needs and that say what is asked rather than about what: closed classes, in lists.
//!
//! Open classes (nouns, verbs, adjectives, their opposites and synonyms) come from the lexicon.

use std::sync::LazyLock;

use hashbrown::HashMap;
use xxhash_rust::xxh3::Xxh3DefaultBuilder;

/// Says nothing about what is asked: articles, auxiliaries, the pronouns of who asks and who is asked.
pub(super) const EMPTY: u32 = 1;
/// Before a noun: says which part the noun plays.
pub(super) const PREPOSITION: u32 = 1 << 1;
/// Says when, or under what condition, something holds.
pub(super) const CONDITION: u32 = 1 << 2;
/// Turns what follows into its opposite.
pub(super) const NEGATION: u32 = 1 << 3;
/// A form of "be", "do", "have", or a modal verb.
pub(super) const AUXILIARY: u32 = 1 << 4;
/// He, she, they: somebody who was named before.
pub(super) const THIRD_PERSON: u32 = 1 << 5;
/// I, we.
pub(super) const FIRST_PERSON: u32 = 1 << 6;
/// You.
pub(super) const SECOND_PERSON: u32 = 1 << 7;
/// Strengthens or weakens a statement without changing it: "really", "currently".
pub(super) const ADVERB: u32 = 1 << 8;
/// Good, best: what people ask for by itself when they ask for anything.
pub(super) const PRAISE: u32 = 1 << 9;
/// Better than others: only one of them, or few.
pub(super) const BEST: u32 = 1 << 16;
/// Says that what follows is not to be, or no more.
pub(super) const AVERSE: u32 = 1 << 17;
/// Which of several, since when, no more: a question with it is another one without it.
pub(super) const SCOPE: u32 = 1 << 10;
/// How much, how many, how often.
pub(super) const DEGREE: u32 = 1 << 15;
/// And, or.
pub(super) const COORDINATION: u32 = 1 << 11;
/// What, who, how.
pub(super) const QUESTION: u32 = 1 << 12;
/// Part of a greeting or a please.
pub(super) const POLITE: u32 = 1 << 13;
/// Between two that are the same to each other: "A is related to B".
pub(super) const SYMMETRIC: u32 = 1 << 14;

const CLASSES: [(u32, &str); 31] = [
    (
        EMPTY,
        "a an the this that these those there it its itself to of such kind sort type thing things stuff",
    ),
    (EMPTY | AUXILIARY, "am is are was were be been being do does did done doing have has had having"),
    (EMPTY | AUXILIARY, "can could shall should will would may might must ought"),
    (EMPTY | FIRST_PERSON, "i me my mine myself we us our ours ourselves"),
    (EMPTY | SECOND_PERSON, "you your yours yourself yourselves u ur"),
    (EMPTY, "one ones oneself someone somebody anyone anybody person people everyone everybody"),
    (EMPTY, "some any"),
    (EMPTY | THIRD_PERSON, "he him his himself she her hers herself they them their theirs themselves"),
    (EMPTY | QUESTION, "what which who whom whose when where why how whether"),
    (EMPTY | COORDINATION, "and or"),
    (EMPTY | COORDINATION, "nor"),
    (EMPTY, "but so then than as also well"),
    (EMPTY | PREPOSITION, "in on at by for from about into onto upon like per via of to"),
    (
        EMPTY | PREPOSITION,
        "out off up down over under above below behind beneath beside between among across through along",
    ),
    (EMPTY | PREPOSITION, "with during within beyond since against"),
    (EMPTY | PREPOSITION | CONDITION, "without before after until till despite"),
    (EMPTY | CONDITION, "unless except"),
    (EMPTY, "if because while although though instead rather once else otherwise"),
    (NEGATION | EMPTY, "not never no none nothing nobody nowhere neither cannot hardly barely scarcely"),
    (
        EMPTY | ADVERB,
        "really actually currently just ever exactly truly basically honestly simply literally generally usually \
      typically normally quite very so rather fairly now nowadays presently personally specifically particularly \
      especially definitely certainly probably possibly please kindly even \
      indeed somehow anyway anyhow apparently supposedly obviously",
    ),
    (
        AVERSE,
        "stop stops stopped stopping quit quits quitting avoid avoids avoided avoiding prevent prevents prevented \
      preventing cease ceases ceased ceasing refuse refuses refused refusing fail fails failed failing",
    ),
    (PRAISE, "good great nice excellent effective"),
    (PRAISE | BEST, "best greatest better finest top"),
    (DEGREE, "many much few several more less least fewer another other others same often sometimes rarely"),
    (DEGREE | BEST, "most"),
    (SCOPE, "all every each both half only enough too second always"),
    (
        SCOPE,
        "first last next previous former ex future past still already yet again anymore almost nearly become becoming \
      became becomes simultaneously",
    ),
    (POLITE | EMPTY, "please pls plz kindly thanks thank hello hi hey dear sorry"),
    (
        SYMMETRIC,
        "friend friends related similar married same equal equivalent identical compatible different difference \
      differences compare compared comparing comparison vs versus marry meet met near close cousin cousins sibling siblings \
      brother brothers sister sisters neighbor neighbors neighbour neighbours twin twins partner partners dating engaged \
      between distance together collaborate collaborating agree",
    ),
    (EMPTY, "according think thinks thought opinion opinions view views believe"),
    (EMPTY, "ok okay etc eg ie"),
];

static WORDS: LazyLock<HashMap<&'static str, u32, Xxh3DefaultBuilder>> = LazyLock::new(|| {
    let mut words = HashMap::with_hasher(Xxh3DefaultBuilder);
    for (class, list) in CLASSES {
        for word in list.split_ascii_whitespace() {
            *words.entry(word).or_insert(0) |= class;
        }
    }
    words
});

/// The classes of a word; 0 for one of an open class.
pub(super) fn classes(word: &str) -> u32 {
    WORDS.get(word).copied().unwrap_or(0)
}

/// How often, as a word that stands for all that say so; `next` is the word behind.
pub(super) fn frequency(word: &str, next: &str) -> Option<&'static str> {
    const UNITS: [&str; 10] =
        ["a", "an", "per", "every", "each", "in", "daily", "weekly", "monthly", "yearly"];
    Some(match word {
        "hourly" => "hourly",
        "daily" | "everyday" => "daily",
        "nightly" => "nightly",
        "weekly" => "weekly",
        "fortnightly" | "biweekly" => "fortnightly",
        "monthly" => "monthly",
        "quarterly" => "quarterly",
        "yearly" | "annual" | "annually" => "yearly",
        "twice" => "twice",
        "thrice" => "thrice",
        "once" if UNITS.contains(&next) => "once",
        "everyone" | "everybody" => "everyone",
        _ => return None,
    })
}

/// Pairs of words of the grammar that are opposites.
const OPPOSITES: [(&str, &str); 25] = [
    ("before", "after"),
    ("with", "without"),
    ("to", "from"),
    ("into", "from"),
    ("onto", "from"),
    ("onto", "off"),
    ("into", "out"),
    ("in", "out"),
    ("on", "off"),
    ("up", "down"),
    ("over", "under"),
    ("above", "below"),
    ("for", "against"),
    ("until", "after"),
    ("since", "before"),
    ("more", "less"),
    ("most", "least"),
    ("more", "fewer"),
    ("first", "last"),
    ("next", "previous"),
    ("all", "none"),
    ("always", "never"),
    ("many", "few"),
    ("and", "or"),
    ("inside", "outside"),
];

/// Whether two words of the grammar are opposites.
pub(super) fn are_opposites(a: &str, b: &str) -> bool {
    OPPOSITES.iter().any(|&(one, other)| (a == one && b == other) || (a == other && b == one))
}

/// The value of a number that is written as a word; "one" and "second" are mostly no numbers.
pub(super) fn number(word: &str) -> Option<&'static str> {
    Some(match word {
        "zero" => "0",
        "two" => "2",
        "three" => "3",
        "four" => "4",
        "five" => "5",
        "six" => "6",
        "seven" => "7",
        "eight" => "8",
        "nine" => "9",
        "ten" => "10",
        "eleven" => "11",
        "twelve" => "12",
        "thirteen" => "13",
        "fourteen" => "14",
        "fifteen" => "15",
        "sixteen" => "16",
        "seventeen" => "17",
        "eighteen" => "18",
        "nineteen" => "19",
        "twenty" => "20",
        "thirty" => "30",
        "forty" => "40",
        "fifty" => "50",
        "sixty" => "60",
        "seventy" => "70",
        "eighty" => "80",
        "ninety" => "90",
        "hundred" => "100",
        "thousand" => "1000",
        "million" => "1000000",
        "billion" => "1000000000",
        "third" => "3th",
        "fourth" => "4th",
        "fifth" => "5th",
        _ => return None,
    })
}

/// A preposition as it is kept.
pub(super) fn preposition(word: &str) -> Option<&'static str> {
    WORDS.get_key_value(word).filter(|(_, classes)| **classes & PREPOSITION != 0).map(|(word, _)| *word)
}
