//! Where a chunk of text is divided, and what is no word: numbers, identifiers, paths, hashes.

use std::ops::Range;

use super::signs::is_option;
use super::text::Script;

/// Punctuation that may stand around a word and says nothing.
pub(super) fn is_around(mark: char) -> bool {
    match mark {
        '.' | ',' | ';' | ':' | '!' | '?' | '"' | '\'' | '`' | '(' | ')' | '[' | ']' | '{' | '}' | '-'
        | '*' | '_' | '~' | '|' | '\\' | '/' => true,
        _ => {
            !mark.is_ascii()
                && matches!(
                    mark,
                    '…' | '¿'
                        | '¡'
                        | '。'
                        | '、'
                        | '！'
                        | '？'
                        | '，'
                        | '；'
                        | '：'
                        | '「'
                        | '」'
                        | '『'
                        | '』'
                        | '（'
                        | '）'
                        | '【'
                        | '】'
                        | '《'
                        | '》'
                        | '·'
                        | '،'
                        | '؟'
                        | '؛'
                        | '।'
                        | '॥'
                        | '•'
                        | '※'
                        | '〜'
                        | '・'
                )
        }
    }
}

/// Punctuation of sentences, which says nothing even by itself.
pub(super) fn is_of_sentences(mark: char) -> bool {
    !mark.is_ascii() || matches!(mark, '.' | ',' | ';' | ':' | '!' | '?' | '-' | '"' | '\'')
}

/// Whether it begins with the sign or the point of a number, a name of a file, or a path.
pub(super) fn is_signed(core: &str) -> bool {
    let mut characters = core.chars();
    let first = characters.next();
    let second = characters.next();
    match (first, second) {
        (Some('-' | '.'), Some(second)) => {
            second.is_ascii_digit() || (first == Some('.') && second.is_ascii_alphabetic())
        }
        (Some('/' | '\\'), Some(second)) => second.is_ascii_alphanumeric() || second == '/',
        (Some('~'), Some(second)) => second == '/',
        (Some('_'), Some(second)) => second.is_ascii_alphanumeric() || second == '_',
        _ => false,
    }
}

/// Whether it ends as a call or an index does: `f(x)`, `a[0]`.
pub(super) fn is_call(core: &str) -> bool {
    let open = match core.chars().next_back() {
        Some(')') => '(',
        Some(']') => '[',
        Some('}') => return core.contains('{'),
        Some('_') => return core.len() > 1,
        _ => return false,
    };
    core.find(open).is_some_and(|at| at > 0)
}

pub(super) fn is_sign_of_number(character: char) -> bool {
    matches!(character, '-' | '.')
}

/// Whether a chunk is an identifier, a path, an address or a hash.
pub(super) fn is_code(core: &str) -> bool {
    let bytes = core.as_bytes();
    if bytes.contains(&b'_') || core.contains("::") || core.contains("->") || core.contains("://") {
        return true;
    }
    if bytes.iter().any(|byte| matches!(byte, b'=' | b'<' | b'>' | b'{' | b'}' | b'\\' | b'@' | b'^')) {
        return true;
    }
    if is_call(core) || core.starts_with("www.") || is_option(core) {
        return true;
    }
    let inside = |mark: u8| {
        bytes.windows(3).any(|around| around[1] == mark && is_part(around[0]) && is_part(around[2]))
    };
    let slashes = core.matches('/').count();
    if slashes > 1 || (slashes == 1 && (core.starts_with(['/', '.', '~']) || inside(b'.'))) {
        return true;
    }
    if bytes.first() == Some(&b'.') && bytes.get(1).is_some_and(u8::is_ascii_alphabetic) {
        return true;
    }
    // `fs.read`, `node.js`, `v2.10.0`; neither "e.g" nor "U.S".
    if inside(b'.') && bytes.iter().any(u8::is_ascii_alphabetic) {
        return core.split('.').any(|part| part.len() > 1);
    }
    is_hash(bytes)
        || (is_ascii_name(bytes)
            && ((has_hump(bytes) && bytes.iter().any(u8::is_ascii_digit)) || is_hump_name(core)))
}

fn is_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn is_ascii_name(bytes: &[u8]) -> bool {
    bytes.iter().all(u8::is_ascii_alphanumeric)
}

fn has_hump(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase())
}

