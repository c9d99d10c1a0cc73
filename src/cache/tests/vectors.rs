//! Vectors of questions: kept, found again, and gone with what they are of.

use super::*;

const QUESTION: &str = "how do I sharpen a knife";

const MODEL: &str = "one";

fn keep(cache: &CacheManager, query: &str, vector: &[f32]) {
    set_for(cache, query, "1", ttl(60_000));
    cache.keep_vector(keys(query).to_store(), MODEL, vector).expect("a vector");
}

/// Queries near to a vector.
fn near(cache: &CacheManager, vector: &[f32]) -> Vec<String> {
    near_of(cache, MODEL, vector)
}

fn near_of(cache: &CacheManager, model: &str, vector: &[f32]) -> Vec<String> {
    let found = cache.near(&keys("what is this all about"), model, vector, 8, 0.5).expect("a vector");
    found.into_iter().map(|similar| similar.source).collect()
}

/// The cache of a process that comes after that of `before`, when it has taken up what is stored.
fn reopened(world: &World, before: &CacheManager, model: &str) -> Arc<CacheManager> {
    assert!(before.close());
    let cache = world.open();
    cache.use_vectors(model);
    await_take_up(&cache);
    cache
}

/// Waits until what is stored is taken up: before, a vector that was just removed can come from the store again, until it is
/// swept.
fn await_take_up(cache: &CacheManager) {
    let begun = Instant::now();
    while !cache.is_taken_up() {
        assert!(begun.elapsed() < DEADLINE, "it never happened");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn vectors_come_back_with_the_store_those_of_their_model_only() {
    let world = World::new();
    let mut cache = world.open();
    cache.use_vectors(MODEL);
    keep(&cache, QUESTION, &[1.0, 0.0]);
    keep(&cache, "how do I bake bread", &[0.0, 1.0]);
    assert_eq!(near(&cache, &[1.0, 0.1]), [QUESTION]);
    for (model, expected) in [("two", vec![]), ("one", vec![QUESTION])] {
        cache = reopened(&world, &cache, model);
        assert_eq!(near_of(&cache, model, &[1.0, 0.1]), expected);
    }
}

#[test]
fn models_in_use_at_once_do_not_mix() {
    let world = World::new();
    let cache = world.open();
    cache.use_vectors(MODEL);
    keep(&cache, QUESTION, &[1.0, 0.0]);
    cache.use_vectors("two");
    cache.keep_vector(keys(QUESTION).to_store(), "two", &[0.0, 1.0, 0.0]).expect("a vector");
    assert_eq!(near_of(&cache, MODEL, &[1.0, 0.0]), [QUESTION]);
    assert_eq!(near_of(&cache, "two", &[0.0, 1.0, 0.0]), [QUESTION]);
    assert!(near_of(&cache, "three", &[1.0]).is_empty());
    let cache = reopened(&world, &cache, "two");
    assert_eq!(near_of(&cache, "two", &[0.0, 1.0, 0.0]), [QUESTION]);
    assert!(near_of(&cache, MODEL, &[1.0, 0.0]).is_empty());
}

#[test]
fn what_was_removed_meanwhile_gets_no_vector() {
    let world = World::new();
    let cache = world.open();
    cache.use_vectors(MODEL);
    set(&cache, QUESTION, "1");
    cache.clear(cache.namespace(), None).expect("cleared");
    cache.keep_vector(keys(QUESTION).to_store(), MODEL, &[1.0, 0.0]).expect("a vector");
    assert_eq!(cache.stats().similarity.vectors, Some(0));
    cache.flush(false).expect("written");
    assert_eq!(cache.stats().l2.entries, 0);
}

#[test]
fn vectors_are_no_questions_and_no_keys() {
    let world = World::new();
    let cache = world.open();
    cache.use_vectors(MODEL);
    keep(&cache, QUESTION, &[1.0, 0.0]);
    cache.flush(false).expect("written");
    let walk = cache.keys(cache.namespace(), &Scope::default(), &[String::new()], None).expect("open");
    assert_eq!(walk.0, [QUESTION]);
    let cache = reopened(&world, &cache, MODEL);
    let stats = cache.stats();
    assert_eq!((stats.similarity.queries, stats.similarity.vectors), (1, Some(1)));
}

#[test]
fn what_has_no_answer_any_more_is_swept() {
    let world = World::new();
    let cache = world.open();
    cache.use_vectors(MODEL);
    keep(&cache, QUESTION, &[1.0, 0.0]);
    keep(&cache, "how do I bake bread", &[0.9, 0.1]);
    cache.flush(false).expect("written");
    await_take_up(&cache);
    world.clock.advance(30_000);
    set_for(&cache, "how do I bake bread", "2", ttl(60_000));
    world.clock.advance(40_000);
    cache.maintain();
    assert_eq!(near(&cache, &[1.0, 0.1]), ["how do I bake bread"]);
    cache.flush(false).expect("written");
    let cache = reopened(&world, &cache, MODEL);
    assert_eq!(near(&cache, &[1.0, 0.1]), ["how do I bake bread"]);
}

#[test]
fn a_namespace_and_a_key_take_their_vectors_with_them() {
    let world = World::new();
    let cache = world.open();
    cache.use_vectors(MODEL);
    let below = cache.namespace().child("below");
    let other = Keys::new(&below, &Scope::default(), QUESTION);
    cache.set(other.to_store(), "1".into(), Kind::Json, Terms::default()).expect("stored");
    cache.keep_vector(other.to_store(), MODEL, &[1.0, 0.0]).expect("a vector");
    keep(&cache, QUESTION, &[1.0, 0.0]);
    cache.flush(false).expect("written");
    await_take_up(&cache);
    cache.clear(&below, None).expect("cleared");
    assert_eq!(cache.stats().similarity.vectors, Some(1));
    assert!(cache.delete(&keys(QUESTION)).expect("open"));
    assert_eq!(cache.stats().similarity.vectors, Some(0));
    let cache = reopened(&world, &cache, MODEL);
    assert_eq!(cache.stats().similarity.vectors, Some(0));
    assert_eq!(cache.stats().l2.entries, 0);
}

#[test]
fn memory_for_vectors_is_bounded() {
    let world = World::new();
    let cache = world.open_with(|config| config.persist_to_disk = false);
    cache.use_vectors(MODEL);
    let mut vector = vec![1.0_f32; 64 << 10];
    for number in 0..1000_u16 {
        vector[0] = f32::from(number);
        keep(&cache, &format!("how do I sharpen knife {number}"), &vector);
    }
    let vectors = cache.stats().similarity.vectors.expect("in use");
    assert!((400..=512).contains(&vectors), "{vectors}");
    assert_eq!(near(&cache, &vector).len(), 8);
}
