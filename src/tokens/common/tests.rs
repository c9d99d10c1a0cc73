use proptest::prelude::*;

use super::*;
use crate::tokens::optimizer::DEFAULT_ENCODING;

fn entry(key: &str, value: u8, tokens: u64) -> Entry {
    Entry { key: format!("\"{key}\""), hash: [value; 32], tokens, bytes: 4 * tokens }
}

fn context(agent: &str, entries: Vec<Entry>) -> Context {
    Context { agent: agent.to_owned(), entries }
}

#[test]
fn values_of_two_or_more_are_shared_and_the_rest_is_own() {
    let contexts = [
        context("a", vec![entry("files", 1, 100), entry("task", 2, 10), entry("history", 3, 50)]),
        context("b", vec![entry("history", 3, 51), entry("files", 1, 100), entry("task", 4, 20)]),
        context("c", vec![entry("files", 1, 100), entry("other", 2, 10)]),
    ];
    let common = Common::of(&contexts, DEFAULT_ENCODING);
    let keys: Vec<(&str, &[usize], bool)> =
        common.shared.iter().map(|value| (&*value.key, &*value.agents, value.is_everyones)).collect();
    let expected: [(&str, &[usize], bool); 2] =
        [("\"files\"", &[0, 1, 2], true), ("\"history\"", &[0, 1], false)];
    assert_eq!(keys, expected);
    assert_eq!(common.shared[1].group, Group::CompletedWork);
    assert_eq!((common.shared[1].tokens, common.shared[1].entry), (50, 2));
    assert_eq!(common.own[0].specific, [1]);
    assert_eq!(common.own[1].specific, [2]);
    assert_eq!(common.own[2].specific, [1]);
    assert_eq!(common.own[1].reference, r#"["files","history"]"#);
    let count = |text: &str| DEFAULT_ENCODING.tokenizer().count(text) as u64;
    let references = 2 * count(r#"["files","history"]"#) + count(r#"["files"]"#);
    let totals = common.totals;
    assert_eq!((totals.original, totals.shared, totals.specific), (441, 150, 40));
    assert_eq!(totals.references, references);
    assert_eq!(totals.saved, 441 - 150 - 40 - references.cast_signed());
}

#[test]
fn different_values_that_are_shared_under_one_key_have_different_names() {
    let contexts: Vec<Context> =
        (0..4_u8).map(|at| context("a", vec![entry("files", at / 2, 9), entry("b", 7, 1)])).collect();
    let common = Common::of(&contexts, DEFAULT_ENCODING);
    let names: Vec<&str> = common.shared.iter().map(|value| value.name.as_str()).collect();
    assert_eq!(names, [r#""files@000000000000""#, r#""b""#, r#""files@010101010101""#]);
}

#[test]
fn one_context_or_none_has_nothing_in_common() {
    assert_eq!(Common::of(&[], DEFAULT_ENCODING).totals, Totals::default());
    let common = Common::of(&[context("a", vec![entry("x", 1, 5)])], DEFAULT_ENCODING);
    assert!(common.shared.is_empty());
    assert_eq!(common.own[0].reference, "");
    assert_eq!((common.totals.specific, common.totals.saved), (5, 0));
}

#[test]
fn keys_are_about_one_of_four_things() {
    let check = |group: Group, keys: &str| {
        for key in keys.split_whitespace() {
            assert_eq!(Group::of(key), group, "{key}");
        }
    };
    check(
        Group::Tasks,
        "currentTask tasks nextTask next_task todo TODOs TODO_LIST projectPlan pendingChanges steps",
    );
    check(
        Group::Dependencies,
        "dependencies devDependencies packages imports taskDependencies libraries packageJSON",
    );
    check(
        Group::CompletedWork,
        "completedTasks completed_work history taskHistory recentChanges results testResults lastCommit doneTasks",
    );
    check(
        Group::ProjectInfo,
        "projectStructure project projectInfo documentation files config metadata designSpecs x blogs catalog",
    );
    assert_eq!(Group::of(""), Group::ProjectInfo);
    assert_eq!(words("HTTPServerURL2_is-on"), ["http", "server", "url", "is", "on"]);
}

proptest! {
    #[test]
    fn sums_hold(
        contexts in prop::collection::vec(prop::collection::btree_map("[a-e]", (0..3_u8, 0..50_u64), 0..6), 0..6),
    ) {
        let contexts: Vec<Context> = contexts
            .iter()
            .map(|entries| entries.iter().map(|(key, (value, tokens))| entry(key, *value, *tokens)).collect())
            .map(|entries| context("agent", entries))
            .collect();
        let common = Common::of(&contexts, DEFAULT_ENCODING);
        prop_assert_eq!(&Common::of(&contexts, DEFAULT_ENCODING), &common);
        let totals = common.totals;
        let mut occurrences = 0;
        let mut specific = 0;
        for (agent, (context, own)) in contexts.iter().zip(&common.own).enumerate() {
            prop_assert_eq!(own.specific.len() + own.shared.len(), context.entries.len());
            specific += own.specific.iter().map(|&at| context.entries[at].tokens).sum::<u64>();
            for &place in &own.shared {
                let value = &common.shared[place];
                let entry = context.entries.iter().find(|entry| entry.key == value.key).expect("there");
                prop_assert_eq!(entry.hash, value.hash);
                prop_assert!(value.agents.contains(&agent));
                occurrences += entry.tokens;
            }
        }
        prop_assert_eq!(totals.specific, specific);
        prop_assert_eq!(totals.original, specific + occurrences);
        let references: usize =
            common.own.iter().map(|own| DEFAULT_ENCODING.tokenizer().count(&own.reference)).sum();
        prop_assert_eq!(totals.references, references as u64);
        prop_assert_eq!(totals.shared, common.shared.iter().map(|value| value.tokens).sum::<u64>());
        let after = totals.shared + totals.specific + totals.references;
        prop_assert_eq!(totals.saved, totals.original.cast_signed() - after.cast_signed());
        for value in &common.shared {
            prop_assert!(value.agents.len() >= 2 && value.agents.is_sorted());
            prop_assert_eq!(value.is_everyones, value.agents.len() == contexts.len());
        }
    }
}
