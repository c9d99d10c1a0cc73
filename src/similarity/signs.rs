//! Signs that mean something because of what they touch: operators, currencies, options of a command.

use super::shape::{is_code, is_signed};

/// Longer runs of marks are ornaments.
const LONGEST_SIGN: usize = 3;

/// Longest name of a placeholder.
const LONGEST_NAME: usize = 64;

/// What a sign of a currency is called.
pub(super) fn currency(sign: char) -> Option<&'static str> {
    Some(match sign {
        '$' => "dollar",
        '€' => "euro",
        // A pound is a weight, too.
        '£' => "gbp",
        '¥' => "yen",
        '₹' => "rupee",
        '₽' => "ruble",
        '¢' => "cent",
        _ => return None,
    })
}

/// The currency before an amount, and its length: "$100".
pub(super) fn currency_before(core: &str) -> Option<(&'static str, usize)> {
    let mut characters = core.chars();
    let sign = characters.next()?;
    let name = currency(sign)?;
    characters.next().is_some_and(|next| next.is_numeric() || next == '.').then_some((name, sign.len_utf8()))
}

/// Whether a mark at the beginning belongs to what follows: an option, a path, a placeholder, a debt.
pub(super) fn is_kept(core: &str, is_first: bool) -> bool {
    let is_own = match core.as_bytes() {
        [b'-', ..] => (!is_first && is_option(core)) || currency_before(&core[1..]).is_some(),
        [b'.', b'/', ..] | [b'.', b'.', b'/', ..] => true,
        [b'{', rest @ ..] => rest.iter().take(LONGEST_NAME).any(|&byte| byte == b'}'),
        _ => false,
    };
    is_own || is_signed(core)
}

/// `-f`, `--force`.
pub(super) fn is_option(core: &str) -> bool {
    let name = core.strip_prefix("--").or_else(|| core.strip_prefix('-')).unwrap_or("");
    // "Sugar -free" is "sugar-free".
    name.starts_with(|letter: char| letter.is_ascii_alphabetic()) && !name.eq_ignore_ascii_case("free")
}

/// Signs before a name or a number that say what is done with it: `*args`, `!important`, `~5`. `has_emphasis`: stars may be around
/// words, too.
pub(super) fn before(core: &str, has_emphasis: bool) -> Option<&str> {
    let mark = core.chars().next().filter(|mark| matches!(mark, '!' | '?' | '~' | '*'))?;
    let len = core.bytes().take(LONGEST_SIGN + 1).take_while(|&byte| char::from(byte) == mark).count();
    let rest = &core[len..];
    let touches = rest.starts_with(|next: char| next.is_alphanumeric() || next == '_');
    let is_slip = mark == '?' && rest.starts_with(char::is_numeric);
    let is_emphasis = (has_emphasis && mark == '*') || is_slip;
    (touches && len <= LONGEST_SIGN && !is_emphasis && !rest.ends_with(mark))
        .then(|| &core[..core.len() - rest.len()])
}

/// Signs between operands, from `at` on: `6*3`, `6**3`, `3:2`, `5'10`.
pub(super) fn between(core: &str, at: usize) -> Option<&str> {
    let bytes = core.as_bytes();
    let is_operator = |byte: &u8| matches!(byte, b'*' | b'|' | b'/' | b':' | b'\'' | b'"');
    let len = bytes[at..].iter().take(LONGEST_SIGN + 1).take_while(|byte| is_operator(byte)).count();
    let (before, after) = (bytes.get(at.checked_sub(1)?)?, bytes.get(at + len)?);
    let is_known = if bytes[at..at + len].iter().all(|byte| matches!(byte, b'*' | b'|')) {
        before.is_ascii_alphanumeric() && after.is_ascii_alphanumeric()
    } else {
        before.is_ascii_digit() && after.is_ascii_digit()
    };
    (len > 0 && len <= LONGEST_SIGN && is_known).then(|| &core[at..at + len])
}

/// The sign behind an operand where the sentence goes on: `5!`, `x?`, `6'`. `next`: the chunk behind it.
pub(super) fn behind<'a>(core: &str, tail: &'a str, next: Option<&str>, is_quoted: bool) -> Option<&'a str> {
    let is_number = core.ends_with(|last: char| last.is_ascii_digit());
    let is_letter = core.len() == 1 && !is_number;
    let goes_on = next.is_some_and(|next| next.starts_with(char::is_lowercase));
    let is_sign = match tail.as_bytes().first()? {
        b'\'' | b'"' => is_number && !is_quoted,
        b'!' => goes_on && (is_number || is_letter || is_code(core)),
        b'?' => goes_on && (is_letter || is_code(core)),
        _ => false,
    };
    is_sign.then(|| &tail[..1])
}

/// Whether stars stand around words: one closes behind a letter.
pub(super) fn has_emphasis(text: &str) -> bool {
    let closes = |around: &[u8]| {
        around[1] == b'*'
            && (around[0].is_ascii_alphabetic() || matches!(around[0], b'.' | b',' | b':' | b'!' | b'?'))
            && !around[2].is_ascii_alphanumeric()
            && around[2] != b'*'
    };
    let bytes = text.as_bytes();
    bytes.contains(&b'*')
        && (bytes.windows(3).any(closes)
            || bytes.windows(4).any(|around| closes(&[around[0], around[1], around[3]]) && around[2] == b'*')
            || text.trim_end_matches('*').len() < text.len())
}

/// A number without the commas between its groups of three digits; any other comma is a decimal mark.
pub(super) fn without_groups(number: &str) -> String {
    let whole = number.split('.').next().unwrap_or(number);
    let mut groups = whole.split(',');
    let first = groups.next().unwrap_or("");
    let is_grouped = (1..=3).contains(&first.trim_start_matches('-').chars().count())
        && !first.trim_start_matches('-').starts_with('0')
        && groups.all(|group| group.chars().count() == 3);
    if is_grouped { number.chars().filter(|&digit| digit != ',').collect() } else { number.replace(',', ".") }
}
