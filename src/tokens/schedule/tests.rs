use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn run(agents: &[&str], tasks: &Value) -> Schedule {
    let agents: Vec<String> = agents.iter().map(|agent| (*agent).to_owned()).collect();
    schedule(&agents, &tasks.to_string()).expect("JSON")
}

#[track_caller]
fn check(agents: &str, tasks: Value, expected: &str) {
    let agents: Vec<&str> = agents.split_whitespace().collect();
    let batches = run(&agents, &tasks).batches;
    let found: Vec<String> = batches.iter().map(|batch| batch.join(" ")).collect();
    assert_eq!(found.join(" | "), expected, "{tasks}");
}

#[test]
fn without_an_order_batches_are_filled_as_given() {
    check("", json!([]), "");
    check("e d c b a", json!([]), "e d c | b a");
    check("a b a c b d", json!(null), "a b c | d");
    check("a b", json!(["write", 1, {}, {"description": 7}]), "a b");
}

#[test]
fn known_chains_follow_from_words() {
    const ALL: &str =
        "testing-specialist database-specialist frontend-specialist backend-specialist devops-specialist";
    check(
        ALL,
        json!([{ "description": "Build the UI" }]),
        "database-specialist frontend-specialist backend-specialist | testing-specialist | devops-specialist",
    );
    check(
        ALL,
        json!(["two APIs"]),
        "frontend-specialist backend-specialist | database-specialist | testing-specialist | devops-specialist",
    );
    check(
        "testing-specialist backend-specialist",
        json!([{ "description": "backend" }]),
        "backend-specialist | testing-specialist",
    );
    check(
        "testing-specialist backend-specialist",
        json!([{ "description": "rapid guide" }]),
        "testing-specialist backend-specialist",
    );
}

#[test]
fn devops_specialist_shares_no_batch() {
    check("a devops-specialist b c d", json!([]), "a b c | devops-specialist | d");
    check("devops-specialist a", json!([]), "devops-specialist | a");
    check(
        "a devops-specialist b",
        json!([{ "agent": "a", "dependsOn": "devops-specialist" }]),
        "devops-specialist | a b",
    );
}

#[test]
fn tasks_say_the_order() {
    let tasks = json!([
        { "id": 1, "agents": ["a"], "dependsOn": [2, "third"] },
        { "id": 2, "assignedTo": "b" },
        { "name": "third", "agent": "c", "dependencies": ["d"] },
    ]);
    check("a b c d", tasks, "b d | c | a");
    // Through a task that nobody here does.
    let tasks = json!([{ "agent": "a", "dependsOn": "x" }, { "id": "x", "dependsOn": ["y"] }, { "id": "y", "agent": "b" }]);
    check("a b", tasks, "b | a");
    let tasks = json!([
        { "agent": "a", "dependsOn": "elsewhere" },
        { "agent": "elsewhere", "dependsOn": "b" },
    ]);
    check("a b", tasks, "b | a");
    // A name that two tasks have means both.
    let tasks = json!([
        { "agent": "a", "dependsOn": "build" },
        { "name": "build", "agent": "b" },
        { "name": "build", "agent": "c" },
    ]);
    check("a b c", tasks, "b c | a");
    // Agents who do both do not wait for each other, nor for themselves.
    let tasks =
        json!([{ "id": 1, "agents": ["a", "b", "c"] }, { "id": 2, "agents": ["a", "b"], "dependsOn": 1 }]);
    check("a b c", tasks, "c | a b");
}

#[test]
fn what_tasks_say_goes_before_known_chains() {
    let tasks = json!([
        { "id": 1, "agent": "testing-specialist", "description": "API tests first" },
        { "id": 2, "agent": "backend-specialist", "dependsOn": 1, "description": "the API" },
    ]);
    check("backend-specialist testing-specialist", tasks.clone(), "testing-specialist | backend-specialist");
    // Who has no task is placed by what is known, unless that contradicts.
    check(
        "database-specialist backend-specialist testing-specialist",
        tasks,
        "testing-specialist | backend-specialist | database-specialist",
    );
}

#[test]
fn longest_chains_start_first() {
    let tasks = json!([{ "agent": "b", "dependsOn": "a" }, { "agent": "c", "dependsOn": "b" }]);
    check("u v w x y z a b c", tasks, "u v a | w x b | y z c");
}

#[test]
fn cycles_and_unknown_names_are_reported() {
    let tasks = json!([
        { "agent": "c", "dependsOn": ["a", "nobody"] },
        { "agent": "a", "dependsOn": ["b", "nobody", 5] },
        { "agent": "b", "dependsOn": "a" },
        { "agent": "d", "dependsOn": "d" },
    ]);
    let schedule = run(&["c", "b", "a", "d"], &tasks);
    assert_eq!(schedule.cycles, [["b", "a"]]);
    assert_eq!(schedule.unknown, ["nobody", "5"]);
    assert_eq!(schedule.batches, [vec!["b", "d"], vec!["a"], vec!["c"]]);
}

#[test]
fn tasks_that_are_no_json_are_refused() {
    for text in ["", "[", "[1, 2]"] {
        assert!(schedule(&[], text).is_err(), "{text}");
    }
}

