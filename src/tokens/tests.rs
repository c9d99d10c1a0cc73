//! Checks against tiktoken itself (through `tiktoken-rs`), on chosen and on random texts.
//!
//! Texts are made by a seeded generator, so that a failure is the same on every machine. Nothing
//! here depends on speed.

pub(super) mod texts;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use tiktoken_rs::CoreBPE;

use texts::{RANGES, Random, mixed};

use super::classes::{CASELESS, Classes, LOWER, MARK, NEWLINE, NUMBER, OTHER, SPACE, UPPER, classify};
use super::ranks::{NO_TOKEN, Order, Ranks};
use super::{Encoding, merge};

fn reference(encoding: Encoding) -> &'static CoreBPE {
    match encoding {
        Encoding::O200kBase => tiktoken_rs::o200k_base_singleton(),
        Encoding::Cl100kBase => tiktoken_rs::cl100k_base_singleton(),
    }
}

#[track_caller]
fn assert_same(text: &str) {
    for encoding in Encoding::ALL {
        let tokenizer = encoding.tokenizer();
        let expected = reference(encoding).encode_ordinary(text);
        assert_eq!(tokenizer.encode(text), expected, "{} of {text:?}", encoding.name());
        assert_eq!(tokenizer.count(text), expected.len(), "{} of {text:?}", encoding.name());
    }
}

#[test]
fn packed_tables_are_the_published_ones() {
    let pinned = [
        (Encoding::O200kBase, "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"),
        (Encoding::Cl100kBase, "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"),
    ];
    for (encoding, expected) in pinned {
        let mut hash = Sha256::new();
        for (rank, token) in encoding.tokenizer().ranks.tokens().enumerate() {
            hash.update(format!("{} {rank}\n", STANDARD.encode(token)));
        }
        let found = hash.finalize().iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        assert_eq!(found, expected, "{}", encoding.name());
    }
}

#[test]
fn every_token_is_found_under_its_rank() {
    for encoding in Encoding::ALL {
        let ranks = &encoding.tokenizer().ranks;
        for (rank, token) in (0..).zip(ranks.tokens()) {
            assert_eq!(ranks.rank(ranks.get(token, 0, token.len())), rank);
            // The same with other bytes around, where eight bytes are one load.
            let around = [b"xyz", token, b"\xFFabcdefgh"].concat();
            assert_eq!(ranks.rank(ranks.get(&around, 3, 3 + token.len())), rank);
        }
    }
}

#[test]
fn classes_agree_with_the_regex_engine_for_every_character() {
    let patterns = [
        (UPPER, r"[\p{Lu}\p{Lt}]"),
        (LOWER, r"\p{Ll}"),
        (CASELESS, r"[\p{Lm}\p{Lo}]"),
        (MARK, r"\p{M}"),
        (NUMBER, r"\p{N}"),
        (SPACE, r"\s"),
        (NEWLINE, r"[\r\n]"),
        (OTHER, r"[^\p{L}\p{M}\p{N}\s]"),
    ]
    .map(|(flag, pattern)| (flag, regex::Regex::new(pattern).expect("valid")));
    let classes = Classes::new();
    for character in '\0'..=char::MAX {
        let mut buffer = [0; 4];
        let text: &str = character.encode_utf8(&mut buffer);
        let expected = patterns
            .iter()
            .filter(|(_, pattern)| pattern.is_match(text))
            .fold(0, |flags, (flag, _)| flags | flag);
        assert_eq!(classify(character), expected, "{character:?}");
        assert_eq!(classes.at(text.as_bytes(), 0), (expected, text.len()), "{character:?}");
    }
}

#[test]
fn boundaries_are_exact() {
    for text in [
        "",
        " ",
        "  ",
        "\n",
        "\r\n",
        "\n ",
        " \n",
        " \n ",
        "  \n  \n  ",
        "a",
        "a ",
        " a",
        "  a",
        "\ta",
        "\t\ta",
        "a\u{301}",
        "\u{301}",
        "\u{301}a",
        "\u{301}A",
        "\u{301}'s",
        "\u{301}AB's",
        "\u{301}\u{301}A",
        "!\u{301}",
        "!!\u{301}x",
        " \u{301}",
        " \u{301}A",
        "\0",
        "\0\0",
        "\u{fffd}",
        "x\u{85}y",
        "x\u{a0}y",
        "x \u{2003}\u{85}\ny",
        "\u{85}",
        "\u{2028}\n",
        "!\n/\n/x",
        "! \n",
        " !\r\n\r\n",
        "//\n",
        "a  \n\n  b",
        "12345",
        "1 2",
        " 1",
        "1a2",
        "½²٣४",
        "<|endoftext|>",
        "'",
        "''",
        "'s",
        "x's",
        "x'sy",
        "X'LLy",
        "don't",
        "DON'T",
        "'tis",
    ] {
        assert_same(text);
    }
}

