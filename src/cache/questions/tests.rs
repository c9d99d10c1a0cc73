use super::*;
use crate::cache::key::Scope;

fn key(agent: usize, query: &str) -> Key {
    let scope = Scope { agent_id: Some(format!("agent {agent}")), ..Scope::default() };
    Key::new(&Namespace::root(""), &scope, query)
}

#[test]
fn scopes_without_questions_are_forgotten() {
    let questions = Questions::new();
    for agent in 0..10 * MANY_SCOPES {
        let key = key(agent, "how do I boil an egg");
        questions.add(&key);
        if agent % 100 > 0 {
            questions.remove(&key);
        }
        questions.catch_up();
    }
    let state = questions.state.read();
    assert!(state.scopes.len() <= 2 * MANY_SCOPES, "{}", state.scopes.len());
    assert!(state.prefixes.len() <= 2 * MANY_SCOPES, "{}", state.prefixes.len());
    drop(state);
    let like = |agent| {
        let keys = Keys::of(key(agent, "How do I boil an egg?"));
        questions.like(&keys, 0.8, Wanted::Served).len()
    };
    assert_eq!((like(0), like(100), like(101)), (1, 1, 0));
}

#[test]
fn rows_of_what_was_left_are_not_taken_up() {
    let questions = Questions::new();
    let key = key(0, "how do I boil an egg");
    let (beginning, _) = questions.followed();
    questions.clear_all();
    assert!(!questions.add_rows(vec![key.bytes.clone()], beginning));
    assert!(!questions.follow_to(7, beginning));
    assert_eq!((questions.len(), questions.followed().1), (0, 0));
    let (beginning, _) = questions.followed();
    assert!(questions.add_rows(vec![key.bytes], beginning) && questions.follow_to(7, beginning));
    assert_eq!((questions.len(), questions.followed().1), (1, 7));
}
