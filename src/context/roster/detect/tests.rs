use super::*;
use crate::context::AgentSpecialization;

fn detect(agent_id: &str, description: &str, task: &str, paths: &[&str]) -> Option<(String, String)> {
    let found = Index::built_in().detect(&Evidence { agent_id, description, task, paths })?;
    Some((found.agent.spec.name.clone(), found.why))
}

fn kind_of(agent_id: &str, task: &str) -> Option<String> {
    let (kind, _) = detect(agent_id, "", task, &[])?;
    kind.strip_suffix("-specialist").map(str::to_owned)
}

/// Tasks that say nothing about a field.
const PLAIN_TASKS: [&str; 7] = [
    "",
    "Fix the failing build",
    "Implement the feature that the ticket describes and add tests",
    "Refactor the parser module so that the token index is built once",
    "Review the pull request and answer the comments",
    "Write documentation for the new API endpoint",
    "Look into the bug that users report: the request fails with an unexpected response",
];

#[test]
fn name_alone_tells_the_kind() {
    for (kind, names) in [
        (
            "frontend",
            "ui-designer ui-ux-designer frontend-developer FrontendDev2 front-end-dev react-expert vueDev \
            css_wizard ux-researcher UIEngineer team1:tailwind-pro a11y-checker next.js-developer",
        ),
        (
            "backend",
            "rest-api-dev backend-architect back-end graphql-architect api-documenter BackendEngineer apis \
            django-pro fastapi-pro microservices-architect server-dev",
        ),
        (
            "database",
            "dba db-admin sql-pro database-optimizer PostgreSQLExpert postgres-7 data-engineer \
            schema-designer mongo-dev database-migrations",
        ),
        (
            "devops",
            "sre devops-automator DevOpsEngineer k8s-admin kubernetes-architect terraform-specialist \
            cloud-architect deployment-engineer ci-cd-bot infrastructure-maintainer site-reliability-engineer",
        ),
        (
            "testing",
            "qa-engineer QAEngineer test-automator test-writer-fixer e2e-runner tester testing-agent \
            api-tester playwright-bot tests tdd-orchestrator",
        ),
        (
            "security",
            "pentester security-auditor appsec-reviewer penetration-tester pen-tester SecurityBot owasp-checker \
            security-tester backend-security-coder devsecops-engineer",
        ),
        (
            "mobile",
            "ios-dev mobile-app-builder flutter-expert iOSDeveloper android-dev react-native-dev SwiftUIDev \
            kotlin_pro mobile-ui-designer",
        ),
    ] {
        for name in names.split_whitespace() {
            assert_eq!(kind_of(name, "").as_deref(), Some(kind), "{name}");
        }
    }
}

#[test]
fn general_names_with_general_tasks_tell_nothing() {
    let names = "agent-7 coder assistant worker planner worker-2 general-purpose code-reviewer debugger prompt-engineer \
        data-scientist project-manager web-researcher table-formatter token-counter system-designer \
        full-stack-dev frontend-backend-dev python-pro architect router index-builder docs-writer legacy-modernizer \
        payment-integration app-store-optimizer form-filler session-manager react-and-sql a 1 :: ÜberAgent";
    for name in names.split_whitespace().chain([""]) {
        for task in PLAIN_TASKS {
            assert_eq!(kind_of(name, task), None, "{name}: {task}");
        }
    }
}

#[test]
fn task_full_of_a_field_tells_the_kind_of_a_general_name() {
    for (kind, task) in [
        (
            "frontend",
            "Make the button of the login form accessible, fix its css in the React component, keep the layout \
            responsive and the hover style of the dark theme",
        ),
        (
            "database",
            "Add a migration for the orders table in Postgres with an index on the foreign key column, rewrite \
            the slow query and check the transaction in the schema",
        ),
        (
            "devops",
            "Write a Dockerfile and a helm chart, deploy to kubernetes with terraform on aws and set up the ci \
            pipeline",
        ),
    ] {
        assert_eq!(kind_of("coder", task).as_deref(), Some(kind), "{task}");
        let long = format!("{task}. {}", "Then tell the others what was decided in the meeting. ".repeat(60));
        assert_eq!(kind_of("coder", &long), None, "lost in a long text");
    }
}

