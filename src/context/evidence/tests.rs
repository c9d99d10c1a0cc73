use super::super::test_support::{Ready, filler};
use super::*;

const FILES: [(&str, &str); 6] = [
    ("alpha/beta.py", "hills"),
    ("alpha/gamma.py", "hills"),
    ("src/Login.tsx", "hills"),
    ("src/Logout.tsx", "hills"),
    ("lib/tools/__init__.py", "hills"),
    ("other/beta.py", "hills"),
];

fn agreeing(mention: &str) -> Vec<String> {
    let ready = Ready::of_files(&FILES);
    let corpus = ready.corpus();
    let segments = Segments::of(&corpus);
    let task = Task::of_text(mention);
    let found = task.mentions.iter().flat_map(|mention| segments.agreeing(mention));
    found.map(|at| corpus.path(at).to_owned()).collect()
}

#[test]
fn paths_and_modules_find_the_files_they_mean() {
    for (mention, expected) in [
        ("alpha.beta.Class.method fails", &["alpha/beta.py"][..]),
        ("alpha.beta.Class fails", &["alpha/beta.py"]),
        ("alpha.beta", &["alpha/beta.py"]),
        ("see Login.tsx", &["src/Login.tsx"]),
        ("see src/Login.tsx, please", &["src/Login.tsx"]),
        ("see `/home/me/project/src/Login.tsx:12`", &["src/Login.tsx"]),
        ("in src\\Login.tsx", &["src/Login.tsx"]),
        ("beta.py", &["alpha/beta.py", "other/beta.py"]),
        ("other/beta.py", &["other/beta.py"]),
        ("lib/tools/__init__.py", &["lib/tools/__init__.py"]),
        ("lib.tools.run is slow", &["lib/tools/__init__.py"]),
        ("beta is slow", &[]),
        ("nothing.here", &[]),
        ("Missing.tsx", &[]),
    ] {
        assert_eq!(agreeing(mention), expected, "{mention}");
    }
}

#[test]
fn segments_are_the_last_first_without_endings_and_stand_ins() {
    let of = |names: &[&str]| names.iter().map(|name| whole(name)).collect::<Vec<_>>();
    assert_eq!(segments("src/app/login.test.tsx"), of(&["login.test", "app", "src"]));
    assert_eq!(segments("src/app/index.ts"), of(&["app", "src"]));
    assert_eq!(segments("index.ts"), of(&["index"]));
    assert_eq!(segments(".gitignore"), of(&[".gitignore"]));
    assert_eq!(segments(""), of(&[""]));
}

#[test]
fn file_that_defines_a_name_fits_better_than_one_that_uses_it() {
    let defines = format!("def parse_header(text):\n    pass\n\n{}", filler(1500));
    let uses = format!("x = parse_header(text)\n\n{}", filler(1500));
    let ready = Ready::of_files(&[("one.py", &uses), ("two.py", &defines)]);
    let fit = ready.fit("parse_header() breaks");
    assert!(fit.elements[ready.at("two.py")] > fit.elements[ready.at("one.py")] + 0.1);
}

#[test]
fn name_that_many_files_define_says_less_of_each() {
    let text = |name: &str| format!("def {name}(text):\n    pass\n\n{}", filler(1500));
    let ready = Ready::of_files(&[
        ("a1.py", &text("parse_header")),
        ("b1.py", &text("parse_footer")),
        ("c1.py", &text("parse_footer")),
    ]);
    let corpus = ready.corpus();
    let added = |name: &str| {
        let mut fit = Fit {
            elements: vec![0.0; corpus.elements.list.len()],
            blocks: vec![vec![0.0; 9]; corpus.units.list.len()],
            ..Fit::default()
        };
        add_names(&corpus, &Task::of_text(&format!("title\nin `{name}`")), &mut fit);
        fit.elements
    };
    let (sure, shared) = (added("parse_header"), added("parse_footer"));
    assert!((sure[0] - DEFINED_NAME).abs() < 1e-9 && sure[1] == 0.0, "{sure:?}");
    assert!((shared[1] - DEFINED_NAME / 2.0).abs() < 1e-9 && shared[0] == 0.0, "{shared:?}");
}

#[test]
fn task_names_elements_by_key_or_path() {
    let json = format!(
        r#"{{"designSystem":{{"colors":"{0}","fonts":"{0}"}},"weather":"{0}","api":"x","src/Login.tsx":"x","log":[{1}]}}"#,
        "x".repeat(300),
        vec![format!("\"{}\"", "y".repeat(300)); 30].join(","),
    );
    let named = |task: &str| {
        let ready = Ready::of(&json);
        let named = mark_named(&ready.corpus(), &Task::of_text(task));
        let of = |(at, _): (usize, &bool)| ready.corpus().path(at).to_owned();
        named.iter().enumerate().filter(|(_, named)| **named).map(of).collect::<Vec<_>>()
    };
    assert_eq!(named("use the design system of designSystem"), ["designSystem/colors", "designSystem/fonts"]);
    assert_eq!(named("what about the weather?"), ["weather"]);
    assert_eq!(named("fix src/Login.tsx"), ["src/Login.tsx"]);
    assert_eq!(named("an api"), Vec::<String>::new(), "a short word is too common");
    assert_eq!(named("look at the log"), Vec::<String>::new(), "of so many elements none is meant");
    assert_eq!(named(""), Vec::<String>::new());
}
