use super::*;
use crate::base::document::tests::document;

fn text(json: &str, order: KeyOrder) -> String {
    let document = document(json);
    let mut out = Vec::new();
    View::whole(&document).write(0, order, &mut out);
    assert_eq!(sizes(&document)[0], out.len() as u64, "size equals what is written");
    String::from_utf8(out).expect("UTF-8")
}

#[test]
fn insertion_order_gives_the_same_text_back() {
    for json in [
        r#"{"b":1,"a":[true,false,null,{}],"c":{"":"x\"\\\n\u0001é😀"}}"#,
        "[1e+21,1e-7,0.1,123456789012345680000,-5,0]",
        "\"\u{2028}\u{7f}\"",
        "[]",
        "null",
    ] {
        assert_eq!(text(json, KeyOrder::Insertion), json);
    }
}

#[test]
fn canonical_order_follows_utf16_code_units() {
    // The example of RFC 8785, section 3.2.3, shortened: U+1F600 is a surrogate pair and sorts before U+FB33.
    let json = "{\"\u{20ac}\":1,\"\\r\":2,\"\u{fb33}\":3,\"1\":4,\"\u{1f600}\":5,\"\u{80}\":6,\"\u{f6}\":7}";
    let expected =
        "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"\u{f6}\":7,\"\u{20ac}\":1,\"\u{1f600}\":5,\"\u{fb33}\":3}";
    assert_eq!(text(json, KeyOrder::Canonical), expected);
}

#[test]
fn escaped_keys_sort_by_their_code_units() {
    assert_eq!(
        unescaped_units(r#"a\ud800\n\"\\é😀"#),
        [0x61, 0xD800, 0x0A, 0x22, 0x5C, 0xE9, 0xD83D, 0xDE00]
    );
}

#[test]
fn opaque_values_are_canonical_inside() {
    let canonical = |json: &str| {
        let mut out = Vec::new();
        write_opaque(json, &mut out);
        String::from_utf8(out).expect("UTF-8")
    };
    assert_eq!(canonical(r#"{"b":[{"z":1.50,"a":null}],"a":"x"}"#), r#"{"a":"x","b":[{"a":null,"z":1.5}]}"#);
    assert_eq!(canonical(r#""2026-01-01T00:00:00.000Z""#), r#""2026-01-01T00:00:00.000Z""#);
    assert_eq!(canonical(r#"{"b":"\ud800","a":1}"#), r#"{"b":"\ud800","a":1}"#);
}

#[test]
fn parts_leave_out_what_was_dropped() {
    let document = document(r#"{"a":{"x":1,"y":[1,2]},"b":2}"#);
    // root, a, x, y, 1, 2, b
    let fates =
        [Fate::Part, Fate::Part, Fate::Dropped, Fate::Whole, Fate::Dropped, Fate::Dropped, Fate::Dropped];
    let mut out = Vec::new();
    View { document: &document, fates: Some(&fates), cuts: None }.write(0, KeyOrder::Canonical, &mut out);
    assert_eq!(out, br#"{"a":{"y":[1,2]}}"#);
}

proptest::proptest! {
    #[test]
    fn strings_are_written_as_serde_json_does(text in "\\PC{0,12}[\\x00-\\x1f\"\\\\]{0,4}\\PC{0,12}") {
        let mut out = Vec::new();
        write_string(&text, &mut out);
        let ours = String::from_utf8(out).expect("UTF-8");
        proptest::prop_assert_eq!(ours.len() as u64, string_size(&text));
        proptest::prop_assert_eq!(ours, serde_json::to_string(&text).expect("serde_json"));
    }

    #[test]
    fn numbers_read_back_as_themselves(number in proptest::num::f64::NORMAL | proptest::num::f64::ZERO) {
        let mut out = Vec::new();
        write_number(number, &mut out);
        let back: f64 = std::str::from_utf8(&out).expect("ASCII").parse().expect("a number");
        proptest::prop_assert_eq!(back.to_bits() & !(1 << 63), number.to_bits() & !(1 << 63));
    }
}
