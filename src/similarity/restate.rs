//! Questions that ask for the same by another kind of question: "how tall is X", "what is the height of X".

use super::frames::Ask;
use super::sentence::is_be;
use super::token::Token;
use super::words::{self, AUXILIARY};

/// A question as it is compared.
pub(super) struct Restated<'a> {
    pub(super) ask: Ask,
    pub(super) rest: &'a [Token],
    /// A noun for the adjective that was taken away.
    pub(super) noun: Option<&'static str>,
    /// What kind of measure, or of time, is asked for; empty if none.
    pub(super) measure: &'a str,
}

/// Adjectives of measures, and what they measure.
const DIMENSIONS: [(&str, &str); 15] = [
    ("big", "size"),
    ("large", "size"),
    ("small", "size"),
    ("tall", "height"),
    ("high", "height"),
    ("old", "age"),
    ("long", "length"),
    ("deep", "depth"),
    ("wide", "width"),
    ("broad", "width"),
    ("thick", "thickness"),
    ("heavy", "weight"),
    ("fast", "speed"),
    ("hot", "temperature"),
    ("far", "distance"),
];

/// Words that ask what is different.
const DIFFERENCES: [&str; 5] = ["difference", "differences", "differ", "differs", "different"];
const VERSUS: [&str; 2] = ["vs", "versus"];

/// `whole` and `rest` are those of [`super::sentence::Asked`].
pub(super) fn restate<'a>(ask: Ask, whole: &'a [Token], rest: &'a [Token]) -> Restated<'a> {
    let word = |at: usize| whole.get(at).map_or("", |token| token.text.as_str());
    let has = |words: &[&str]| rest.iter().any(|token| words.contains(&token.text.as_str()));
    let restated = |ask, rest, noun, measure| Restated { ask, rest, noun, measure };
    match ask {
        Ask::Degree if word(0) == "how" => {
            let measure = match (word(1), word(2)) {
                ("much", "time") => "long",
                ("much" | "many", _) => "many",
                (measure, _) => measure,
            };
            let dimension = DIMENSIONS.iter().find(|(adjective, _)| *adjective == measure);
            if let Some((_, noun)) = dimension.filter(|_| is_be(word(2)) && whole.len() > 3) {
                return restated(Ask::What, &whole[2..], Some(*noun), "");
            }
            if word(1) == "much" && ["do", "does", "did"].contains(&word(2)) && has(&["cost"]) {
                return restated(Ask::What, &whole[3..], None, "");
            }
            // "How much is X", "how much does X cost".
            if word(1) == "much" && is_be(word(2)) && whole.len() > 3 && !has(&["cost"]) {
                return restated(Ask::What, &whole[3..], Some("cost"), "");
            }
            restated(ask, rest, None, measure)
        }
        // "What is the weather like".
        Ask::What
            if words::classes(word(1)) & AUXILIARY != 0
                && rest.last().is_some_and(|last| last.text == "like") =>
        {
            restated(Ask::Like, rest, None, "")
        }
        // "What is the importance of sleep", "why is sleep important".
        Ask::What if is_be(word(1)) && rest.iter().take(4).any(|token| token.text == "importance") => {
            restated(Ask::Why, rest, None, "")
        }
        // "Is it going to rain", "will it rain".
        Ask::IsSo if rest.windows(2).any(|pair| is_future(&pair[0], Some(&pair[1]))) => {
            restated(Ask::WillBe, rest, None, "")
        }
        Ask::When => {
            let is_unit = |word: &&str| ["time", "day", "date", "year", "month"].contains(word);
            let measure = [word(1), word(2)].into_iter().find(is_unit).unwrap_or("");
            restated(ask, rest, None, measure)
        }
        Ask::How | Ask::Nothing if has(&DIFFERENCES) || (ask == Ask::Nothing && has(&VERSUS)) => {
            restated(Ask::What, rest, None, "")
        }
        _ => restated(ask, rest, None, ""),
    }
}

/// "Going to": what will be.
pub(super) fn is_future(token: &Token, next: Option<&Token>) -> bool {
    token.text == "going" && next.is_some_and(|next| next.text == "to")
}

/// The word that stands for all that ask the same: "vs" for "difference", "yearly" for "annual".
pub(super) fn standing_for(word: &str) -> &str {
    match word {
        "annual" | "annually" => "yearly",
        "tyre" => "tire",
        "tyres" => "tires",
        _ if DIFFERENCES.contains(&word) || VERSUS.contains(&word) => "difference",
        _ => word,
    }
}
