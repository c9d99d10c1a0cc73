use super::lexer::whole;
use super::*;

fn posted(analysis: &Analysis, word: &str) -> Vec<(u16, u16)> {
    let word = whole(word);
    analysis
        .postings
        .iter()
        .filter(|posting| posting.word == word)
        .map(|posting| (posting.part, posting.count))
        .collect()
}

#[test]
fn words_are_counted_for_each_element() {
    let elements = [vec!["login form", "login"], vec![], vec!["form", "", "userId"]];
    let analysis = Analysis::of_elements(elements.into_iter());
    assert_eq!(posted(&analysis, "login"), [(0, 2)]);
    assert_eq!(posted(&analysis, "form"), [(0, 1), (2, 1)]);
    assert_eq!(posted(&analysis, "user"), [(2, 1)]);
    assert_eq!(posted(&analysis, "nothing"), []);
    assert_eq!(*analysis.lengths, [3, 0, 4], "user, id, userid and form");
    assert_eq!(analysis.parts(), 3);
    assert!(
        analysis.postings.windows(2).all(|pair| (pair[0].word, pair[0].part) < (pair[1].word, pair[1].part))
    );
}

#[test]
fn words_are_counted_for_each_block_of_a_text() {
    let body = "    total = total + item_price\n".repeat(20);
    let text =
        format!("from shop import cart\n\ndef alpha():\n{body}\ndef beta():\n{body}    return quokka\n");
    let analysis = Analysis::of_text(&text);
    assert_eq!(analysis.parts(), 2);
    assert_eq!(posted(&analysis, "total"), [(0, 40), (1, 40)]);
    assert_eq!(posted(&analysis, "quokka"), [(1, 1)]);
    assert_eq!(analysis.blocks(&text).collect::<String>(), text);
    assert_eq!(analysis.definitions.len(), 2);
    assert_eq!(analysis.imports[0].last, whole("shop"));
    for (block, definition) in analysis.definitions.iter().enumerate() {
        assert_eq!(analysis.block_at(definition.at), block);
    }
    assert_eq!(analysis.block_at(u32::MAX), 1);
    assert!(analysis.heap_bytes() > 0);
}

#[test]
fn counts_end_where_their_numbers_do() {
    let analysis = Analysis::of_elements([["word ".repeat(70_000).as_str()]].into_iter());
    assert_eq!(posted(&analysis, "word"), [(0, u16::MAX)]);
    assert_eq!(*analysis.lengths, [70_000]);
}
