use super::super::test_support::{Ready, filler};
use super::*;

/// A context with one large text and choices of its blocks: the shape, what was left out, and what resolves it.
struct Given {
    ready: Ready,
    references: References,
}

impl Given {
    fn of(json: &str) -> Self {
        Self { ready: Ready::of(json), references: References::new(1 << 20) }
    }

    fn of_text(text: &str) -> Self {
        Self::of(&serde_json::json!({ "text": text }).to_string())
    }

    fn shape(&self, choices: &[Choice]) -> (Shape, Vec<DroppedPart>) {
        let (ready, corpus) = (&self.ready, self.ready.corpus());
        let shape = Shape::of(&ready.document, &ready.sizes, &corpus, choices);
        let count = choices.len();
        let (scores, tokens): (Vec<f64>, Vec<u64>) = (0..count).map(|at| (at as f64 / 10.0, 10)).unzip();
        let left_out = shape.fates.as_ref().map_or_else(Vec::new, |fates| {
            let judged = (choices, scores.as_slice(), tokens.as_slice());
            dropped(&ready.document, &ready.sizes, &corpus, judged, fates, &self.references)
        });
        let mut json = Vec::new();
        shape.view(&ready.document).write(0, KeyOrder::Insertion, &mut json);
        assert_eq!(shape.bytes, json.len() as u64, "bytes are those of the text");
        (shape, left_out)
    }

    /// Keeps the blocks that `stays` says.
    fn cut(&self, stays: impl Fn(usize) -> bool) -> (Shape, Vec<DroppedPart>) {
        let parts = self.ready.units.analysis(0).parts();
        self.shape(&[Choice::Blocks((0..parts).map(stays).collect())])
    }

    fn resolved(&self, part: &DroppedPart) -> serde_json::Value {
        serde_json::from_str(&self.references.get(part.reference).expect("remembered")).expect("JSON")
    }
}

fn function(name: &str) -> String {
    let lines = (0..12).map(|at| format!("    total_{at} = total + price_of(item, {at})\n"));
    let body = lines.collect::<Vec<_>>().concat();
    format!("def {name}(item):\n{body}\n")
}

#[test]
fn marker_says_lines_names_and_reference() {
    let text: String = ["one", "two", "three", "four", "five", "six"].map(function).concat();
    let given = Given::of_text(&text);
    let (shape, left_out) = given.cut(|block| block == 0 || block == 5);
    let [part] = &left_out[..] else { panic!("{left_out:?}") };
    let marker = format!("[… lines 15–70 left out: two, three, four, +1 (ref {})]\n", part.reference);
    assert_eq!(shape.texts[0].pieces[1], Piece::Marker(marker.clone()));
    assert_eq!(shape.cuts[&1], format!("{}{marker}{}", function("one"), function("six")));
    assert_eq!((part.value, part.lines, part.reason), (1, Some((15, 70)), Reason::Blocks));
    let missing: String = ["two", "three", "four", "five"].map(function).concat();
    assert_eq!(given.resolved(part), missing.as_str());
    assert_eq!(part.bytes, missing.len() as u64);
}

#[test]
fn lines_are_right_at_the_ends_of_a_text() {
    for ending in ["\n", ""] {
        let text = [function("one"), function("two"), function("three").trim_end().to_owned(), ending.into()]
            .concat();
        let given = Given::of_text(&text);
        let lines = |stays: fn(usize) -> bool| -> Vec<(usize, usize)> {
            given.cut(stays).1.iter().filter_map(|part| part.lines).collect()
        };
        assert_eq!(lines(|block| block == 1), [(1, 14), (29, 41)], "{ending:?}");
        assert_eq!(lines(|block| block != 2), [(29, 41)]);
        assert_eq!(lines(|block| block == 2), [(1, 28)]);
    }
}

#[test]
fn one_line_of_many_is_told_as_one() {
    let text = format!("{}\n{}", "a=b;".repeat(3000), function("one"));
    let given = Given::of_text(&text);
    let (shape, left_out) = given.cut(|block| block != 0);
    assert_eq!(left_out[0].lines, Some((1, 1)));
    assert!(shape.cuts[&1].starts_with("[… line 1 left out (ref "));
    // What is left of the line goes on after the marker's line.
    assert!(shape.cuts[&1].contains(")]\na=b;"));
    let (shape, _) = given.cut(|block| block != 1);
    assert!(shape.cuts[&1].contains(";\n[… line"), "a marker has a line of its own");
}

