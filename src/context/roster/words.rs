//! Texts as words: lower case, cut at camelCase, digits and separators, in order, so that phrases can be looked up.
//! Knows which words say nothing; what the others mean is not decided here.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::super::task::STOP_WORDS;

/// Longest word; longer ones are hashes and base64.
pub(super) const MAX_WORD_BYTES: usize = 40;

/// Words of a name that say whose work it does how well, not which work: they are no evidence by themselves.
const TITLES: &str = "\
    admin administrator advisor agent agents ai analyst architect assistant author bot build builder \
    checker claude code coder coding consultant coordinator copilot creator dev developer development \
    engineer engineering executor expert fixer general generator generic gpt guru head helper \
    implementer junior lead leader llm main maintainer maker manager master model officer operator \
    optimizer orchestrator owner planner principal pro programmer project purpose researcher reviewer \
    role runner senior service software solver specialist specialists sub subagent system task team tech \
    technical worker writer";

/// Words that the prompt of any agent has, besides those that any English text has.
const PROMPT_WORDS: &str = "\
    able above achieve across action actions actual address against along always analyze another \
    approach appropriate areas around ask asks aspect aspects assess avoid aware background based become \
    begin behavior being below best better between both break bring built call cannot careful carefully \
    case cases change changed changes check choose clear clearly color com come common complete complex \
    comprehensive concise consider const context core correct create created current deep define deliver \
    depth describe detail detailed details determine different directly document done during easy \
    effective effectively efficient either else end ensure ensures ensuring especially established even \
    every example examples excellence excellent existing expertise explain export false feature features \
    file files final find first fix focus focused follow following format function further give given \
    gives goal goals good great guide guidelines handle help helps here high https identify implement \
    implementation import important improve include includes including information instructions issue \
    issues it item just keep key know knowledge language large let level like limit line list long look \
    maintain many may mission most much name necessary need needed needs never next note null often one \
    ones open option options order output over own part parts path plan point possible practice \
    practices prefer prevent primary proactively problem problems process professional prompt proper \
    properly propose provide provided provides quality question questions rather read really recent \
    recently relevant report require required requirements respond responsibilities responsible result \
    results return review right rule rules run same see set show since skill skills solution solutions \
    specific standard standards start state step steps still strategy strong structure sub suggest \
    summary sure take tell thing things think three through time tool tools true try two type under \
    understand understanding unexpected until update upon used useful user users uses various very via \
    way ways well whenever whether within without work working works write writing written www years yes \
    yet yourself";

/// Words of an agent's field that everyday English has too: in a text they count half.
const AMBIGUOUS: &str = "\
    app column component design device environment expect express form handler hook index integration \
    join layout model native navigation notification push queue release render request response rest \
    role route screen seed service session spec spring style swift table theme token unit validation \
    worker workflow";