/// `readFile`, `GetUserById`; neither "iPhone" nor "macOS" nor "JavaScript".
fn is_hump_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let humps = bytes
        .windows(3)
        .filter(|around| {
            around[0].is_ascii_lowercase() && around[1].is_ascii_uppercase() && around[2].is_ascii_lowercase()
        })
        .count();
    match bytes {
        [first, second, ..] if first.is_ascii_lowercase() => humps > 0 && second.is_ascii_lowercase(),
        _ => humps > 1,
    }
}

/// Seven hexadecimal digits and more, letters and digits among them: no word, and no number.
fn is_hash(bytes: &[u8]) -> bool {
    bytes.len() >= 7
        && bytes.iter().all(u8::is_ascii_hexdigit)
        && bytes.iter().filter(|byte| byte.is_ascii_digit()).count() >= 2
        && bytes.iter().any(u8::is_ascii_alphabetic)
}

/// The next run of letters or digits from `start` on, or a sign, and where to go on.
pub(super) fn next_part(core: &str, start: usize) -> (Range<usize>, usize) {
    let mut characters =
        core[start..].char_indices().map(|(at, character)| (start + at, character)).peekable();
    let Some((_, first)) = characters.next() else { return (start..start, core.len()) };
    let follows = core[start + first.len_utf8()..].chars().next();
    let is_number = first.is_numeric()
        || (is_sign_of_number(first) && start == 0 && follows.is_some_and(char::is_numeric));
    if is_number {
        let end = number_end(core, start + first.len_utf8());
        return (start..end, end);
    }
    if first.is_alphabetic() || is_mark(first) {
        let script = Script::of(first);
        let mut end = start + first.len_utf8();
        while let Some((at, character)) = characters.next() {
            let goes_on = is_mark(character)
                || (character.is_alphabetic() && Script::of(character) == script)
                || (character == '\'' && characters.peek().is_some_and(|(_, next)| next.is_alphabetic()))
                // "mp3", "b2b"
                || (character.is_ascii_digit() && first.is_ascii())
                // "c++", "c#"
                || (matches!(character, '+' | '#') && at <= start + 2 && first.is_ascii());
            if !goes_on {
                break;
            }
            end = at + character.len_utf8();
        }
        // "o'": the quotation mark at the end of a plural.
        if core[end..].starts_with('\'') && core[end + 1..].is_empty() && core[..end].ends_with('s') {
            return (start..end + 1, end + 1);
        }
        return (start..end, end);
    }
    let end = start + first.len_utf8();
    if is_around(first) { (start..start, end) } else { (start..end, end) }
}

/// Where digits end, with points and commas between them, and a unit that is written to them.
fn number_end(core: &str, start: usize) -> usize {
    let mut end = start;
    let bytes = core.as_bytes();
    let mut characters =
        core[start..].char_indices().map(|(at, character)| (start + at, character)).peekable();
    let mut has_unit = false;
    while let Some((at, character)) = characters.next() {
        let next_is_digit = characters.peek().is_some_and(|(_, next)| next.is_numeric());
        let goes_on = (character.is_numeric() && !has_unit)
            || (matches!(character, '.' | ',')
                && next_is_digit
                && !has_unit
                && bytes[at - 1].is_ascii_digit());
        let is_unit = character.is_alphabetic() && Script::of(character) == Script::Latin;
        if !goes_on && !is_unit {
            break;
        }
        has_unit |= is_unit;
        end = at + character.len_utf8();
    }
    end
}

/// Vowel signs and accents that belong to the letter before.
fn is_mark(character: char) -> bool {
    !character.is_ascii()
        && matches!(
            u32::from(character),
            0x0300..=0x036F | 0x0483..=0x0489 | 0x0591..=0x05C7 | 0x0610..=0x061A | 0x064B..=0x065F | 0x0670
                | 0x0900..=0x0903 | 0x093A..=0x094F | 0x0962..=0x0963 | 0x0E31 | 0x0E34..=0x0E3A | 0x0E47..=0x0E4E
        )
}

pub(super) fn ascii_digit(digit: u32) -> char {
    char::from_digit(digit, 10).unwrap_or('0')
}

/// Decimal digits of other scripts stand in rows of ten.
pub(super) fn unicode_digit(character: char) -> Option<u32> {
    const ZEROS: [u32; 9] = [0x0660, 0x06F0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0BE6, 0x0E50, 0xFF10];
    let code = u32::from(character);
    ZEROS.iter().find(|&&zero| (zero..zero + 10).contains(&code)).map(|zero| code - zero)
}
