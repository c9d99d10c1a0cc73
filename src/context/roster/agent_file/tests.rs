use super::*;

fn read_spec(text: &str) -> AgentSpecialization {
    read("stem", text).expect("sound").agent.spec.clone()
}

#[test]
fn front_matter_gives_any_field_as_it_is() {
    let text = "---
name: invoices
description: Does invoices
tools: Read, Write
model: opus
color: red
keywords: [invoice, vat]
filePatterns: ['**/billing/**']
contextPriorities: { billing: 9, tax: 7.5 }
maxContextSize: 12
requiredFields: [taxRules]
optionalFields: [customers]
excludePatterns: ['**/*.pdf']
---
You edit `src/components/`.
";
    let list = |items: &[&str]| items.iter().map(|&item| item.to_owned()).collect::<Vec<_>>();
    let expected = AgentSpecialization {
        name: "invoices".into(),
        keywords: list(&["invoice", "vat"]),
        file_patterns: list(&["**/billing/**"]),
        context_priorities: [("billing".to_owned(), 9.0), ("tax".to_owned(), 7.5)].into(),
        max_context_size: 12.0,
        required_fields: list(&["taxRules"]),
        optional_fields: list(&["customers"]),
        // Besides what no agent needs.
        exclude_patterns: {
            let common = &built_in::generic().spec.exclude_patterns;
            let own = "**/*.pdf".to_owned();
            std::iter::once(own.clone())
                .chain(common.iter().filter(|other| **other != own).cloned())
                .collect()
        },
    };
    assert_eq!(read_spec(text), expected);
    assert_eq!(read_spec(&text.replace("Read, Write", "[Read, Write]").replace('\n', "\r\n")), expected);
}

#[test]
fn agent_of_a_known_kind_takes_after_it() {
    let text = "---
name: checkout-ui
description: Builds the checkout pages in React. Knows the cart, the basket and the voucher.
---
Work on `src/checkout/` and `*.mdx`. The cart and the voucher matter, the warehouse does not. Cart first.
";
    let kind = read("x", text).expect("sound");
    assert_eq!(kind.base.as_deref(), Some("frontend-specialist"));
    let (spec, base) = (&kind.agent.spec, &built_in::built_in()[0].spec);
    assert_eq!(spec.keywords[..base.keywords.len()], base.keywords);
    for word in ["checkout", "cart", "basket", "voucher"] {
        assert!(spec.keywords.iter().any(|keyword| keyword == word), "{word}: {:?}", spec.keywords);
    }
    for word in ["warehouse", "the", "builds", "knows"] {
        assert!(!spec.keywords.iter().any(|keyword| keyword == word), "{word}: {:?}", spec.keywords);
    }
    assert_eq!(spec.file_patterns[base.file_patterns.len()..], ["**/src/checkout/**", "**/*.mdx"]);
    assert_eq!(spec.required_fields, base.required_fields);
    assert_eq!(
        (spec.max_context_size, &spec.context_priorities),
        (base.max_context_size, &base.context_priorities)
    );
    assert!(
        kind.agent.excludes.is_match("a/node_modules") && kind.agent.files.is_match("files/src/checkout/a.x")
    );
}

#[test]
fn agent_of_no_known_kind_lives_from_its_prompt() {
    let spec = read_spec(
        "---\nname: poet\ndescription: Writes sonnets and haiku\n---\nRhyme. A rhyme is a rhyme in `poems/`.",
    );
    assert_eq!(spec.keywords[..4], ["poet", "sonnets", "haiku", "rhyme"]);
    assert_eq!(spec.file_patterns, ["**/poems/**"]);
    assert!((spec.max_context_size - DEFAULT_MAX_CONTEXT_PER_AGENT_MB).abs() < f64::EPSILON);
    assert!(spec.context_priorities.values().all(|priority| (6.0..=9.0).contains(priority)));
    assert_eq!(spec.exclude_patterns, built_in::generic().spec.exclude_patterns);
}

