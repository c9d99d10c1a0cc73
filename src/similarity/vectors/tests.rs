use std::cell::RefCell;

use proptest::prelude::*;

use super::*;

/// What the index is to do, without any haste: all vectors, the oldest first.
struct Model {
    limit: usize,
    vectors: Vec<(u32, Vec<f32>)>,
}

impl Model {
    fn insert(&mut self, id: u32, vector: &[f32]) {
        self.remove(id);
        self.vectors.push((id, vector.to_vec()));
        let excess = self.vectors.len().saturating_sub(self.limit);
        self.vectors.drain(..excess);
    }

    fn remove(&mut self, id: u32) -> bool {
        let before = self.vectors.len();
        self.vectors.retain(|(other, _)| *other != id);
        self.vectors.len() < before
    }

    /// Everything accepted, ranked. Cosines come from the same function, so that ties are the same; that it is
    /// right is another test.
    fn nearest(&self, query: &[f32], count: usize, accept: impl Fn(u32) -> bool) -> Vec<(u32, f32)> {
        let mut all: Vec<_> = self.vectors.iter().filter(|(id, _)| accept(*id)).collect();
        all.sort_by_key(|(id, _)| *id);
        let mut ranked: Vec<_> =
            all.iter().map(|(id, vector)| (*id, rows::cosine(&unit(query), &unit(vector)))).collect();
        ranked.sort_by(|a, b| b.1.partial_cmp(&a.1).unwrap());
        ranked.truncate(count);
        ranked
    }
}

fn unit(vector: &[f32]) -> Vec<f32> {
    let mut unit = vec![0.0; vector.len()];
    rows::write_unit(vector, precise_dot(vector, vector).sqrt(), &mut unit);
    unit
}

fn precise_dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum()
}

/// All ids from the oldest to the newest, both ways.
#[track_caller]
fn ids_by_age(index: &VectorIndex) -> Vec<u32> {
    let (mut forth, mut back) = (Vec::new(), Vec::new());
    let mut slot = index.oldest;
    while let Some(place) = index.places.get(slot as usize) {
        forth.push(place.id);
        slot = place.newer;
    }
    slot = index.newest;
    while let Some(place) = index.places.get(slot as usize) {
        back.push(place.id);
        slot = place.older;
    }
    back.reverse();
    assert_eq!(forth, back);
    assert_eq!(index.slots.len(), forth.len());
    forth
}

fn ids(found: &[(u32, f32)]) -> Vec<u32> {
    found.iter().map(|(id, _)| *id).collect()
}

/// An index with vectors under the ids 0, 1, ….
fn index_of(limit: usize, vectors: &[&[f32]]) -> VectorIndex {
    let mut index = VectorIndex::new(limit);
    for (id, vector) in vectors.iter().enumerate() {
        index.insert(u32::try_from(id).unwrap(), vector).unwrap();
    }
    index
}

/// Numbers that look random and are the same at every run.
fn noise(seed: u32, width: usize) -> Vec<f32> {
    let number = |at: usize| xxh3_64(&[u64::from(seed).to_le_bytes(), (at as u64).to_le_bytes()].concat());
    (0..width).map(|at| (number(at) >> 40) as f32 / (1 << 23) as f32 - 1.0).collect()
}

#[test]
fn nearest_are_ranked_by_cosine_whatever_their_length() {
    let index = index_of(9, &[&[0.0, 5.0], &[100.0, 1.0], &[-3.0, 0.0], &[0.1, 0.1]]);
    let found = index.nearest(&[2.0, 0.0], 9, |_| true).unwrap();
    assert_eq!(ids(&found), [1, 3, 0, 2]);
    assert!((found[1].1 - 0.5_f32.sqrt()).abs() < 1e-6);
    assert!(found[2].1.abs() < f32::EPSILON && (found[3].1 + 1.0).abs() < f32::EPSILON);
    assert_eq!(ids(&index.nearest(&[2.0, 0.0], 2, |_| true).unwrap()), [1, 3]);
    assert_eq!(index.nearest(&[2.0, 0.0], 0, |_| true).unwrap(), []);
    assert_eq!(index.nearest(&[2.0, 0.0], usize::MAX, |_| true).unwrap(), found);
}

