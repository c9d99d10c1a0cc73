use super::super::compression::Decompressor;
use super::*;

/// JSON of about 500 bytes whose field names come from `shape`, so that values of two shapes share little.
fn value(shape: &str, number: u64) -> Vec<u8> {
    let fields: Vec<String> = (0..12)
        .map(|field| {
            format!(r#""{shape}_{}_{field}":"{:x}""#, shape.repeat(2), mixed(number * 31 + field) >> 44)
        })
        .collect();
    format!("{{{}}}", fields.join(",")).into_bytes()
}

fn values(shape: &str, numbers: std::ops::Range<u64>) -> Vec<Vec<u8>> {
    numbers.map(|number| value(shape, number)).collect()
}

fn slices(values: &[Vec<u8>]) -> Vec<&[u8]> {
    values.iter().map(Vec::as_slice).collect()
}

/// Bytes that follow no pattern.
fn noise(seed: u64, count: u64) -> Vec<u8> {
    (0..count).flat_map(|at| mixed(seed ^ (at << 32)).to_le_bytes()).collect()
}

#[test]
fn dictionary_pays_on_values_that_it_has_not_seen() {
    let trained = train(&slices(&values("alpha", 0..400))).expect("trains");
    assert!(trained.dictionary.id != 0 && trained.dictionary.data.len() <= MAX_DICTIONARY_BYTES);
    let unseen = values("alpha", 10_000..10_200);
    let mut with = Compressor::new(LEVEL, Some(&trained.dictionary)).expect("compressor");
    let mut without = Compressor::new(LEVEL, None).expect("compressor");
    let mut decompressor = Decompressor::new().expect("decompressor");
    decompressor.add(&trained.dictionary).expect("dictionary");
    let (mut raw_bytes, mut with_bytes, mut without_bytes) = (0, 0, 0);
    for raw in &unseen {
        raw_bytes += raw.len();
        without_bytes += without.compress(raw).payload.len();
        let packed = with.compress(raw);
        with_bytes += packed.payload.len();
        let unpacked = decompressor.decompress(packed.codec, packed.payload, raw.len() as u64, 1 << 20);
        assert_eq!(unpacked.as_ref(), Ok(raw));
    }
    assert!(with_bytes * 3 < without_bytes * 2, "{with_bytes} {without_bytes}");
    let fraction = f64::from(u32::try_from(with_bytes).expect("small")) / raw_bytes as f64;
    assert!((fraction / trained.stored_fraction - 1.0).abs() < 0.1, "{fraction} {}", trained.stored_fraction);
}

#[test]
fn training_is_deterministic() {
    let samples = values("alpha", 0..200);
    let [first, second] = [(); 2].map(|()| train(&slices(&samples)).expect("trains").dictionary);
    assert_eq!(first, second);
}

#[test]
fn too_little_or_nothing_to_learn_gives_no_dictionary() {
    assert!(train(&[]).is_none());
    assert!(train(&[&b""[..]; 100]).is_none(), "empty");
    assert!(train(&slices(&values("alpha", 0..11))).is_none(), "few");
    assert!(train(&[&b"short"[..]; 500]).is_none(), "few bytes");
    let one = [vec![b'a'; 1 << 20]];
    assert!(train(&slices(&one)).is_none(), "one");
    let random: Vec<Vec<u8>> = (0..200).map(|seed| noise(seed, 100)).collect();
    assert!(train(&slices(&random)).is_none(), "noise");
}

#[test]
fn corpus_is_bounded_and_even() {
    let samples: Vec<Vec<u8>> =
        (0..3_000_u32).map(|at| vec![u8::try_from(at / 300).expect("small"); 5_000]).collect();
    let corpus = Corpus::of(&slices(&samples));
    assert!(corpus.data.len() <= MAX_BYTES && corpus.data.len() > MAX_BYTES - 10_000);
    assert_eq!(corpus.sizes.iter().sum::<usize>(), corpus.data.len());
    for tenth in 0..10_u8 {
        let kept = corpus.data.chunks(5_000).filter(|value| value[0] == tenth).count();
        assert!((82..=85).contains(&kept), "{tenth}: {kept}");
    }
    let large = [vec![1; 1 << 20], vec![2; 100]];
    assert_eq!(Corpus::of(&slices(&large)).sizes, [MAX_SAMPLE_BYTES, 100]);
}

fn collected(trainer: &mut Trainer, shape: &str, numbers: std::ops::Range<u64>) {
    for number in numbers {
        trainer.offer(&value(shape, number));
    }
}

#[test]
fn first_dictionary_is_due_when_there_are_enough_samples() {
    let mut trainer = Trainer::new(1);
    collected(&mut trainer, "alpha", 0..MIN_SAMPLES as u64);
    assert!(!trainer.due(), "too few bytes");
    collected(&mut trainer, "alpha", 100..200);
    assert!(trainer.due());
    let few_large = noise(5, 40_000);
    let mut trainer = Trainer::new(1);
    (0..MIN_SAMPLES - 1).for_each(|_| trainer.offer(&few_large));
    assert!(!trainer.due(), "too few samples");
}

#[test]
fn not_due_while_training_runs_nor_right_after_it() {
    let mut trainer = Trainer::new(1);
    collected(&mut trainer, "alpha", 0..200);
    let samples = trainer.take();
    assert_eq!(samples.len(), 200);
    assert_eq!(samples[0][..], value("alpha", 0), "oldest first");
    collected(&mut trainer, "alpha", 200..2_000);
    assert!(!trainer.due());
    trainer.trained(Some(0.3));
    assert!(!trainer.due());
}

#[test]
fn due_again_after_twice_the_volume_while_there_is_little() {
    let mut trainer = Trainer::new(1);
    collected(&mut trainer, "alpha", 0..200);
    trainer.take();
    trainer.trained(Some(0.3));
    let mut resumed = Trainer::resume(2, trainer.volume(), 0.3);
    for trainer in [&mut trainer, &mut resumed] {
        collected(trainer, "alpha", 0..190);
        assert!(!trainer.due() && trainer.due_at_rest());
        collected(trainer, "alpha", 0..20);
        assert!(trainer.due());
    }
}

#[test]
fn due_again_after_eight_times_the_volume_later() {
    let mut trainer = Trainer::resume(1, 5 << 20, 0.3);
    let per_round = {
        let mut other = Trainer::new(1);
        collected(&mut other, "alpha", 0..1_000);
        other.volume()
    };
    let rounds = (7 * (5 << 20)) / per_round;
    (0..rounds).for_each(|_| collected(&mut trainer, "alpha", 0..1_000));
    assert!(!trainer.due() && !trainer.due_at_rest());
    (0..2).for_each(|_| collected(&mut trainer, "alpha", 0..1_000));
    assert!(trainer.due());
}

#[test]
fn samples_stay_for_the_next_training_unless_values_have_changed() {
    let mut trainer = Trainer::new(1);
    collected(&mut trainer, "alpha", 0..200);
    assert_eq!(trainer.take().len(), 200);
    trainer.trained(Some(0.3));
    collected(&mut trainer, "alpha", 200..400);
    assert_eq!(trainer.take().len(), 400);
}

#[test]
fn due_when_recent_values_take_over_15_percent_more_than_promised() {
    for (stored_len, is_due) in [(300, false), (340, false), (350, true)] {
        let mut trainer = Trainer::new(1);
        collected(&mut trainer, "alpha", 0..2_000);
        trainer.take();
        trainer.trained(Some(0.3));
        collected(&mut trainer, "beta", 0..400);
        (0..5_000).for_each(|_| trainer.stored(1_000, 300));
        assert!(!trainer.due());
        (0..5_000).for_each(|_| trainer.stored(1_000, stored_len));
        assert_eq!(trainer.due(), is_due, "{stored_len}");
    }
}

#[test]
fn promise_is_corrected_to_what_the_first_values_took() {
    let mut trainer = Trainer::resume(1, 1 << 30, 0.1);
    collected(&mut trainer, "alpha", 0..400);
    (0..10_000).for_each(|_| trainer.stored(1_000, 200));
    assert!(!trainer.due(), "twice the promise from the start is no change of the values");
    (0..10_000).for_each(|_| trainer.stored(1_000, 240));
    assert!(trainer.due());
}

#[test]
fn one_bad_value_is_no_drift() {
    let mut trainer = Trainer::resume(1, 1 << 30, 0.1);
    collected(&mut trainer, "alpha", 0..400);
    (0..10_000).for_each(|_| trainer.stored(1_000, 100));
    trainer.stored(5_000, 5_000);
    assert!(!trainer.due());
}

#[test]
fn failed_training_is_tried_again_at_twice_the_volume() {
    let mut trainer = Trainer::new(1);
    collected(&mut trainer, "alpha", 0..200);
    trainer.take();
    trainer.trained(None);
    collected(&mut trainer, "alpha", 200..390);
    assert!(!trainer.due());
    collected(&mut trainer, "alpha", 390..420);
    assert!(trainer.due());
}

#[test]
fn reservoir_is_bounded_even_and_free_of_rhythm() {
    let mut trainer = Trainer::new(7);
    // Values of two kinds by turns, as a tool that is always called after another gives them.
    for at in 0..40_000_u32 {
        trainer.offer(&vec![u8::try_from(at % 2 + at / 20_000 * 2).expect("small"); 1_000]);
        assert!(trainer.kept_bytes <= MAX_BYTES);
    }
    let samples = trainer.take();
    assert!(samples.len() > 1_500, "{}", samples.len());
    for kind in 0..4 {
        let share = samples.iter().filter(|sample| sample[0] == kind).count() as f64 / samples.len() as f64;
        assert!((0.22..0.28).contains(&share), "{kind}: {share}");
    }
    assert!(samples.is_sorted_by_key(|sample| sample[0] / 2), "oldest first");
    let mut fresh = Trainer::new(1);
    fresh.offer(&noise(1, 1 << 17));
    assert_eq!(fresh.kept_bytes, MAX_SAMPLE_BYTES, "a large value is cut");
}

#[test]
fn same_seed_keeps_the_same_samples() {
    let kept = |seed: u64| {
        let mut trainer = Trainer::new(seed);
        (0..3_000_u64).for_each(|at| trainer.offer(&noise(at, 500)));
        trainer.take()
    };
    assert!(kept(1) == kept(1));
    assert!(kept(1) != kept(2));
}