fn words_of(list: &'static str) -> impl Iterator<Item = &'static str> {
    list.split_ascii_whitespace()
}

/// Whether the word of a name is a title such as `engineer`.
pub(super) fn is_title(word: &str) -> bool {
    static SET: LazyLock<HashSet<&str>> = LazyLock::new(|| words_of(TITLES).collect());
    SET.contains(word)
}

/// Whether the word says something about an agent's field.
pub(super) fn is_telling(word: &str) -> bool {
    static SET: LazyLock<HashSet<&str>> = LazyLock::new(|| {
        words_of(STOP_WORDS).chain(words_of(PROMPT_WORDS)).chain(words_of(TITLES)).collect()
    });
    word.len() >= 3 && !SET.contains(word) && !stems(word).any(|stem| SET.contains(stem))
}

/// Whether everyday English has the word too.
pub(super) fn is_ambiguous(word: &str) -> bool {
    static SET: LazyLock<HashSet<&str>> = LazyLock::new(|| words_of(AMBIGUOUS).collect());
    SET.contains(word)
}

/// Words of a text in order, one space between them.
#[derive(Debug, Default)]
pub(super) struct Words {
    text: String,
    /// Where each word stands in `text`.
    spans: Vec<(usize, usize)>,
}

impl Words {
    /// The first `most` words of the first `bytes` bytes of `text`. What stands between two separators is one word if
    /// `is_known` says so (`k8s`, `GraphQL`), else cut at camelCase and digits (`UIDesigner2` is `ui designer`).
    pub(super) fn of(text: &str, most: usize, bytes: usize, is_known: impl Fn(&str) -> bool) -> Self {
        let mut words = Self::default();
        let end = (0..=bytes.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        for chunk in text[..end].split(|c: char| !c.is_alphanumeric()).filter(|chunk| !chunk.is_empty()) {
            if words.len() >= most {
                break;
            }
            if chunk.bytes().all(|byte| byte.is_ascii_lowercase()) {
                words.push(chunk);
            } else if chunk.len() <= MAX_WORD_BYTES {
                let whole = chunk.to_lowercase();
                if is_known(&whole) {
                    words.push(&whole);
                } else {
                    for part in parts(chunk).filter(|part| !part.chars().all(char::is_numeric)) {
                        words.push(&part.to_lowercase());
                    }
                }
            }
        }
        words.spans.truncate(most);
        words
    }

    fn push(&mut self, word: &str) {
        if word.len() > MAX_WORD_BYTES {
            return;
        }
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        let start = self.text.len();
        self.text.push_str(word);
        self.spans.push((start, self.text.len()));
    }

    pub(super) fn len(&self) -> usize {
        self.spans.len()
    }

    /// The `count` words from `at` on; `None` where there are fewer.
    pub(super) fn phrase(&self, at: usize, count: usize) -> Option<&str> {
        let (start, _) = self.spans.get(at)?;
        let (_, end) = self.spans.get(at + count - 1)?;
        Some(&self.text[*start..*end])
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.spans.iter().map(|&(start, end)| &self.text[start..end])
    }
}

/// What a word may be a form of, likelier first. Not linguistics: a wrong guess is in no table.
pub(super) fn stems(word: &str) -> impl Iterator<Item = &str> {
    const ENDINGS: [&str; 4] = ["s", "es", "ing", "ed"];
    ENDINGS
        .into_iter()
        .filter_map(|ending| word.strip_suffix(ending))
        .filter(|stem| stem.len() >= 3 && word.is_ascii())
}

/// The parts of `chunk` in camelCase (`HTTPServer` is `HTTP`, `Server`) and between letters and digits.
fn parts(chunk: &str) -> impl Iterator<Item = &str> {
    let mut cuts = vec![0];
    let chars: Vec<(usize, char)> = chunk.char_indices().collect();
    for (before, window) in chars.iter().zip(chars.windows(2)) {
        let (previous, (at, this)) = (before.1, window[1]);
        let next_is_lower = chunk[at..].chars().nth(1).is_some_and(char::is_lowercase);
        let camel =
            this.is_uppercase() && (previous.is_lowercase() || (previous.is_uppercase() && next_is_lower));
        if camel || previous.is_numeric() != this.is_numeric() {
            cuts.push(at);
        }
    }
    cuts.push(chunk.len());
    (1..cuts.len()).map(move |at| &chunk[cuts[at - 1]..cuts[at]])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        Words::of(text, 100, 1_000, |word| ["k8s", "graphql"].contains(&word))
            .iter()
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn names_are_cut_at_case_digits_and_separators() {
        for (name, expected) in [
            ("UIDesigner2", &["ui", "designer"][..]),
            ("rest-api_dev:7", &["rest", "api", "dev"]),
            ("k8sAdmin", &["k", "s", "admin"]),
            ("k8s-admin", &["k8s", "admin"]),
            ("GraphQL", &["graphql"]),
            ("iOSDev", &["i", "os", "dev"]),
            ("Größe", &["größe"]),
            ("", &[]),
            ("42", &[]),
        ] {
            assert_eq!(words(name), expected, "{name}");
        }
    }

    #[test]
    fn phrases_and_bounds_hold() {
        let found = Words::of("a b  c d", 3, 1_000, |_| false);
        assert_eq!((found.len(), found.phrase(1, 2), found.phrase(2, 2)), (3, Some("b c"), None));
        assert_eq!(Words::of("éé", 9, 3, |_| false).iter().collect::<Vec<_>>(), ["é"]);
        assert_eq!(Words::of(&"x".repeat(41), 9, 99, |_| false).len(), 0);
    }

    #[test]
    fn titles_and_prompt_words_tell_nothing() {
        for word in ["engineer", "ensure", "you", "with", "ui", "writes", "reported"] {
            assert!(!is_telling(word), "{word}");
        }
        assert!(is_telling("payments"));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_cut_without_a_panic(text in "\\PC*|[a-zA-Z0-9ßİ_ ]*", most in 0_usize..9, bytes in 0_usize..99) {
            let words = Words::of(&text, most, bytes, |_| false);
            assert!(words.len() <= most && words.iter().all(|word| word.len() <= MAX_WORD_BYTES));
        }
    }
}