#[test]
fn of_equally_near_the_lower_id_is_first_whatever_the_order_of_insertion() {
    let mut index = VectorIndex::new(9);
    for id in [7, 3, 5, 1, 6] {
        index.insert(id, &[1.0, 2.0, 3.0]).unwrap();
    }
    assert_eq!(ids(&index.nearest(&[1.0, 0.0, 0.0], 3, |_| true).unwrap()), [1, 3, 5]);
}

#[test]
fn zero_and_negative_zero_are_equally_near() {
    let index = index_of(9, &[&[-0.0, 1.0], &[0.0, 1.0], &[-0.0, -1.0]]);
    let found = index.nearest(&[1.0, 0.0], 9, |_| true).unwrap();
    assert_eq!(ids(&found), [0, 1, 2]);
    assert!(found.iter().all(|(_, similarity)| similarity.to_bits() == 0));
}

#[test]
fn refused_vectors_do_not_take_the_place_of_accepted_ones() {
    let mut index = VectorIndex::new(1_000);
    for id in 0..1_000 {
        index.insert(id, &noise(id, 8)).unwrap();
    }
    let query = noise(5_000, 8);
    let asked = RefCell::new(Vec::new());
    let found = index.nearest(&query, 5, |id| {
        asked.borrow_mut().push(id);
        id % 200 == 1
    });
    let all: Vec<u32> = ids(&index.nearest(&query, 1_000, |_| true).unwrap());
    let expected: Vec<u32> = all.into_iter().filter(|id| id % 200 == 1).collect();
    assert_eq!(ids(&found.unwrap()), expected);
    assert_eq!(expected.len(), 5);
    let mut asked = asked.into_inner();
    asked.sort_unstable();
    asked.dedup();
    assert_eq!(asked.len(), 1_000);
    assert_eq!(index.nearest(&query, 5, |_| false).unwrap(), []);
}

#[test]
fn oldest_goes_first_and_replacing_makes_new() {
    let mut index = index_of(3, &[&[1.0], &[1.0], &[1.0]]);
    index.insert(0, &[-1.0]).unwrap();
    index.insert(3, &[1.0]).unwrap();
    assert_eq!(ids_by_age(&index), [2, 0, 3]);
    assert_eq!(index.nearest(&[1.0], 9, |_| true).unwrap(), [(2, 1.0), (3, 1.0), (0, -1.0)]);
    assert!(index.remove(2) && !index.remove(2) && !index.remove(1));
    assert_eq!(ids_by_age(&index), [0, 3]);
}

#[test]
fn first_vector_decides_the_length_until_all_are_cleared() {
    let mut index = VectorIndex::new(2);
    assert_eq!((index.dimensions(), index.memory_bytes()), (None, 0));
    assert_eq!(index.nearest(&[1.0, 2.0, 3.0], 1, |_| true), Ok(Vec::new()));
    index.insert(1, &[1.0, 2.0]).unwrap();
    let wrong = Err(VectorError::Length { expected: 2, given: 3 });
    assert_eq!(index.insert(1, &[1.0, 2.0, 3.0]).map(|_| ()), wrong);
    assert_eq!(index.nearest(&[1.0, 2.0, 3.0], 1, |_| true).map(|_| ()), wrong);
    assert!(index.remove(1));
    assert_eq!(index.insert(1, &[1.0, 2.0, 3.0]).map(|_| ()), wrong);
    index.clear();
    assert_eq!((index.dimensions(), index.memory_bytes(), index.len()), (None, 0, 0));
    index.insert(1, &[1.0, 2.0, 3.0]).unwrap();
    assert_eq!(index.dimensions(), Some(3));
}

