use proptest::prelude::*;

use super::*;

fn lemma(word: &str) -> Option<&'static str> {
    lexicon().lemma(word).map(|id| lexicon().info(id).lemma)
}

fn info(word: &str) -> Info {
    lexicon().info(lexicon().word(word).unwrap())
}

/// Finds the pairs (`a/b c/d`) for which the answer is not `expected`, in either order.
#[track_caller]
fn check(relation: fn(&Lexicon, WordId, WordId) -> bool, expected: bool, pairs: &str) {
    let known = lexicon();
    let mut wrong = Vec::new();
    for (a, b) in pairs.split(' ').map(|pair| pair.split_once('/').unwrap()) {
        let [x, y] = [a, b].map(|word| known.word(word).unwrap_or_else(|| panic!("{word} is not known")));
        if relation(known, x, y) != expected || relation(known, y, x) != expected {
            wrong.push((a, b));
        }
    }
    assert!(wrong.is_empty(), "not {expected}: {wrong:?}");
}

/// `expected` has forms and their lemmas: `went/go taken/take`.
#[track_caller]
fn check_lemmas(expected: &str) {
    let forms = expected.split(' ').map(|pair| pair.split_once('/').unwrap().0);
    let found: Vec<_> = forms.map(|form| format!("{form}/{}", lemma(form).unwrap_or("nothing"))).collect();
    assert_eq!(found.join(" "), expected);
}

#[test]
fn irregular_forms_have_lemmas() {
    check_lemmas(
        "went/go gone/go taken/take took/take bought/buy written/write wrote/write hurt/hurt is/be are/be \
         am/be was/be were/be been/be does/do did/do has/have had/have said/say made/make children/child \
         mice/mouse analyses/analysis men/man teeth/tooth criteria/criterion indices/index happier/happy \
         busiest/busy",
    );
}

#[test]
fn regular_forms_have_lemmas() {
    check_lemmas(
        "questions/question cities/city boxes/box churches/church uses/use goes/go asked/ask asking/ask \
         hoped/hope hoping/hope hopping/hop stopped/stop planned/plan stopping/stop called/call \
         falling/fall tried/try trying/try sinking/sink dying/die programmers/programmer \
         computing/compute cheaper/cheap cheapest/cheap ads/ad axes/axis embeddings/embed laid/lay",
    );
}

#[test]
fn form_of_a_far_more_frequent_word_is_that_word() {
    check_lemmas(
        "left/leave found/find saw/see felt/feel thought/think used/use using/use years/year days/day \
         leaves/leave lives/life",
    );
    assert_eq!(info("left").lemma, "left", "`word` takes what stands there");
}

#[test]
fn lemma_with_a_meaning_of_its_own_stays() {
    let words = "thing bed bus news species less series this building meeting means glasses born ground data \
         better best worst physics mathematics analysis class glass gas red king spring during always \
         perhaps need feed speed string canvas";
    let changed: Vec<_> =
        words.split(' ').filter(|word| lemma(word).is_some_and(|found| found != *word)).collect();
    assert!(changed.is_empty(), "{changed:?}");
}

#[test]
fn words_of_grammar_lose_no_endings() {
    for word in ["his", "its", "hers", "ours", "theirs", "this", "during", "whose"] {
        assert!(lemma(word).is_none_or(|found| found == word), "{word}");
    }
}

#[test]
fn parts_of_speech_are_known() {
    assert!(info("run").pos.contains(Pos::NOUN) && info("run").pos.contains(Pos::VERB));
    assert_eq!(info("happiness").pos, Pos::NOUN);
    assert_eq!(info("quickly").pos, Pos::ADVERB);
    assert_eq!(info("happy").pos, Pos::ADJECTIVE);
    assert!(!info("happy").pos.intersects(info("quickly").pos));
}

#[test]
fn names_are_told_from_common_words() {
    for name in ["india", "paris", "einstein", "london", "monday", "january", "shakespeare"] {
        assert!(info(name).is_proper, "{name}");
    }
    for name in ["india", "london", "einstein", "shakespeare"] {
        assert!(info(name).is_instance, "{name}");
    }
    for word in ["turkey", "china", "march", "city", "quickly", "happy", "monday"] {
        assert!(word == "monday" || !info(word).is_proper, "{word}");
    }
    assert!(!info("monday").is_instance && !info("city").is_instance);
}

#[test]
fn opposites_are_antonyms() {
    check(
        Lexicon::are_antonyms,
        true,
        "increase/decrease enable/disable success/failure safe/unsafe safely/dangerously legal/illegal \
         encrypt/decrypt good/bad best/worst more/less open/close buy/sell import/export \
         importer/exporter activate/deactivate male/female quick/slow maximum/minimum",
    );
}

