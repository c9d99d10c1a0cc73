use super::super::test_support::{Ready, filler};
use super::*;

#[test]
fn file_with_the_rare_word_is_best() {
    let ready = Ready::of_files(&[
        ("a1.md", "the server has a pool of connections"),
        ("b1.md", "the server has a quokka"),
        ("c1.md", "the server has a server and a server"),
    ]);
    let fit = ready.fit("why does the server lose its quokka").elements;
    assert!(
        fit[ready.at("b1.md")] > fit[ready.at("a1.md")] && fit[ready.at("b1.md")] > fit[ready.at("c1.md")]
    );
    assert!((fit[ready.at("b1.md")] - 1.0).abs() < f64::EPSILON, "relative to the best");
}

#[test]
fn word_of_a_path_counts_more_than_in_a_text() {
    let ready = Ready::of_files(&[
        ("docs/other.md", "all of our invoices are here"),
        ("billing/invoices.md", "all of our numbers are here"),
    ]);
    let fit = ready.corpus().fit_words(&Task::of_text("invoice").words).elements;
    assert!(fit[ready.at("billing/invoices.md")] > fit[ready.at("docs/other.md")]);
}

#[test]
fn one_fitting_block_makes_a_long_text_fit() {
    let about = "def refund_invoice(invoice):\n    return invoice.refund()\n";
    let long = format!("{}\n\n{about}\n\n{}", filler(5000), filler(5000));
    let ready = Ready::of_files(&[("long.py", &long), ("short.md", "an invoice is a text")]);
    let fit = ready.fit("refund of an invoice");
    assert!(fit.elements[ready.at("long.py")] > fit.elements[ready.at("short.md")]);
    let corpus = ready.corpus();
    let unit = corpus.unit_of[ready.at("long.py")] as usize;
    let place = u32::try_from(long.find(about).expect("it is there")).expect("small");
    let block = corpus.units.analysis(unit).block_at(place);
    assert!(fit.blocks[unit].len() > 3);
    for (at, &of_block) in fit.blocks[unit].iter().enumerate() {
        assert_eq!(of_block > 0.0, at == block, "block {at}: {of_block}");
    }
    assert!((fit.blocks[unit][block] - 1.0).abs() < f64::EPSILON);
}

#[test]
fn required_fields_do_not_make_words_of_the_task_common() {
    let ready = Ready::of(r#"{"currentTask":"quokka quokka","a1":"quokka","b1":"hills"}"#);
    let fit = ready.fit("quokka").elements;
    assert!(fit[ready.at("currentTask")].abs() < 0.31, "only what lies beside the best");
    assert!((fit[ready.at("a1")] - 1.0).abs() < f64::EPSILON);
}

#[test]
fn fit_is_deterministic_and_in_bounds() {
    let files: Vec<(String, String)> = (0..60)
        .map(|at| (format!("src/d{}/f{at}.py", at % 7), format!("import f{}\n{}", at / 2, filler(300 * at))))
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let task = "rivers of d3/f10.py and clouds, f20";
    let first = Ready::of_files(&files).fit(task);
    let second = Ready::of_files(&files).fit(task);
    assert_eq!(first.elements, second.elements);
    assert_eq!(first.blocks, second.blocks);
    assert_eq!(first.named, second.named);
    let all = first.elements.iter().chain(first.blocks.iter().flatten());
    assert!(all.copied().all(|fit| (0.0..=1.0).contains(&fit)));
}

#[test]
fn without_words_nothing_fits() {
    let ready = Ready::of_files(&[("a1.md", "hills"), ("b1.md", "hills")]);
    for task in ["", "the of and", "?!"] {
        assert!(ready.fit(task).elements.iter().all(|fit| *fit == 0.0), "{task}");
    }
}

#[test]
fn best_three_are_in_order() {
    for (blocks, best) in
        [(&[1.0, 5.0, 3.0, 4.0][..], [5.0, 4.0, 3.0]), (&[2.0], [2.0, 0.0, 0.0]), (&[], [0.0; 3])]
    {
        assert_eq!(best_of(blocks).map(f64::to_bits), best.map(f64::to_bits), "{blocks:?}");
    }
}

proptest::proptest! {
    #[test]
    fn merge_finds_every_word_of_both(
        query in proptest::collection::btree_set(0_u32..60, 0..20),
        unit in proptest::collection::btree_set((0_u32..60, 0_u16..3), 0..60),
    ) {
        let postings: Vec<Posting> =
            unit.iter().map(|&(word, part)| Posting { word, part, count: 1 }).collect();
        let analysis = Analysis { postings: postings.into(), ..Analysis::default() };
        let query: Vec<(Word, f64)> = query.into_iter().map(|word| (word, 1.0)).collect();
        let mut found = Vec::new();
        merge(&query, &analysis, |place, postings| {
            found.extend(postings.iter().map(|posting| (query[place as usize].0, posting.word, posting.part)));
        });
        let expected: Vec<(Word, Word, u16)> = unit
            .into_iter()
            .filter(|(word, _)| query.iter().any(|(wanted, _)| wanted == word))
            .map(|(word, part)| (word, word, part))
            .collect();
        proptest::prop_assert_eq!(found, expected);
    }
}
