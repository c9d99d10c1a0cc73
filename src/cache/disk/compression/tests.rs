use proptest::prelude::*;

use super::*;

const LIMIT: u64 = 1 << 20;

/// A tool's answer, as JSON of about 400 bytes.
fn response(number: u32) -> Vec<u8> {
    let city = ["Rome", "Oslo", "Lima", "Cairo"][number as usize % 4];
    format!(
        r#"{{"reservation_id":"R{number:06}","user_id":"user_{}","origin":"{city}","cabin":"economy","flights":[{{"flight_number":"HAT{:03}","date":"2024-05-{:02}","price":{}}}],"payment_history":[{{"payment_id":"credit_card_{}","amount":{}}}],"created_at":"2024-05-{:02}T10:{:02}:00","total_baggages":{},"insurance":"no"}}"#,
        number.wrapping_mul(2_654_435_761) % 9973,
        number % 997,
        number % 28 + 1,
        number * 7 % 400,
        number.wrapping_mul(40_503) % 100_000,
        number * 13 % 900,
        number % 28 + 1,
        number % 60,
        number % 4,
    )
    .into_bytes()
}

fn dictionary() -> Dictionary {
    let samples: Vec<Vec<u8>> = (0..300).map(response).collect();
    Dictionary::new(zstd::dict::from_samples(&samples, 4 * 1024).expect("trains"))
}

fn owned(packed: Packed<'_>) -> (Codec, Vec<u8>) {
    (packed.codec, packed.payload.to_vec())
}

#[test]
fn value_comes_back_with_and_without_dictionary() {
    let dictionary = dictionary();
    let mut plain = Compressor::new(LEVEL, None).expect("compressor");
    let mut trained = Compressor::new(LEVEL, Some(&dictionary)).expect("compressor");
    let mut decompressor = Decompressor::new().expect("decompressor");
    decompressor.add(&dictionary).expect("dictionary");
    for number in 1_000..1_100 {
        let raw = response(number);
        let without = owned(plain.compress(&raw));
        let with = owned(trained.compress(&raw));
        assert_eq!((without.0, with.0), (Codec::Zstd, Codec::ZstdDict(dictionary.id)));
        assert!(with.1.len() * 2 < without.1.len(), "{} {}", with.1.len(), without.1.len());
        for (codec, payload) in [without, with] {
            assert_eq!(decompressor.decompress(codec, &payload, raw.len() as u64, LIMIT), Ok(raw.clone()));
        }
    }
}

#[test]
fn what_does_not_become_smaller_stays_plain() {
    let mut compressor = Compressor::new(LEVEL, None).expect("compressor");
    let mut decompressor = Decompressor::new().expect("decompressor");
    for raw in [&b""[..], b"x", b"no repetition"] {
        let packed = compressor.compress(raw);
        assert_eq!((packed.codec, packed.payload), (Codec::Plain, raw));
        let unpacked = decompressor.decompress(Codec::Plain, raw, raw.len() as u64, LIMIT);
        assert_eq!(unpacked.as_deref(), Ok(raw));
    }
    assert_eq!(decompressor.decompress(Codec::Plain, b"abc", 2, LIMIT), Err(UnpackError::Damaged));
}

#[test]
fn several_dictionaries_are_told_apart_by_id() {
    let first = dictionary();
    let samples: Vec<Vec<u8>> = (0..300).map(|number| response(number).to_ascii_uppercase()).collect();
    let second = Dictionary::new(zstd::dict::from_samples(&samples, 4 * 1024).expect("trains"));
    assert_ne!(first.id, second.id);
    let raw = response(77_777);
    let mut decompressor = Decompressor::new().expect("decompressor");
    decompressor.add(&first).expect("first");
    decompressor.add(&second).expect("second");
    for dictionary in [&first, &second] {
        let mut compressor = Compressor::new(LEVEL, Some(dictionary)).expect("compressor");
        let packed = compressor.compress(&raw);
        let unpacked = decompressor.decompress(packed.codec, packed.payload, raw.len() as u64, LIMIT);
        assert_eq!(unpacked.as_ref(), Ok(&raw));
    }
    let mut unaware = Decompressor::new().expect("decompressor");
    assert_eq!(
        unaware.decompress(Codec::ZstdDict(second.id), b"", 1, LIMIT),
        Err(UnpackError::UnknownDictionary(second.id))
    );
}

