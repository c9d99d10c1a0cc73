//! English contractions, written out: "what's" asks the same as "what is".

use super::token::Token;

/// Contractions that are written out as a whole, with and without the apostrophe where that is no other word.
const WHOLE: [(&str, &[&str]); 42] = [
    ("ain't", &["is", "not"]),
    ("aint", &["is", "not"]),
    ("arent", &["are", "not"]),
    ("can't", &["can", "not"]),
    ("cannot", &["can", "not"]),
    ("cant", &["can", "not"]),
    ("could've", &["could", "have"]),
    ("couldnt", &["could", "not"]),
    ("didnt", &["did", "not"]),
    ("doesnt", &["does", "not"]),
    ("dont", &["do", "not"]),
    ("gonna", &["going", "to"]),
    ("gotta", &["have", "to"]),
    ("hasnt", &["has", "not"]),
    ("havent", &["have", "not"]),
    ("i'm", &["i", "am"]),
    ("im", &["i", "am"]),
    ("isnt", &["is", "not"]),
    ("it's", &["it", "is"]),
    ("ive", &["i", "have"]),
    ("let's", &["let", "us"]),
    ("shan't", &["will", "not"]),
    ("should've", &["should", "have"]),
    ("shouldnt", &["should", "not"]),
    ("thats", &["that", "is"]),
    ("theres", &["there", "is"]),
    ("theyre", &["they", "are"]),
    ("wanna", &["want", "to"]),
    ("wasnt", &["was", "not"]),
    ("werent", &["were", "not"]),
    ("whats", &["what", "is"]),
    ("wheres", &["where", "is"]),
    ("whos", &["who", "is"]),
    ("whys", &["why", "is"]),
    ("hows", &["how", "is"]),
    ("won't", &["will", "not"]),
    ("wont", &["will", "not"]),
    ("would've", &["would", "have"]),
    ("wouldnt", &["would", "not"]),
    ("y'all", &["you"]),
    ("youre", &["you", "are"]),
    ("youve", &["you", "have"]),
];

/// Words whose s after an apostrophe is a verb; after a noun it is a possessive.
const BEFORE_IS: [&str; 14] = [
    "who", "what", "where", "when", "why", "how", "which", "that", "this", "there", "here", "he", "she", "it",
];

/// The words of a contraction, which is in lower case.
pub(super) fn written_out(word: &str) -> Option<&'static [&'static str]> {
    // Few words have as few letters, and none begins otherwise.
    if word.len() < 2 || word.len() > 9 {
        return None;
    }
    WHOLE.iter().find(|(contraction, _)| *contraction == word).map(|(_, words)| *words)
}

/// "With no" is "without". O(tokens).
pub(super) fn join(tokens: &mut Vec<Token>) {
    let is = |token: Option<&Token>, word| token.is_some_and(|token| token.text == word && !token.is_quoted);
    let mut has_joined = false;
    for at in 1..tokens.len() {
        if is(tokens.get(at - 1), "with") && is(tokens.get(at), "no") {
            "without".clone_into(&mut tokens[at - 1].text);
            tokens[at].text.clear();
            has_joined = true;
        }
    }
    if has_joined {
        tokens.retain(|token| !token.text.is_empty());
    }
}

/// The word that `end`, after an apostrophe, stands for behind `stem`.
pub(super) fn ending(stem: &str, end: &str) -> Option<&'static str> {
    Some(match end {
        "t" if stem.ends_with('n') => return None,
        "s" if BEFORE_IS.contains(&stem) => "is",
        "re" => "are",
        "m" => "am",
        "ve" => "have",
        "ll" => "will",
        "d" => "would",
        _ => return None,
    })
}