#[test]
fn junk_is_refused_by_name_and_changes_nothing() {
    let junk: [(&[f32], &str); 7] = [
        (&[], "empty"),
        (&[1.0], "length"),
        (&[1.0, f32::NAN], "notFinite"),
        (&[f32::INFINITY, 1.0], "notFinite"),
        (&[f32::NEG_INFINITY, f32::INFINITY], "notFinite"),
        (&[0.0, -0.0], "zero"),
        (&[f32::NAN; 3], "length"),
    ];
    let mut index = index_of(2, &[&[1.0, 0.0], &[0.0, 1.0]]);
    for (vector, name) in junk {
        let error = index.insert(0, vector).unwrap_err();
        assert_eq!((error.name(), index.nearest(vector, 1, |_| true)), (name, Err(error)));
        assert!(!error.to_string().is_empty());
    }
    assert_eq!(ids_by_age(&index), [0, 1]);
    assert_eq!(index.nearest(&[1.0, 0.0], 2, |_| true).unwrap(), [(0, 1.0), (1, 0.0)]);
}

#[test]
fn largest_and_smallest_numbers_have_a_direction() {
    let index = index_of(9, &[&[f32::MAX, f32::MAX], &[f32::from_bits(1), 0.0], &[0.0, f32::MIN]]);
    let found = index.nearest(&[f32::MAX, f32::MAX], 9, |_| true).unwrap();
    assert_eq!(ids(&found), [0, 1, 2]);
    assert!((found[1].1 - 0.5_f32.sqrt()).abs() < 1e-6);
}

#[test]
fn the_oldest_makes_room_and_its_id_is_told() {
    let mut index = VectorIndex::new(2);
    assert_eq!(index.insert(7, &[1.0]), Ok(None));
    assert_eq!(index.insert(8, &[1.0]), Ok(None));
    assert_eq!(index.insert(7, &[2.0]), Ok(None));
    assert_eq!(index.insert(9, &[1.0]), Ok(Some(8)));
}

#[test]
fn index_of_limit_zero_checks_and_keeps_nothing() {
    let mut index = VectorIndex::new(0);
    assert_eq!(index.insert(1, &[]), Err(VectorError::Empty));
    assert_eq!(index.insert(1, &[1.0]), Ok(None));
    assert!(index.is_empty() && index.dimensions().is_none());
}

#[test]
fn churn_keeps_answers_exact_and_memory_bounded() {
    const LIMIT: u32 = 300;
    let mut index = VectorIndex::new(LIMIT as usize);
    let mut model = Model { limit: LIMIT as usize, vectors: Vec::new() };
    let mut peak = 0;
    for round in 0..20 * LIMIT {
        let vector = noise(round, 20);
        index.insert(round, &vector).unwrap();
        model.insert(round, &vector);
        if round % 3 == 0 {
            let gone = round.saturating_sub(round % 211);
            assert_eq!(index.remove(gone), model.remove(gone));
        }
        // By then the table of ids has once made room for the traces of removed ones.
        if round == 10 * LIMIT {
            peak = index.memory_bytes();
        }
        if round % 500 == 499 {
            let query = noise(u32::MAX - round, 20);
            assert_eq!(index.nearest(&query, 10, |_| true).unwrap(), model.nearest(&query, 10, |_| true));
        }
    }
    assert!(index.memory_bytes() <= peak, "{} after {peak}", index.memory_bytes());
    assert_eq!(ids_by_age(&index), model.vectors.iter().map(|(id, _)| *id).collect::<Vec<_>>());
    for id in ids_by_age(&index) {
        index.remove(id);
    }
    assert!(index.is_empty() && index.memory_bytes() < peak / 2);
}

#[derive(Debug, Clone)]
enum Step {
    Insert(u32, Vec<f32>),
    Remove(u32),
    Nearest(Vec<f32>, usize, u32),
    Clear,
}

/// Few small numbers, so that there are ties, and none of them zero.
fn vectors(width: usize) -> impl Strategy<Value = Vec<f32>> {
    let number = prop_oneof![Just(-2.0_f32), Just(-1.0), Just(0.5), Just(1.0), Just(3.0)];
    prop::collection::vec(number, width)
}

fn steps() -> impl Strategy<Value = (usize, Vec<Step>)> {
    (1..20_usize, prop_oneof![1..4_usize, 15..34_usize]).prop_flat_map(|(limit, width)| {
        let step = prop_oneof![
            8 => (0..30_u32, vectors(width)).prop_map(|(id, vector)| Step::Insert(id, vector)),
            3 => (0..30_u32).prop_map(Step::Remove),
            4 => (vectors(width), 0..24_usize, 1..4_u32).prop_map(|(v, n, of)| Step::Nearest(v, n, of)),
            1 => Just(Step::Clear),
        ];
        (Just(limit), prop::collection::vec(step, 0..120))
    })
}