#[test]
fn length_over_the_limit_is_refused_before_anything_is_reserved() {
    let mut decompressor = Decompressor::new().expect("decompressor");
    for codec in [Codec::Plain, Codec::Zstd] {
        let error = UnpackError::TooLarge { raw_len: u64::MAX, limit: LIMIT };
        assert_eq!(decompressor.decompress(codec, b"", u64::MAX, LIMIT), Err(error));
    }
    assert_eq!(decompressor.decompress(Codec::Zstd, b"", u64::MAX, u64::MAX), Err(UnpackError::Memory));
}

#[test]
fn payload_that_unpacks_to_another_length_is_damaged() {
    let raw = vec![b'a'; 1_000_000];
    let mut compressor = Compressor::new(LEVEL, None).expect("compressor");
    let (codec, bomb) = owned(compressor.compress(&raw));
    assert!(bomb.len() < 200);
    let mut decompressor = Decompressor::new().expect("decompressor");
    for wrong in [0, 1, 999_999, 1_000_001] {
        assert_eq!(decompressor.decompress(codec, &bomb, wrong, LIMIT), Err(UnpackError::Damaged), "{wrong}");
    }
    assert_eq!(decompressor.decompress(codec, &bomb, 1_000_000, LIMIT), Ok(raw));
}

#[test]
fn stored_dictionary_comes_back_and_every_changed_byte_is_found() {
    let dictionary = dictionary();
    let mut stored = dictionary.to_stored().expect("stored");
    assert!(stored.len() * 2 < dictionary.data.len());
    assert_eq!(Dictionary::from_stored(&stored).as_ref(), Some(&dictionary));
    for at in 0..stored.len() {
        stored[at] ^= 0x10;
        // zstd ignores a few bits of its frame header; what comes out is then the same dictionary.
        assert!(Dictionary::from_stored(&stored).is_none_or(|found| found == dictionary), "byte {at}");
        stored[at] ^= 0x10;
        assert_eq!(Dictionary::from_stored(&stored[..at]), None);
    }
}

#[test]
fn equal_data_has_an_equal_id_that_is_never_zero() {
    assert_eq!(Dictionary::new(b"abc".to_vec()), Dictionary::new(b"abc".to_vec()));
    assert_ne!(Dictionary::new(b"abc".to_vec()).id, Dictionary::new(b"abd".to_vec()).id);
    assert_ne!(Dictionary::new(Vec::new()).id, 0);
}

#[test]
fn damaged_dictionary_is_refused_where_it_is_given() {
    let mut broken = dictionary().data;
    broken.truncate(40);
    let broken = Dictionary::new(broken);
    assert!(Compressor::new(LEVEL, Some(&broken)).is_err());
    assert!(Decompressor::new().expect("decompressor").add(&broken).is_err());
}

#[test]
fn buffers_of_a_large_value_are_given_back() {
    let large: Vec<u8> =
        (0..40_000_u32).flat_map(|number| number.to_string().into_bytes()).cycle().take(3 << 20).collect();
    let mut compressor = Compressor::new(LEVEL, None).expect("compressor");
    compressor.compress(&large);
    compressor.compress(b"small");
    assert!(compressor.buffer.capacity() <= KEPT_BUFFER_BYTES);
}

proptest! {
    #[test]
    fn any_value_comes_back(raw in prop::collection::vec(0_u8..4, 0..2_000)) {
        let mut compressor = Compressor::new(LEVEL, None).expect("compressor");
        let (codec, payload) = owned(compressor.compress(&raw));
        prop_assert!(payload.len() <= raw.len());
        let mut decompressor = Decompressor::new().expect("decompressor");
        prop_assert_eq!(decompressor.decompress(codec, &payload, raw.len() as u64, LIMIT), Ok(raw));
    }

    #[test]
    fn no_payload_panics_or_exceeds_its_length(payload: Vec<u8>, raw_len in 0_u64..4_096, id: u32) {
        let dictionary = Dictionary { id, data: b"not a trained one, but a dictionary".to_vec() };
        let mut decompressor = Decompressor::new().expect("decompressor");
        decompressor.add(&dictionary).expect("raw content is a dictionary too");
        for codec in [Codec::Plain, Codec::Zstd, Codec::ZstdDict(id)] {
            if let Ok(raw) = decompressor.decompress(codec, &payload, raw_len, LIMIT) {
                prop_assert_eq!(raw.len() as u64, raw_len);
            }
        }
    }

    #[test]
    fn no_stored_dictionary_panics(stored: Vec<u8>) {
        prop_assert_eq!(Dictionary::from_stored(&stored), None);
    }
}
