//! Which inflected forms need a table: irregular ones, and words that are lemmas themselves but mostly
//! stand for another lemma, as "left" does for "leave".

use std::collections::BTreeMap;

use crate::wordnet::{ADJECTIVE, NOUN, VERB, WordNet};

/// Forms whose own entry is meant, whatever the counts say.
const KEPT: [&str; 30] = [
    "aids",
    "arms",
    "being",
    "born",
    "bound",
    "clothes",
    "contents",
    "customs",
    "data",
    "funds",
    "glasses",
    "goods",
    "grounds",
    "headquarters",
    "lay",
    "learning",
    "links",
    "manners",
    "means",
    "meaning",
    "pants",
    "papers",
    "pays",
    "premises",
    "savings",
    "setting",
    "shorts",
    "stairs",
    "troops",
    "woods",
];

/// A form that stands for another lemma at least so many times as often as its entry is used itself.
const IRREGULAR: u32 = 4;
const PAST: u32 = 8;
/// "Building", "meeting", "feeling" are nouns of their own.
const GERUND: u32 = 10;
const PLURAL: u32 = 2;
/// A name ("Adams", "Mays") gives way to a plural only of a word so frequent.
const FREQUENT: u32 = 30;

/// Irregular forms that are no lemmas, and lemmas that stand for others: both by form, with the lemma.
pub(crate) struct Forms {
    pub(crate) irregular: BTreeMap<String, String>,
    pub(crate) redirected: BTreeMap<String, String>,
}

pub(crate) fn forms(wordnet: &WordNet) -> Forms {
    let mut forms = Forms { irregular: BTreeMap::new(), redirected: BTreeMap::new() };
    let mut choices: BTreeMap<&str, Vec<(u32, u8, &str)>> = BTreeMap::new();
    for (form, pos, lemma) in &wordnet.exceptions {
        if form != lemma && wordnet.has(lemma, *pos) {
            choices.entry(form).or_default().push((wordnet.total_as(lemma, *pos), *pos, lemma));
        }
    }
    for (form, list) in &mut choices {
        if let Some(verb) = third_person(wordnet, form) {
            list.push((wordnet.total_as(verb, VERB), VERB, verb));
        }
        // A noun competes with a verb by how often each is used; where there is no such choice the
        // verb is taken, then the noun, the adjective, the adverb.
        let order = |pos: u8| [1, 0, 2, 3][usize::from(pos)];
        list.sort_by_key(|&(count, pos, _)| (pos > VERB, u32::MAX - count, order(pos)));
        if !wordnet.senses.contains_key(*form) {
            forms.irregular.insert((*form).to_owned(), list[0].2.to_owned());
        }
    }
    for word in wordnet.senses.keys().filter(|word| !KEPT.contains(&word.as_str())) {
        let irregular =
            choices.get(word.as_str()).into_iter().flatten().filter(|choice| choice.1 < ADJECTIVE);
        let irregular = irregular.map(|&(count, pos, lemma)| (count, pos, lemma.to_owned(), true));
        let regular =
            regular(wordnet, word).map(|(pos, lemma)| (wordnet.total_as(&lemma, pos), pos, lemma, false));
        let best = irregular.chain(regular).max_by_key(|choice| choice.0);
        if let Some((count, pos, lemma, is_irregular)) = best
            && count > 0
            && count >= times(word, pos, is_irregular) * wordnet.total(word)
            && (!wordnet.is_proper(word) || count >= FREQUENT && (pos != NOUN || !wordnet.is_proper(&lemma)))
        {
            forms.redirected.insert(word.clone(), lemma);
        }
    }
    // Of a form of a form ("findings") the last one.
    for (form, lemma) in forms.redirected.clone() {
        if let Some(last) = forms.redirected.get(&lemma).cloned() {
            forms.redirected.insert(form, last);
        }
    }
    forms
}

fn times(word: &str, pos: u8, is_irregular: bool) -> u32 {
    match pos {
        _ if word.ends_with("ing") => GERUND,
        NOUN => PLURAL,
        _ if is_irregular => IRREGULAR,
        _ => PAST,
    }
}

/// "leaf", irregular: "leaves"; "leave", regular: "leaves".
fn third_person<'a>(wordnet: &WordNet, form: &'a str) -> Option<&'a str> {
    let stem = form.strip_suffix('s')?;
    wordnet.has(stem, VERB).then_some(stem)
}

/// Lemmas of which a word could be a regular form.
fn regular<'a>(wordnet: &'a WordNet, word: &'a str) -> impl Iterator<Item = (u8, String)> + 'a {
    const ENDS: [(u8, &str, &str); 15] = [
        (NOUN, "ies", "y"),
        (NOUN, "ches", "ch"),
        (NOUN, "shes", "sh"),
        (NOUN, "xes", "x"),
        (NOUN, "ses", "s"),
        (NOUN, "s", ""),
        (VERB, "ies", "y"),
        (VERB, "es", ""),
        (VERB, "s", ""),
        (VERB, "ied", "y"),
        (VERB, "ed", "e"),
        (VERB, "ed", ""),
        (VERB, "ing", "e"),
        (VERB, "ing", ""),
        (VERB, "ying", "ie"),
    ];
    let stems = ENDS.iter().filter_map(move |&(pos, end, lemma)| {
        let stem = word.strip_suffix(end)?;
        Some((pos, format!("{stem}{lemma}")))
    });
    let is_plain =
        !word.ends_with("ss") && !word.ends_with("us") && !word.ends_with("ics") && !word.ends_with("is");
    stems.filter(move |(pos, lemma)| is_plain && lemma.len() > 2 && lemma != word && wordnet.has(lemma, *pos))
}