proptest! {
    #[test]
    fn index_does_what_the_model_does((limit, steps) in steps()) {
        let mut index = VectorIndex::new(limit);
        let mut model = Model { limit, vectors: Vec::new() };
        for step in steps {
            match step {
                Step::Insert(id, vector) => {
                    index.insert(id, &vector).unwrap();
                    model.insert(id, &vector);
                }
                Step::Remove(id) => prop_assert_eq!(index.remove(id), model.remove(id)),
                Step::Nearest(query, count, of) => prop_assert_eq!(
                    index.nearest(&query, count, |id| id % of == 0).unwrap(),
                    model.nearest(&query, count, |id| id % of == 0)
                ),
                Step::Clear => {
                    index.clear();
                    model.vectors.clear();
                }
            }
            prop_assert_eq!(index.len(), model.vectors.len());
            prop_assert_eq!(ids_by_age(&index), model.vectors.iter().map(|(id, _)| *id).collect::<Vec<_>>());
        }
    }

    #[test]
    fn similarity_is_the_cosine(
        (a, b) in (1..70_usize).prop_flat_map(|width| {
            let numbers = || prop::collection::vec(prop_oneof![-1e3..-1e-3_f32, 1e-3..1e3_f32], width);
            (numbers(), numbers())
        })
    ) {
        let expected = precise_dot(&a, &b) / (precise_dot(&a, &a) * precise_dot(&b, &b)).sqrt();
        let found = index_of(1, &[&a]).nearest(&b, 1, |_| true).unwrap();
        prop_assert!((f64::from(found[0].1) - expected).abs() < 1e-6, "{found:?} instead of {expected}");
    }

    #[test]
    fn any_bits_are_stored_or_refused(
        vectors in prop::collection::vec(prop::collection::vec(prop::num::f32::ANY, 0..4), 0..40)
    ) {
        let mut index = VectorIndex::new(8);
        for (id, vector) in (0..).zip(&vectors) {
            let found = index.nearest(vector, 3, |_| true);
            prop_assert_eq!(index.insert(id, vector).err(), found.as_ref().err().copied());
            for (_, similarity) in found.unwrap_or_default() {
                prop_assert!((-1.0..=1.0).contains(&similarity));
            }
            prop_assert!(index.len() <= 8);
        }
    }

    #[test]
    fn decoding_gives_back_every_bit(bits in prop::collection::vec(any::<u32>(), 0..40)) {
        let vector: Vec<f32> = bits.iter().map(|&bits| f32::from_bits(bits)).collect();
        let decoded = decode(&encode(&vector)).unwrap();
        prop_assert_eq!(decoded.iter().map(|number| number.to_bits()).collect::<Vec<_>>(), bits);
    }

    #[test]
    fn changed_bytes_are_not_decoded(
        vector in prop::collection::vec(prop::num::f32::ANY, 0..20), at: prop::sample::Index, by in 1..=255_u8
    ) {
        let mut bytes = encode(&vector).into_vec();
        let at = at.index(bytes.len());
        prop_assert!(decode(&bytes[..at]).is_none());
        bytes.push(by);
        prop_assert!(decode(&bytes).is_none());
        bytes.pop();
        bytes[at] ^= by;
        prop_assert!(decode(&bytes).is_none());
    }

    #[test]
    fn any_other_bytes_are_not_decoded(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        prop_assert!(decode(&bytes).is_none());
    }
}

/// What an earlier build stored has to be read.
#[test]
fn encoding_stays_as_it_is() {
    let bytes = encode(&[1.0, -2.5]);
    assert_eq!(bytes[..9], [1, 2, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(bytes[9..17], xxh3_64(&bytes[17..]).to_le_bytes());
    assert_eq!(bytes[17..], [0, 0, 0x80, 0x3F, 0, 0, 0x20, 0xC0]);
}
