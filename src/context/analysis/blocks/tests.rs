use super::*;

fn blocks_of(text: &str) -> Vec<&str> {
    let cut = cut(text);
    let ends = cut.starts.iter().skip(1).map(|start| *start as usize).chain([text.len()]);
    cut.starts.iter().zip(ends).map(|(start, end)| &text[*start as usize..end]).collect()
}

/// A body of about 500 bytes.
fn body(indent: &str) -> String {
    let line = |at| format!("{indent}value_{at} = compute_the_next_one(value, {at}) + 1\n");
    (0..10).map(line).collect::<Vec<_>>().concat()
}

#[test]
fn definitions_begin_blocks_and_what_stands_above_stays_with_them() {
    for above in
        ["", "@decorated\n@cached(\n", "# what it does\n# and why\n", "#[inline]\n", "/** Does. */\n"]
    {
        let (first, second) =
            (format!("def first():\n{}", body("    ")), format!("{above}def second():\n{}", body("    ")));
        for between in ["", "\n\n"] {
            let text = format!("import os\n\n{first}{between}{second}");
            let blocks = blocks_of(&text);
            assert_eq!(blocks.len(), 2, "{above:?}");
            assert_eq!(blocks[1], second, "{above:?}");
        }
    }
}

#[test]
fn small_methods_stay_with_their_class_and_large_ones_do_not() {
    let small = format!(
        "class A:\n    def x1(self):\n        pass\n\n    def y1(self):\n        pass\n\n\ndef after():\n{}",
        body("    ")
    );
    let blocks = blocks_of(&small);
    assert_eq!(blocks.len(), 1, "under the least size nothing is cut");
    let large = format!("class A:\n    def x1(self):\n{0}\n    def y1(self):\n{0}", body("        "));
    let blocks = blocks_of(&large);
    assert_eq!(blocks.len(), 2);
    assert!(blocks[1].starts_with("    def y1"));
}

#[test]
fn prose_ends_at_paragraphs_and_headings() {
    let sentence = "The quick brown fox jumps over the lazy dog and thinks nothing of it.\n";
    let paragraph = sentence.repeat(10) + "\n";
    let blocks = |text: &str| blocks_of(text).iter().map(|block| block.len()).collect::<Vec<_>>();
    let text = paragraph.repeat(7);
    assert_eq!(blocks(&text), [3 * paragraph.len(), 3 * paragraph.len(), paragraph.len()]);
    let text = format!("# One\n\n{paragraph}# Two\n\n{paragraph}");
    let found = blocks_of(&text);
    assert_eq!(found.len(), 2);
    assert!(found[1].starts_with("# Two\n"));
    assert_eq!(cut(&text).definitions.len(), 2);
}

#[test]
fn long_lines_and_texts_without_blank_lines_are_cut_all_the_same() {
    let minified = "a=b;".repeat(250_000);
    let blocks = blocks_of(&minified);
    assert!(blocks.len() > 160 && blocks.iter().all(|block| block.len() <= MAX_BLOCK_BYTES));
    assert!(blocks.iter().all(|block| block.ends_with(';')), "after a separator");
    let unbroken = "é".repeat(10_000);
    assert!(blocks_of(&unbroken).iter().all(|block| block.len() <= MAX_BLOCK_BYTES));
    let lines = "x = y\n".repeat(5_000);
    let blocks = blocks_of(&lines);
    assert_eq!(blocks.len(), 5);
    assert!(blocks.iter().all(|block| block.ends_with('\n') && block.len() <= MAX_BLOCK_BYTES));
}

#[test]
fn ends_of_lines_do_not_matter() {
    let unix = format!("# One\n\n{0}\ndef first():\n{0}\ndef second():\n{0}", body("    "));
    let dos = unix.replace('\n', "\r\n");
    let (a, b) = (blocks_of(&unix), blocks_of(&dos));
    assert_eq!(a.len(), 3);
    assert_eq!(b.iter().map(|block| block.replace("\r\n", "\n")).collect::<Vec<_>>(), a);
    assert_eq!(cut(&unix).definitions.len(), cut(&dos).definitions.len());
}

#[test]
fn empty_and_blank_texts_are_one_block() {
    for text in ["", "\n", "   ", "\r\n\r\n", "x"] {
        assert_eq!(cut(text).starts, [0], "{text:?}");
    }
    assert_eq!(cut(&"\n".repeat(100_000)).starts, [0]);
}

#[test]
fn numbers_of_blocks_fit_into_16_bits() {
    let line = format!("def f1(): return {}\n", "1".repeat(90));
    let text = line.repeat(9_000_000 / line.len());
    let blocks = cut(&text);
    assert!(
        blocks.starts.len() <= MAX_BLOCKS && blocks.starts.len() > MAX_BLOCKS / 4,
        "{}",
        blocks.starts.len()
    );
}

#[test]
fn definitions_say_where_their_names_stand() {
    let text = format!(
        "export function first() {{\n{0}}}\n\nclass Second {{\n  third() {{\n{0}  }}\n}}\n",
        body("  ")
    );
    let cut = cut(&text);
    let names: Vec<&str> =
        cut.definitions.iter().map(|found| &text[found.at as usize..][..usize::from(found.len)]).collect();
    assert_eq!(names, ["first", "Second", "third"]);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn blocks_cover_the_text_without_a_gap(
        lines in proptest::collection::vec(
            proptest::prop_oneof![
                3 => "[ \t]{0,9}[a-zé😀 ={(\\[;]{0,90}",
                1 => "(  ){0,2}(def|class|function) [a-z]{1,9}\\(.{0,20}",
                1 => "(#|//|@)[ a-z]{0,40}",
                2 => "[ \t]{0,3}",
            ],
            0..200,
        ),
        ending in proptest::sample::select(vec!["\n", "\r\n", "\n\n", "\r"]),
    ) {
        let text = lines.join(ending);
        let cut = cut(&text);
        proptest::prop_assert_eq!(cut.starts[0], 0);
        proptest::prop_assert!(cut.starts.windows(2).all(|pair| pair[0] < pair[1]));
        proptest::prop_assert!(cut.starts.iter().all(|start| text.is_char_boundary(*start as usize)));
        proptest::prop_assert!(text.is_empty() || (*cut.starts.last().expect("one") as usize) < text.len());
        proptest::prop_assert!(cut.definitions.windows(2).all(|pair| pair[0].at < pair[1].at));
        proptest::prop_assert_eq!(blocks_of(&text).concat(), text);
    }
}