#[test]
fn pieces_count_in_utf_16_whatever_the_text() {
    let line = "schlüssel = \"日本語 😀 e\u{301} 𝔘\"; // \u{301}\u{fe0f}👩‍👩‍👧\r\n";
    let text = line.repeat(300);
    let given = Given::of_text(&text);
    let units: Vec<u16> = text.encode_utf16().collect();
    let parts = given.ready.units.analysis(0).parts();
    assert!(parts >= 3);
    for seed in 1..(1_u32 << parts.min(5)) - 1 {
        let (shape, left_out) = given.cut(|block| seed >> (block % 5) & 1 == 1);
        let (mut left, mut whole, mut gaps) = (Vec::new(), Vec::new(), left_out.iter());
        for piece in &shape.texts[0].pieces {
            match piece {
                Piece::Kept(from, to) => {
                    assert!(from < to);
                    left.extend_from_slice(&units[*from..*to]);
                    whole.extend_from_slice(&units[*from..*to]);
                }
                Piece::Marker(marker) => {
                    left.extend(marker.encode_utf16());
                    let missing = given.resolved(gaps.next().expect("a part"));
                    whole.extend(missing.as_str().expect("text").encode_utf16());
                }
            }
        }
        assert_eq!(String::from_utf16(&left).expect("UTF-16"), shape.cuts[&1]);
        assert_eq!(whole, units);
    }
}

#[test]
fn same_block_has_the_same_reference_wherever_it_stands() {
    let reference = |text: String| {
        let given = Given::of_text(&text);
        let (_, left_out) = given.cut(|block| block == 0);
        left_out[0].reference
    };
    let first = reference([function("one"), function("two"), function("four")].concat());
    assert_eq!(first, reference([function("three"), function("two"), function("four")].concat()));
    assert_ne!(first, reference([function("one"), function("three"), function("four")].concat()));
}

#[test]
fn container_of_which_nothing_stays_is_one_part() {
    let long = "x".repeat(300);
    let json = format!(
        r#"{{"a1":{{"b1":"{long}","c1":{{"d1":"{long}","e1":"{long}"}}}},"f1":["{long}","{long}",{{"g1":"{long}"}}],"h1":1}}"#
    );
    let given = Given::of(&json);
    // b1, d1, e1, item 0, item 1, g1, h1
    let dropped = Choice::Dropped(Reason::Limit);
    let of = |stay: &[usize]| {
        let choices: Vec<Choice> =
            (0..7).map(|at| if stay.contains(&at) { Choice::Whole } else { dropped.clone() }).collect();
        let (shape, left_out) = given.shape(&choices);
        let mut json = Vec::new();
        shape.view(&given.ready.document).write(0, KeyOrder::Insertion, &mut json);
        for part in &left_out {
            let mut original = Vec::new();
            View::whole(&given.ready.document).write(part.value as usize, KeyOrder::Insertion, &mut original);
            assert_eq!(
                given.resolved(part),
                serde_json::from_slice::<serde_json::Value>(&original).expect("JSON")
            );
            assert_eq!(part.bytes, original.len() as u64);
        }
        let parts: Vec<(u32, u64, f64)> =
            left_out.iter().map(|part| (part.value, part.tokens, part.score)).collect();
        (text_of(json).replace(&long, ""), parts)
    };
    // Values: a1 1, b1 2, c1 3, d1 4, e1 5, f1 6, items 7, 8, 9, g1 10, h1 11.
    assert_eq!(of(&[6]), (r#"{"h1":1}"#.into(), vec![(1, 30, 0.2), (6, 30, 0.5)]));
    assert_eq!(
        of(&[0, 4]),
        (
            r#"{"a1":{"b1":""},"f1":[""]}"#.into(),
            vec![(3, 20, 0.2), (7, 10, 0.3), (9, 10, 0.5), (11, 10, 0.6)]
        )
    );
    assert_eq!(of(&[1, 3, 5]).1, [(2, 10, 0.0), (5, 10, 0.2), (8, 10, 0.4), (11, 10, 0.6)]);
    assert_eq!(of(&[]), ("{}".into(), vec![(1, 30, 0.2), (6, 30, 0.5), (11, 10, 0.6)]));
    assert_eq!(of(&[0, 1, 2, 3, 4, 5, 6]).1, []);
}

#[test]
fn many_parts_of_one_container_are_found_in_time() {
    let entries: Vec<String> = (0..60_000).map(|at| format!(r#""k{at}":{at}"#)).collect();
    let given = Given::of(&format!("{{{}}}", entries.join(",")));
    let choices: Vec<Choice> = (0..60_000)
        .map(|at| if at % 2 == 0 { Choice::Whole } else { Choice::Dropped(Reason::Score) })
        .collect();
    assert_eq!(given.shape(&choices).1.len(), 30_000);
}

#[test]
fn whole_context_needs_no_fates() {
    let given = Given::of_text(&filler(3000));
    let (shape, left_out) = given.shape(&[Choice::Whole]);
    assert!(shape.fates.is_none() && shape.texts.is_empty() && left_out.is_empty());
}