#[test]
fn description_and_paths_add_to_a_name_that_is_not_enough() {
    assert_eq!(detect("storefront", "", "", &[]), None);
    let (kind, why) =
        detect("storefront", "Builds React views and writes their css", "add a button", &[]).expect("kind");
    assert_eq!(kind, "frontend-specialist");
    assert_eq!(why, r#"its description has "react", "css"; its task has "button""#);
    let task = "Rename the button, its style, the layout and the html";
    assert_eq!(detect("coder", "", task, &["src/a.rs"]), None);
    let (_, why) = detect("coder", "", task, &["src/a.tsx", "src/b.css"]).expect("kind");
    assert!(why.ends_with("; files that its task is about are of that kind"), "{why}");
    assert_eq!(detect("coder", "", "do it", &["a.tsx", "b.tsx", "c.css"]), None, "paths alone tell nothing");
}

#[test]
fn reasons_are_short_and_one_line() {
    let words = "button css layout html react vue angular svelte browser responsive ".repeat(9);
    let (_, why) = detect("ui\n\"css\"-react-vue-agent", &words, &words, &["a.tsx"]).expect("kind");
    assert!(why.len() <= MAX_WHY_BYTES && !why.contains('\n'), "{why}");
    assert!(
        why.starts_with(
            r#"its name has "ui", "css", "react"; its description has "button", "css", "layout""#
        ),
        "{why}"
    );
}

fn kind(name: &str, base: Option<&str>, words: &[&str]) -> Kind {
    let spec = AgentSpecialization {
        name: name.into(),
        keywords: words.iter().map(|&word| word.to_owned()).collect(),
        max_context_size: 1.0,
        ..AgentSpecialization::default()
    };
    let mut kind = Kind::of(&Arc::new(Compiled::new(spec).expect("sound")));
    kind.base = base.map(str::to_owned);
    kind
}

fn with_built_ins(more: Vec<Kind>) -> Index {
    Index::new(built_in::built_in().iter().map(Kind::of).chain(more).collect())
}

fn name_of(index: &Index, agent_id: &str) -> Option<String> {
    let evidence = Evidence { agent_id, ..Evidence::default() };
    index.detect(&evidence).map(|found| found.agent.spec.name.clone())
}

#[test]
fn kinds_of_a_family_do_not_compete_for_being_clear() {
    let frontend = Some("frontend-specialist");
    let index = with_built_ins(vec![
        kind("react-expert", frontend, &["react", "ui"]),
        kind("checkout-page", frontend, &["checkout", "css"]),
        kind("payments", None, &["invoice", "ui", "checkout"]),
    ]);
    for (agent, expected) in [
        ("ui-designer", Some("frontend-specialist")),
        ("react-helper", Some("react-expert")),
        ("checkout-page-fixer-2", Some("checkout-page")),
        ("payments-helper", Some("payments")),
        ("invoice-helper", None),
    ] {
        assert_eq!(name_of(&index, agent).as_deref(), expected, "{agent}");
    }
}

#[test]
fn name_goes_on_deciding_however_many_kinds_have_the_word_as_a_keyword() {
    let more = (0..200).map(|at| kind(&format!("k{at}x"), None, &["ui", "css", "user", "button"])).collect();
    let index = with_built_ins(more);
    assert_eq!(name_of(&index, "ui-designer").as_deref(), Some("frontend-specialist"));
    let task = "button css user button";
    assert!(index.detect(&Evidence { agent_id: "coder", task, ..Evidence::default() }).is_none());
}

#[test]
fn words_that_nobody_chose_need_more_company() {
    let words = ["cause", "failures", "stack", "trace"];
    let task = "Find the cause of the failures, the stack trace is below";
    let evidence = Evidence { agent_id: "coder", task, ..Evidence::default() };
    let mut debugger = kind("debugger", None, &words);
    assert!(with_built_ins(vec![debugger.clone()]).detect(&evidence).is_some());
    debugger.are_chosen = false;
    assert!(with_built_ins(vec![debugger]).detect(&evidence).is_none());
}

#[test]
fn what_replaces_a_built_in_has_its_other_names() {
    let mut kinds: Vec<Kind> = built_in::built_in().iter().skip(1).map(Kind::of).collect();
    kinds.push(kind("frontend-specialist", None, &["mine"]));
    kinds.push(kind("own", Some("frontend-specialist"), &["own"]));
    kinds.push(kind("orphan", Some("nobody"), &["orphaned"]));
    let index = Index::new(kinds);
    assert_eq!(name_of(&index, "ux-designer").as_deref(), Some("frontend-specialist"));
    assert_eq!(name_of(&index, "orphan-2").as_deref(), Some("orphan"));
}

proptest::proptest! {
    #[test]
    fn any_evidence_gives_the_same_answer_twice(
        agent in "[a-zA-Z0-9:_-]{0,20}|\\PC{0,9}", description in "\\PC{0,40}", task in "(css |react |sql |api |\\PC){0,40}",
    ) {
        let once = detect(&agent, &description, &task, &["a.tsx"]);
        assert_eq!(once, detect(&agent, &description, &task, &["a.tsx"]));
        assert!(once.is_none_or(|(_, why)| !why.is_empty() && why.len() <= MAX_WHY_BYTES));
    }
}
