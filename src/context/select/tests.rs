use super::super::test_support::{Ready, exact_tokens, filler};
use super::*;

const ALL: Limits = Limits {
    threshold: 0.3,
    share: 1.0,
    max_bytes: 1 << 30,
    max_tokens: None,
    target_reduction: None,
    whole_texts: false,
    blind: false,
};

/// Choices of a context, by element, with scores and `named` by path; others have 0.5.
struct Given {
    ready: Ready,
    scores: Vec<f64>,
    fit: Fit,
}

impl Given {
    fn of(json: &str, scores: &[(&str, f64)]) -> Self {
        let ready = Ready::of(json);
        let count = ready.elements.list.len();
        let mut given = Self { scores: vec![0.5; count], fit: ready.fit(""), ready };
        given.fit.named = vec![false; count];
        for (path, score) in scores {
            let at = given.ready.at(path);
            given.scores[at] = *score;
        }
        given
    }

    fn named(mut self, path: &str) -> Self {
        let at = self.ready.at(path);
        self.fit.named[at] = true;
        self
    }

    fn choose(&self, limits: &Limits) -> Vec<Choice> {
        let corpus = self.ready.corpus();
        choose(&corpus, &self.fit, &self.scores, &element_tokens(&corpus), limits)
    }

    /// Paths of what stays whole.
    fn kept(&self, limits: &Limits) -> Vec<&str> {
        let choices = self.choose(limits);
        let stays = |at: &usize| choices[*at] == Choice::Whole;
        (0..choices.len()).filter(stays).map(|at| self.path(at)).collect()
    }

    fn path(&self, at: usize) -> &str {
        self.ready.elements.path(&self.ready.elements.list[at])
    }

    fn tokens(&self) -> Vec<u64> {
        element_tokens(&self.ready.corpus())
    }
}