#[test]
fn long_s_counts_as_contraction() {
    for text in ["it'\u{17f}", "it'\u{17f}x", "'\u{17f}", "IT'\u{17f} 'K", "'\u{17f}'\u{17f}t"] {
        assert_same(text);
    }
    // In `cl100k_base` the contraction is a piece of its own.
    let end = super::pretokenizer::cl100k_end(Classes::new(), "'\u{17f}x".as_bytes(), 0);
    assert_eq!(end, 3);
}

#[test]
fn upper_case_after_caseless_starts_a_piece_only_before_no_lower_case() {
    for text in [
        "日本A",
        "日本Ab",
        "日本AB日",
        "日本AB日C'D",
        "A日",
        "AB日CD",
        "ab日CD",
        "abCD",
        "ABcd",
        "AbCd",
        "ǅx",
        "ǅǅ",
        "ʰA",
        "Aʰ",
        "日A's",
        "日A日's",
        "\u{301}A日B",
        " 日A",
        "-A\u{301}B",
    ] {
        assert_same(text);
    }
}

#[test]
fn random_mixtures_match() {
    let mut random = Random(0x5EED_0001);
    for _ in 0..20_000 {
        assert_same(&mixed(&mut random));
    }
}

#[test]
fn random_words_and_code_match() {
    const PARTS: &[&str] = &[
        "fn", "let", "self", "Result", "unwrap", "return", "HashMap", "the", "ing", "tion", "XYZ", "q", "zz",
        "0x", "ff", "1234567", "_", "_", ".", ",", "(", ")", "{", "}", "[", "]", ";", "::", "->", "=>", "==",
        "\"", "'", "/", "*", "\\n", "\n", "\n    ", "\n\t\t", " ", " ", " ",
    ];
    let mut random = Random(0x5EED_0002);
    for _ in 0..4_000 {
        let text: String = (0..=random.below(60)).map(|_| random.pick(PARTS)).collect();
        assert_same(&text);
    }
}

#[test]
fn random_characters_of_one_script_match() {
    let mut random = Random(0x5EED_0003);
    for round in 0..8_000 {
        let (first, last) = RANGES[round % RANGES.len()];
        let length = random.below(40);
        let text: String = (0..length).map(|_| random.character(first, last)).collect();
        assert_same(&text);
    }
}

#[test]
fn runs_of_every_length_match() {
    for unit in
        ["a", "A", "ab", "=", "-", " ", "\n", "\r\n", "\t", "1", "日", "é", "\0", "👍", "ha", "\u{301}"]
    {
        for times in (1..140).chain([255, 256, 257, 1000]) {
            let run = unit.repeat(times);
            assert_same(&run);
            assert_same(&format!("{run}x"));
            assert_same(&format!(" {run} y"));
        }
    }
}

#[test]
fn long_random_pieces_match() {
    let alphabets: &[&[char]] = &[
        &['a', 'b'],
        &['a', 'e', 'n', 't', 'h', 'i', 's'],
        &['A', 'b', 'C', 'd', 'Q', 'z'],
        &['的', '一', '是', '了', '日', '本'],
        &['=', '-', '#', '*', '/'],
        &['\u{0}', '\u{fffd}', '\u{200d}', '👍'],
    ];
    let mut random = Random(0x5EED_0004);
    for round in 0..600 {
        let alphabet = alphabets[round % alphabets.len()];
        let length = 1 + random.below(700);
        let text: String = (0..length).map(|_| alphabet[random.below(alphabet.len())]).collect();
        assert_same(&text);
    }
    for round in 0..300 {
        let length = 1 + random.below(400);
        let text: String =
            (0..length).map(|_| random.character(0x61, if round % 2 == 0 { 0x7A } else { 0x65 })).collect();
        assert_same(&text);
    }
}