#[test]
fn what_is_only_different_is_no_antonym() {
    check(
        Lexicon::are_antonyms,
        false,
        "big/large red/blue flammable/inflammable valuable/invaluable begin/start mind/physics \
         happy/happy dog/cat",
    );
}

#[test]
fn negating_prefixes_are_seen() {
    check(
        Lexicon::is_negated_form,
        true,
        "happy/unhappy happily/unhappily correct/incorrect possible/impossible legal/illegal \
         regular/irregular agree/disagree understand/misunderstand activate/deactivate fiction/nonfiction \
         useful/useless harmful/harmless",
    );
}

#[test]
fn words_that_only_look_negated_are_not() {
    check(
        Lexicon::is_negated_form,
        false,
        "flammable/inflammable valuable/invaluable press/depress part/impart ion/union appoint/disappoint part/depart tend/intend \
         famous/infamous habitable/inhabitable cover/discover close/disclose serve/deserve sign/design \
         different/indifferent crease/increase come/income formation/information vent/invent fine/define \
         mission/permission shameful/shameless",
    );
}

#[test]
fn words_that_can_stand_for_each_other_are_synonyms() {
    check(
        Lexicon::are_synonyms,
        true,
        "begin/start purchase/buy big/large angry/furious car/automobile doctor/physician lawyer/attorney \
         error/mistake movie/film color/colour organize/organise fix/repair choose/select allow/permit \
         rapidly/quickly maybe/perhaps",
    );
}

#[test]
fn words_that_share_a_rare_meaning_are_no_synonyms() {
    check(
        Lexicon::are_synonyms,
        false,
        "car/machine person/soul make/do get/become man/world go/travel big/little increase/decrease \
         place/set hold/keep bank/money start/start after/later same/lapp",
    );
}

#[test]
fn derived_words_are_known() {
    check(
        Lexicon::derived,
        true,
        "invest/investment prepare/preparation happy/happiness quick/quickly teach/teacher \
         develop/development compute/computer",
    );
    check(Lexicon::derived, false, "invest/vest corn/corner depart/department go/goal");
}

#[test]
fn counts_follow_use() {
    let count = |word| lexicon().tag_count(lexicon().word(word).unwrap());
    assert!(count("be") > count("go"));
    assert!(count("go") > count("begin"));
    assert!(count("begin") > count("commence"));
    assert_eq!(count("xylophonist"), 0);
}

#[test]
fn junk_is_no_word() {
    let long = "a".repeat(1 << 20);
    let words =
        "' ying \0 \0s a\0b naïve éed 日本語 日本ing ıng xqzzt qwxzing Dog New\u{a0}York don't 42 a1 𝕕ogs";
    let words = words.split(' ').chain(["", " ", "the dogs", long.as_str()]);
    for word in words {
        assert_eq!((lexicon().lemma(word), lexicon().word(word)), (None, None), "{word:.20}");
    }
    for end in ["s", "es", "ies", "ed", "ing", "est", "ness"] {
        assert_eq!(lexicon().lemma(&format!("{long}{end}")), None, "{end}");
    }
}

#[test]
fn every_word_is_found_and_every_lemma_is_final() {
    let known = lexicon();
    for number in 0..u32::try_from(known.shapes.len()).unwrap() {
        let text = known.info(WordId(number)).lemma;
        assert_eq!(known.word(text), Some(WordId(number)), "{text}");
        let lemma = known.lemma(text).unwrap();
        assert_eq!(known.lemma(known.info(lemma).lemma), Some(lemma), "{text}");
        assert!(number == 0 || known.bytes(number - 1) < known.bytes(number), "{text} is out of order");
    }
    assert!(known.lemmas.iter().all(|&lemma| (lemma as usize) < known.shapes.len()));
}

#[test]
fn no_two_words_are_both_synonyms_and_opposites() {
    let opposite = u32::from(ANTONYMS | NEGATED);
    let both =
        |edge: &u32| edge >> KIND_SHIFT & u32::from(SYNONYMS) != 0 && edge >> KIND_SHIFT & opposite != 0;
    assert!(!lexicon().edges.iter().any(both));
}

proptest! {
    #[test]
    fn any_text_is_looked_up_without_a_panic(word in any::<String>(), end in "(s|es|ed|ing|er|est|ies|ying)?") {
        let _ = lexicon().lemma(&(word + &end));
    }

    #[test]
    fn letters_are_looked_up_without_a_panic(word in "[a-z]{0,8}(s|es|ed|ing|er|est|ies|ying|men)?") {
        if let Some(id) = lexicon().lemma(&word) {
            prop_assert!(!lexicon().info(id).lemma.is_empty());
        }
    }
}