/// Whether agent `from` waits for `to`, by the words of the interface: step by step over tasks of nobody given.
fn waits(from: usize, to: usize, tasks: &[(Vec<usize>, Vec<usize>)], given: usize) -> bool {
    let does = |task: usize, agent: usize| tasks[task].0.contains(&agent);
    let is_given = |task: usize| tasks[task].0.iter().any(|&agent| agent < given);
    let direct = |task: usize, other: usize| does(other, to) && !(does(task, to) && does(other, from));
    let mut open: Vec<(usize, usize)> = (0..tasks.len())
        .filter(|&task| does(task, from))
        .flat_map(|task| tasks[task].1.iter().map(move |&other| (task, other)))
        .collect();
    let mut seen = HashSet::new();
    while let Some((task, other)) = open.pop() {
        if from != to && direct(task, other) {
            return true;
        }
        if !is_given(other) && seen.insert(other) {
            open.extend(tasks[other].1.iter().map(|&next| (other, next)));
        }
    }
    false
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn batches_are_a_partition_in_order(
        given in 0..8_usize,
        tasks in prop::collection::vec(
            (prop::collection::vec(0..9_usize, 0..5), prop::collection::vec(0..10_usize, 0..3)), 0..10),
    ) {
        let tasks: Vec<(Vec<usize>, Vec<usize>)> = tasks
            .iter()
            .map(|(who, what)| (who.clone(), what.iter().copied().filter(|&other| other < tasks.len()).collect()))
            .collect();
        let names: Vec<String> = (0..9).map(|agent| format!("agent{agent}")).collect();
        let json: Vec<Value> = tasks.iter().enumerate().map(|(id, (who, what))| {
            let who: Vec<&String> = who.iter().map(|&agent| &names[agent]).collect();
            json!({ "id": id, "agents": who, "dependsOn": what })
        }).collect();
        let json = Value::Array(json).to_string();
        let schedule = super::schedule(&names[..given], &json).expect("JSON");
        prop_assert_eq!(&super::schedule(&names[..given], &json).expect("JSON"), &schedule);

        let mut all: Vec<&String> = schedule.batches.iter().flatten().collect();
        all.sort();
        prop_assert_eq!(all, names[..given].iter().collect::<Vec<_>>());
        prop_assert!(schedule.batches.iter().all(|batch| (1..=MAX_BATCH).contains(&batch.len())));
        prop_assert!(schedule.batches.iter().all(|batch| batch.is_sorted()));
        prop_assert!(schedule.unknown.is_empty());

        let mut reaches: Vec<Vec<bool>> = (0..given)
            .map(|from| (0..given).map(|to| waits(from, to, &tasks, given)).collect())
            .collect();
        for middle in 0..given {
            for from in 0..given {
                for to in 0..given {
                    reaches[from][to] |= reaches[from][middle] && reaches[middle][to];
                }
            }
        }
        let batch_of = |agent: usize| {
            schedule.batches.iter().position(|batch| batch.contains(&names[agent])).expect("there")
        };
        for from in 0..given {
            for to in 0..given {
                let in_cycle = |name| schedule.cycles.iter().any(|cycle| cycle.contains(name));
                prop_assert_eq!(reaches[from][from], in_cycle(&names[from]));
                if reaches[from][to] && !reaches[to][from] {
                    prop_assert!(batch_of(to) < batch_of(from), "{} waits for {}", from, to);
                }
            }
        }
    }

    #[test]
    fn nobody_waits_where_there_is_room(
        edges in prop::collection::vec(prop::collection::vec(0..1000_usize, 0..4), 1..30),
        alone in prop::option::of(0..30_usize),
    ) {
        let waits_for: Vec<Vec<usize>> = edges
            .iter()
            .enumerate()
            .map(|(agent, others)| others.iter().filter_map(|other| other.checked_rem(agent)).collect::<BTreeSet<_>>())
            .map(|others| others.into_iter().collect())
            .collect();
        let alone = alone.filter(|&agent| agent < edges.len());
        let batches = pack(edges.len(), &waits_for, alone);
        let mut batch_of = vec![0; edges.len()];
        for (at, batch) in batches.iter().enumerate() {
            for &agent in batch {
                batch_of[agent] = at;
            }
        }
        prop_assert_eq!(batches.iter().map(Vec::len).sum::<usize>(), edges.len());
        for (agent, others) in waits_for.iter().enumerate() {
            let earliest = others.iter().map(|&other| batch_of[other] + 1).max().unwrap_or(0);
            prop_assert!(earliest <= batch_of[agent]);
            let is_alone = |batch: &Vec<usize>| alone.is_some_and(|alone| batch.contains(&alone));
            prop_assert!(!is_alone(&batches[batch_of[agent]]) || batches[batch_of[agent]].len() == 1);
            let has_room = |batch: &Vec<usize>| batch.len() < MAX_BATCH && !is_alone(batch);
            let missed = batches[earliest..batch_of[agent]].iter().any(has_room);
            prop_assert!(!missed || alone == Some(agent));
        }
    }
}