/// An object of so many texts of so many words, `k0` and so on.
fn texts(words: &[usize]) -> String {
    let entries: Vec<String> = words
        .iter()
        .enumerate()
        .map(|(at, &words)| format!(r#""k{at}":"{}""#, vec!["hills"; words].join(" ")))
        .collect();
    format!("{{{}}}", entries.join(","))
}

#[test]
fn required_fields_stay_whatever_the_limits() {
    let json = r#"{"currentTask":"a task that is far longer than any limit","k0":"x"}"#;
    let given = Given::of(json, &[("currentTask", 0.0), ("k0", 1.0)]);
    for limits in [
        Limits { max_bytes: 0, ..ALL },
        Limits { max_tokens: Some(0), ..ALL },
        Limits { share: 0.0, ..ALL },
        Limits { target_reduction: Some(1.0), ..ALL },
    ] {
        assert_eq!(given.kept(&limits), ["currentTask"], "{limits:?}");
    }
    assert_eq!(given.kept(&Limits { threshold: 1.0, ..ALL }), ["currentTask", "k0"]);
}

#[test]
fn excluded_elements_go_even_if_they_are_named() {
    let given = Given::of(r#"{"node_modules":"x","k0":"y"}"#, &[("node_modules", 1.0)]).named("node_modules");
    assert_eq!(given.choose(&ALL), [Choice::Dropped(Reason::Excluded), Choice::Whole]);
}

#[test]
fn small_contexts_lose_only_what_is_under_the_threshold() {
    let given = Given::of(&texts(&[100; 5]), &[("k1", 0.29), ("k2", 0.3)]);
    assert!(given.tokens().iter().sum::<u64>() < SMALL_CONTEXT_TOKENS);
    assert_eq!(given.kept(&ALL), ["k0", "k2", "k3", "k4"]);
    assert_eq!(given.choose(&ALL)[1], Choice::Dropped(Reason::Score));
    let given = given.named("k1");
    assert_eq!(given.kept(&ALL).len(), 5, "what is named stays");
}

#[test]
fn larger_contexts_lose_30_to_50_percent() {
    let share_of = |scores: f64, limits: &Limits| {
        let mut given = Given::of(&texts(&[150; 40]), &[]);
        given.scores.fill(scores);
        given.kept(limits).len() as f64 / 40.0
    };
    assert!((share_of(0.9, &ALL) - 0.7).abs() < 0.03, "as much as may stay");
    assert!((share_of(0.1, &ALL) - 0.5).abs() < 0.03, "as much as must stay");
    let blind = Limits { blind: true, ..ALL };
    assert!((share_of(0.9, &blind) - 1.0).abs() < f64::EPSILON, "nobody knows what is better");
    for target in [0.0, 0.25, 0.8, 1.0] {
        let limits = Limits { target_reduction: Some(target), ..ALL };
        for scores in [0.1, 0.9] {
            assert!((share_of(scores, &limits) - (1.0 - target)).abs() < 0.03, "{target}, scores {scores}");
        }
    }
}

#[test]
fn what_is_named_stays_beyond_the_ceiling() {
    let given = Given::of(&texts(&[150; 40]), &[("k7", 0.0), ("k39", 0.3)]).named("k7");
    let kept = given.kept(&ALL);
    assert!(kept.contains(&"k7") && !kept.contains(&"k39"), "{kept:?}");
    assert_eq!(given.choose(&ALL)[39], Choice::Dropped(Reason::Reduction));
}

#[test]
fn pressure_keeps_a_share_of_the_best() {
    let scores: Vec<(String, f64)> =
        (0..10).map(|at| (format!("k{at}"), 0.5 + f64::from(at) / 100.0)).collect();
    let scores: Vec<(&str, f64)> = scores.iter().map(|(path, score)| (path.as_str(), *score)).collect();
    let given = Given::of(&texts(&[5; 10]), &scores);
    assert_eq!(given.kept(&Limits { share: 0.4, ..ALL }), ["k6", "k7", "k8", "k9"]);
    assert_eq!(given.choose(&Limits { share: 0.4, ..ALL })[0], Choice::Dropped(Reason::Pressure));
    assert!(given.kept(&Limits { share: 0.0, ..ALL }).is_empty());
}

#[test]
fn best_for_each_token_stays_and_what_does_not_fit_is_passed_over() {
    let given = Given::of(&texts(&[60, 150, 40]), &[("k1", 0.9), ("k0", 0.5), ("k2", 0.4)]);
    let tokens = given.tokens();
    let limit = |tokens: u64| Limits { max_tokens: Some(tokens), ..ALL };
    assert_eq!(given.kept(&limit(tokens[1] + 2)), ["k1"]);
    assert_eq!(given.kept(&limit(tokens[1] + 1)), ["k0", "k2"], "one token too few for the best");
    assert_eq!(given.kept(&limit(tokens[2] + 2)), ["k2"]);
    assert_eq!(given.choose(&limit(tokens[2] + 2))[1], Choice::Dropped(Reason::Limit));
    let bytes = |bytes: u64| Limits { max_bytes: bytes, ..ALL };
    assert_eq!(given.kept(&bytes(60 * 6 + 20)), ["k0"]);
    assert!(given.kept(&bytes(10)).is_empty());
}

#[test]
fn equal_scores_keep_the_smaller_then_the_earlier() {
    let given = Given::of(&texts(&[30, 20, 20]), &[]);
    let tokens = given.tokens();
    assert_eq!(given.kept(&Limits { max_tokens: Some(tokens[1] + 2), ..ALL }), ["k1"]);
}

#[test]
fn large_texts_stay_in_part_unless_they_must_be_whole() {
    let text = filler(20_000);
    let json = serde_json::json!({ "long": text, "k1": "x" }).to_string();
    let given = Given::of(&json, &[]);
    let half = exact_tokens(&text) / 2;
    let limits = Limits { max_tokens: Some(half), ..ALL };
    let choices = given.choose(&limits);
    let Choice::Blocks(kept) = &choices[0] else { panic!("{choices:?}") };
    assert!(kept.iter().any(|kept| *kept) && kept.iter().any(|kept| !*kept));
    let tokens = given.ready.units.tokens(0);
    let stay: u64 =
        kept.iter().zip(tokens).filter(|(kept, _)| **kept).map(|(_, tokens)| u64::from(*tokens)).sum();
    assert!(stay <= half && stay > half * 3 / 4, "{stay} of {half}");
    let whole = given.choose(&Limits { whole_texts: true, ..limits });
    assert_eq!(whole, [Choice::Dropped(Reason::Limit), Choice::Whole], "nothing else may go");
    assert_eq!(given.choose(&Limits { blind: true, ..ALL }), [Choice::Whole, Choice::Whole]);
}

#[test]
fn best_blocks_of_a_text_stay() {
    let json = serde_json::json!({ "long": filler(20_000) }).to_string();
    let mut given = Given::of(&json, &[]);
    let blocks = given.fit.blocks[0].len();
    given.fit.blocks[0][blocks - 2] = 1.0;
    let tokens = u64::from(given.ready.units.tokens(0)[blocks - 2]);
    let limits = Limits { max_tokens: Some(tokens + 2 * 40 + 20), ..ALL };
    let choices = given.choose(&limits);
    let Choice::Blocks(kept) = &choices[0] else { panic!("{choices:?}") };
    let stay: Vec<usize> = (0..blocks).filter(|&block| kept[block]).collect();
    assert_eq!(stay, [blocks - 2]);
}

#[test]
fn gaps_are_counted_as_blocks_come() {
    let last = 5;
    let dropped = Choice::Dropped(Reason::Limit);
    let blocks = |stay: &[usize]| {
        let mut kept = vec![false; last + 1];
        for &at in stay {
            kept[at] = true;
        }
        Choice::Blocks(kept)
    };
    for (choice, block, gaps) in [
        (&dropped, 0, 1),
        (&dropped, last, 1),
        (&dropped, 2, 2),
        (&blocks(&[0]), 1, 0),
        (&blocks(&[0]), 2, 1),
        (&blocks(&[0]), last, 0),
        (&blocks(&[0, 2]), 1, -1),
        (&blocks(&[1]), 0, -1),
    ] {
        assert_eq!(gaps_added(choice, block, last + 1), gaps, "{choice:?} {block}");
    }
}

#[test]
fn gaps_that_cost_no_more_than_their_marker_are_closed() {
    let mut kept = [true, false, true, false, false, true, false];
    close_small_gaps(&mut kept, &[9, 40, 9, 20, 21, 9, 1]);
    assert_eq!(kept, [true, true, true, false, false, true, true]);
    close_small_gaps(&mut [], &[]);
}