#[test]
fn file_in_place_of_a_built_in_keeps_what_it_does_not_give() {
    let kind = read("security-specialist", "Mind the `vault/`.").expect("sound");
    let base =
        built_in::built_in().iter().find(|kind| kind.spec.name == "security-specialist").expect("built in");
    assert_eq!((kind.agent.spec.name.as_str(), kind.base), ("security-specialist", None));
    assert!(
        kind.words.contains(&"csrf".to_owned())
            && kind.agent.spec.file_patterns.len() > base.spec.file_patterns.len()
    );
}

#[test]
fn body_alone_is_named_by_its_file() {
    let kind =
        read("release-notes", "\u{feff}# Notes\n\nCollects the changelog, the changelog, the changelog.")
            .expect("sound");
    assert_eq!(kind.agent.spec.name, "release-notes");
    assert!(kind.agent.spec.keywords.contains(&"changelog".to_owned()));
    assert!(!kind.words.contains(&"changelog".to_owned()), "the body does not say of which kind it is");
}

#[test]
fn what_is_wrong_with_a_file_is_said() {
    let long = format!("---\nname: {}\n---\n", "x".repeat(129));
    let many = format!("---\nkeywords: [{}]\n---\n", "a, ".repeat(201));
    let wide = format!("---\nkeywords: [{}]\n---\n", "a".repeat(257));
    for (text, part) in [
        ("", "is empty"),
        (" \r\n\n", "is empty"),
        ("---\nname: a\n", "no closing"),
        ("---\nname: [\n---\n", "broken YAML at line"),
        ("---\nname: 7\n---\n", "name must be a text"),
        ("---\nname: true\n---\n", "name must be a text"),
        ("---\nname: [a]\n---\n", "name must be a text"),
        ("---\nname:\n---\n", "name must not be empty"),
        ("---\nname: '  '\n---\n", "name must not be empty"),
        ("---\nname: ../a\n---\n", "slashes"),
        ("---\nname: a\\b\n---\n", "slashes"),
        ("---\nname: \"a\\0b\"\n---\n", "control"),
        ("---\nname: \"a\\nb\"\n---\n", "line ends"),
        (&long, "128 bytes"),
        ("---\ndescription: [a]\n---\n", "description must be a text"),
        ("---\nmaxContextSize: .nan\n---\n", "broken YAML at line 2"),
        ("---\nmaxContextSize: -1\n---\n", "maxContextSize"),
        ("---\ncontextPriorities: { a: 11 }\n---\n", "contextPriorities.a"),
        ("---\ncontextPriorities: { a: .inf }\n---\n", "line 2"),
        ("---\nfilePatterns: ['a{']\n---\n", "filePatterns"),
        ("---\nkeywords: react, vue\n---\n", "keywords"),
        ("---\nkeywords: ['']\n---\n", "keywords"),
        (&many, "more than 200"),
        (&wide, "over 256 bytes"),
    ] {
        let message = read("stem", text).expect_err(text);
        assert!(message.contains(part) && message.len() < 400, "{text:?}: {message}");
    }
}

#[test]
fn keys_without_a_value_and_unknown_ones_count_as_absent() {
    let text = "---\nname: frontend-specialist\nkeywords:\ncolor: { a: [1] }\ntools: [1, 2]\n---\n";
    assert_eq!(read_spec(text).keywords[..3], built_in::built_in()[0].spec.keywords[..3]);
}

proptest::proptest! {
    #[test]
    fn any_text_gives_a_sound_specialization_or_a_sentence(
        text in "\\PC*|---\n(name: [a-z/.]*\n|description: [a-z :#]*\n|keywords: \\[[a-z, ]*\\]\n){0,4}---\n[a-z`*./ ]*",
    ) {
        match read("stem", &text) {
            Ok(kind) => assert!(Compiled::new(kind.agent.spec.clone()).is_ok()),
            Err(message) => assert!(!message.is_empty()),
        }
    }
}
