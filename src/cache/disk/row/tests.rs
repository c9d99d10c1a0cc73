use proptest::prelude::*;

use super::*;

const HASH: u128 = 0x0123_4567_89ab_cdef_0011_2233_4455_6677;

fn head() -> Head {
    Head {
        created_ms: 1_790_000_000_000,
        ttl_ms: 3_600_000,
        stale_ms: 60_000,
        kind: Kind::Json,
        sliding: true,
        tags: vec!["user:7".into(), "größe".into()],
        raw_len: 9_000,
        codec: Codec::ZstdDict(0xDEAD_BEEF),
    }
}

/// A blob whose checksum is right, so that the parser sees `body`.
fn sealed(body: &[u8]) -> Vec<u8> {
    [&checksum(HASH, body).to_le_bytes()[..], body].concat()
}

/// Format, flags and three zero times: what stands before the codec's fields and the tags.
fn start(flags: u8) -> Vec<u8> {
    vec![FORMAT, flags, 0, 0, 0]
}

#[test]
fn every_flipped_bit_is_found() {
    for payload in [&b""[..], b"v", &[7; 300]] {
        let mut blob = encode(HASH, &head(), payload);
        assert!(decode(HASH, &blob).is_ok());
        for bit in 0..blob.len() * 8 {
            blob[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(HASH, &blob), Err(RowError::Checksum), "bit {bit}");
            blob[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

#[test]
fn every_truncation_and_extension_is_found() {
    let blob = encode(HASH, &head(), &[1; 100]);
    for end in 0..blob.len() {
        assert_eq!(decode(HASH, &blob[..end]), Err(RowError::Checksum), "{end}");
    }
    let longer = [&blob[..], &[0]].concat();
    assert_eq!(decode(HASH, &longer), Err(RowError::Checksum));
}

#[test]
fn blob_of_another_row_is_refused_by_either_half_of_the_hash() {
    let blob = encode(HASH, &head(), b"payload");
    for other in [HASH ^ 1, HASH ^ (1 << 127), HASH.rotate_left(64)] {
        assert_eq!(decode(other, &blob), Err(RowError::Checksum));
    }
}

#[test]
fn lengths_that_lie_are_refused_without_reserving_them() {
    let huge = {
        let mut out = Vec::new();
        put_varint(u64::MAX, &mut out);
        out
    };
    let tag_count = [&start(0)[..], &huge].concat();
    let tag_len = [&start(0)[..], &[1], &huge, b"x"].concat();
    let beyond_what_is_left = [&start(0)[..], &[1], &[3], b"xy"].concat();
    for body in [tag_count, tag_len, beyond_what_is_left] {
        assert_eq!(decode(HASH, &sealed(&body)), Err(RowError::Format), "{body:?}");
    }
}

#[test]
fn what_this_version_does_not_know_is_refused() {
    let good = [&start(0)[..], &[0], b"payload"].concat();
    assert!(decode(HASH, &sealed(&good)).is_ok());
    let changed = |at: usize, byte: u8| {
        let mut body = good.clone();
        body[at] = byte;
        sealed(&body)
    };
    assert_eq!(decode(HASH, &changed(0, FORMAT + 1)), Err(RowError::Format));
    assert_eq!(decode(HASH, &changed(1, 3 << CODEC_SHIFT)), Err(RowError::Format), "codec");
    assert_eq!(decode(HASH, &changed(1, 1 << 7)), Err(RowError::Format), "flag");
    assert_eq!(decode(HASH, &sealed(&[])), Err(RowError::Format));
    let long_zero = [&[FORMAT, 0, 0x80, 0][..], &[0, 0, 0, 0]].concat();
    assert_eq!(decode(HASH, &sealed(&long_zero)), Err(RowError::Format), "overlong number");
    let tag_not_utf8 = [&start(0)[..], &[1, 1, 0xFF, 0]].concat();
    assert_eq!(decode(HASH, &sealed(&tag_not_utf8)), Err(RowError::Format));
    let id_too_big =
        [&start(CODEC_ZSTD_DICT << CODEC_SHIFT)[..], &[0x80, 0x80, 0x80, 0x80, 0x10, 0, 0, 0]].concat();
    assert_eq!(decode(HASH, &sealed(&id_too_big)), Err(RowError::Format));
}

#[test]
fn numbers_keep_their_extremes() {
    for number in [0, 1, 0x7F, 0x80, u64::from(u32::MAX), u64::MAX >> 1, u64::MAX] {
        let mut bytes = Vec::new();
        put_varint(number, &mut bytes);
        let mut rest = &bytes[..];
        assert_eq!(take_varint(&mut rest), Some(number));
        assert!(rest.is_empty() && bytes.len() <= MAX_VARINT_BYTES);
    }
    assert_eq!(take_varint(&mut &[0xFF; 20][..]), None);
    assert_eq!(take_varint(&mut &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 2][..]), None);
}

#[test]
fn what_comes_on_top_of_the_payload_is_small() {
    let plain = Head { tags: Vec::new(), codec: Codec::Plain, ..head() };
    assert!(encode(HASH, &plain, b"").len() <= 26);
}

fn any_head() -> impl Strategy<Value = Head> {
    let codec = prop_oneof![Just(Codec::Plain), Just(Codec::Zstd), any::<u32>().prop_map(Codec::ZstdDict)];
    let tags = prop::collection::vec(".{0,12}".prop_map(String::into_boxed_str), 0..4);
    (any::<[u64; 4]>(), any::<[bool; 2]>(), tags, codec).prop_map(|(numbers, flags, tags, codec)| Head {
        created_ms: numbers[0],
        ttl_ms: numbers[1],
        stale_ms: numbers[2],
        kind: if flags[0] { Kind::Json } else { Kind::Text },
        sliding: flags[1],
        tags,
        raw_len: numbers[3],
        codec,
    })
}

proptest! {
    #[test]
    fn entry_comes_back_as_it_was(hash: u128, mut head in any_head(), payload: Vec<u8>) {
        if head.codec == Codec::Plain {
            head.raw_len = payload.len() as u64;
        }
        let blob = encode(hash, &head, &payload);
        prop_assert_eq!(decode(hash, &blob), Ok((head, &payload[..])));
    }

    #[test]
    fn changed_byte_is_found(head in any_head(), payload: Vec<u8>, at: prop::sample::Index, change in 1_u8..) {
        let mut blob = encode(HASH, &head, &payload);
        let at = at.index(blob.len());
        blob[at] ^= change;
        prop_assert_eq!(decode(HASH, &blob), Err(RowError::Checksum));
    }

    #[test]
    fn no_bytes_panic(hash: u128, blob: Vec<u8>) {
        prop_assert_eq!(decode(hash, &blob), Err(RowError::Checksum));
    }

    #[test]
    fn no_sealed_bytes_panic(flags in 0_u8..32, body: Vec<u8>) {
        for body in [[&[FORMAT, flags][..], &body].concat(), [&start(flags)[..], &body].concat(), body] {
            if let Ok((head, payload)) = decode(HASH, &sealed(&body)) {
                // What is accepted has one form only.
                prop_assert_eq!(encode(HASH, &head, payload), sealed(&body));
            }
        }
    }
}