#[test]
fn very_long_pieces_match() {
    let mut random = Random(0x5EED_0005);
    let letters: String = (0..60_000).map(|_| random.character(0x61, 0x7A)).collect();
    let han: String = (0..20_000).map(|_| random.character(0x4E00, 0x9FFF)).collect();
    for text in [letters, han, "a".repeat(50_001), "ab".repeat(30_000), "=".repeat(50_003)] {
        assert_same(&text);
    }
}

#[test]
fn stack_and_bucket_merging_agree() {
    let mut random = Random(0x5EED_0006);
    for encoding in Encoding::ALL {
        let ranks = &encoding.tokenizer().ranks;
        for _ in 0..3_000 {
            let text = mixed(&mut random);
            let text = text.as_bytes();
            let text = &text[..text.len().min(128)];
            let (mut short, mut long) = (Vec::new(), Vec::new());
            let count = merge::merge(ranks, text, 0, text.len(), Some(&mut short));
            assert_eq!(merge::merge_long(ranks, text, Some(&mut long)), count);
            assert_eq!(short, long);
            assert_eq!(short.len(), count);
        }
    }
}

/// Merging as defined: look at all pairs, join the first of the lowest rank, start again.
///
/// Gives the number of tokens, and the orders of the pairs as they were joined.
fn merge_plainly(ranks: &Ranks, text: &[u8]) -> (usize, Vec<Order>) {
    let mut bounds: Vec<usize> = (0..=text.len()).collect();
    let mut joined = Vec::new();
    loop {
        let lowest = (2..bounds.len())
            .map(|at| (ranks.get(text, bounds[at - 2], bounds[at]), at - 1))
            .min()
            .filter(|&(order, _)| order != NO_TOKEN);
        let Some((order, middle)) = lowest else {
            return (bounds.len() - 1, joined);
        };
        bounds.remove(middle);
        joined.push(order);
    }
}

/// So in these tables no merge makes a pair of lower rank than its own: the bytes of that pair would
/// have been one token by then. Long pieces are linear because of that.
#[test]
fn published_tokens_are_merged_from_lower_ranks_only() {
    for encoding in Encoding::ALL {
        let ranks = &encoding.tokenizer().ranks;
        for token in ranks.tokens() {
            let (count, joined) = merge_plainly(ranks, token);
            assert_eq!(count, 1, "{token:?}");
            assert!(joined.is_sorted(), "{token:?}");
        }
    }
}

#[test]
fn tokens_that_rank_below_their_parts_are_merged_first() {
    // Published tables never show this, so the way back to a lower bucket needs tables of its own.
    let mut random = Random(0x5EED_0007);
    for _ in 0..300 {
        let mut tokens: Vec<Vec<u8>> = Vec::new();
        while tokens.len() < 40 {
            let len = 2 + random.below(5);
            let token: Vec<u8> = (0..len).map(|_| b"abc"[random.below(3)]).collect();
            if !tokens.contains(&token) {
                tokens.push(token);
            }
        }
        tokens.splice(0..0, (0..=255).map(|byte| vec![byte]));
        let mut unpacked = u32::try_from(tokens.len()).expect("few tokens").to_le_bytes().to_vec();
        unpacked.extend(tokens.iter().map(|token| u8::try_from(token.len()).expect("short")));
        unpacked.extend(tokens.concat());
        let ranks = Ranks::index(unpacked);
        for length in [1, 2, 3, 10, 16, 17, 33, 100, 128, 129, 300] {
            let text: Vec<u8> = (0..length).map(|_| b"abc"[random.below(3)]).collect();
            let (expected, _) = merge_plainly(&ranks, &text);
            assert_eq!(merge::merge(&ranks, &text, 0, length, None), expected);
            assert_eq!(merge::merge_long(&ranks, &text, None), expected);
        }
    }
}

#[test]
fn counts_are_the_same_with_a_warm_cache() {
    let mut random = Random(0x5EED_0008);
    let texts: Vec<String> = (0..500).map(|_| mixed(&mut random).repeat(3)).collect();
    for encoding in Encoding::ALL {
        let tokenizer = encoding.tokenizer();
        for _ in 0..2 {
            for text in &texts {
                assert_eq!(tokenizer.count(text), tokenizer.encode(text).len(), "{text:?}");
            }
        }
    }
}

#[test]
fn names_are_found_and_others_are_not() {
    for encoding in Encoding::ALL {
        assert_eq!(Encoding::from_name(encoding.name()), Some(encoding));
    }
    assert_eq!(Encoding::from_name("p50k_base"), None);
    assert_eq!(Encoding::from_name(""), None);
}
