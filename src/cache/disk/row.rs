//! The bytes of one stored entry: checksum, head, payload.
//!
//! Owns the layout and proves on every read that nothing in it changed: the checksum covers all that follows it and is
//! seeded by the key's hash, so that an intact blob under another key's row is refused as well. It does not compress
//! (`compression.rs`), look at a clock, or know where a blob is kept.
//!
//! ```text
//! checksum  8 bytes, xxh3-64, little endian, of everything below
//! format    1 byte
//! flags     1 byte: kind, sliding, codec
//! head      varints (LEB128, shortest form): created, ttl, stale, [dictionary], [raw length], tags as count and texts
//! payload   the rest
//! ```

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::cache::record::Kind;

/// Version of the layout; a blob with another one is refused, never guessed at.
const FORMAT: u8 = 1;
const CHECKSUM_BYTES: usize = 8;
/// Checksum, format, flags.
const PREFIX_BYTES: usize = CHECKSUM_BYTES + 2;
/// A varint of a `u64` is never longer.
const MAX_VARINT_BYTES: usize = 10;

const FLAG_TEXT: u8 = 1;
const FLAG_SLIDING: u8 = 1 << 1;
const CODEC_SHIFT: u32 = 2;
const CODEC_PLAIN: u8 = 0;
const CODEC_ZSTD: u8 = 1;
const CODEC_ZSTD_DICT: u8 = 2;

/// How the payload is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Codec {
    /// Not packed.
    Plain,
    /// zstd without a dictionary.
    Zstd,
    /// zstd with the dictionary of this id.
    ZstdDict(u32),
}

/// What is stored with a value. The checksum covers all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// When the value was set, Unix ms.
    pub(crate) created_ms: u64,
    /// How long it is fresh.
    pub(crate) ttl_ms: u64,
    /// How long after that it may still be served as stale.
    pub(crate) stale_ms: u64,
    /// What the value is.
    pub(crate) kind: Kind,
    /// Whether a read starts the time to live anew.
    pub(crate) sliding: bool,
    /// What it can be deleted by, besides its key.
    pub(crate) tags: Vec<Box<str>>,
    /// Bytes of the value once unpacked. Of a plain payload it is the payload's own length, whatever is given.
    pub(crate) raw_len: u64,
    /// How the payload is packed.
    pub(crate) codec: Codec,
}

/// Why a blob is not the entry that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowError {
    /// Some byte is not what was written, or the blob belongs to another row.
    Checksum,
    /// Intact, but not in the format of this version.
    Format,
}

impl std::fmt::Display for RowError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Checksum => "the stored bytes do not match their checksum",
            Self::Format => "the stored entry is not in a format that this version reads",
        })
    }
}

impl std::error::Error for RowError {}

/// The blob of an entry. O(payload), one allocation.
pub(crate) fn encode(key_hash: u128, head: &Head, payload: &[u8]) -> Vec<u8> {
    let tags: usize = head.tags.iter().map(|tag| tag.len() + MAX_VARINT_BYTES).sum();
    let mut blob = Vec::with_capacity(PREFIX_BYTES + 7 * MAX_VARINT_BYTES + tags + payload.len());
    blob.extend_from_slice(&[0; CHECKSUM_BYTES]);
    blob.extend_from_slice(&[FORMAT, flags(head)]);
    for number in [head.created_ms, head.ttl_ms, head.stale_ms] {
        put_varint(number, &mut blob);
    }
    if let Codec::ZstdDict(id) = head.codec {
        put_varint(u64::from(id), &mut blob);
    }
    if head.codec != Codec::Plain {
        put_varint(head.raw_len, &mut blob);
    }
    put_varint(head.tags.len() as u64, &mut blob);
    for tag in &head.tags {
        put_bytes(tag.as_bytes(), &mut blob);
    }
    blob.extend_from_slice(payload);
    let sum = checksum(key_hash, &blob[CHECKSUM_BYTES..]);
    blob[..CHECKSUM_BYTES].copy_from_slice(&sum.to_le_bytes());
    blob
}

/// The entry in `blob`, which belongs to the key with this hash: its head and the payload as it is stored. O(blob).
///
/// # Errors
/// See [`RowError`]. No byte sequence panics, and no length in it makes it allocate more than a small multiple of the blob.
pub(crate) fn decode(key_hash: u128, blob: &[u8]) -> Result<(Head, &[u8]), RowError> {
    let (sum, body) = blob.split_first_chunk::<CHECKSUM_BYTES>().ok_or(RowError::Checksum)?;
    if u64::from_le_bytes(*sum) != checksum(key_hash, body) {
        return Err(RowError::Checksum);
    }
    parse(body).ok_or(RowError::Format)
}

/// The head at the start of a blob of which only so much was read; `None` if it does not end within it. Not checked, and
/// `raw_len` of a plain payload is not known: only for what people are shown.
pub(crate) fn head_of(start: &[u8]) -> Option<Head> {
    parse(start.get(CHECKSUM_BYTES..)?).map(|(head, _)| head)
}

fn parse(body: &[u8]) -> Option<(Head, &[u8])> {
    let mut rest = body;
    let [format, flags] = *take(&mut rest, 2)? else { return None };
    if format != FORMAT {
        return None;
    }
    let created_ms = take_varint(&mut rest)?;
    let ttl_ms = take_varint(&mut rest)?;
    let stale_ms = take_varint(&mut rest)?;
    let codec = match flags >> CODEC_SHIFT {
        CODEC_PLAIN => Codec::Plain,
        CODEC_ZSTD => Codec::Zstd,
        CODEC_ZSTD_DICT => Codec::ZstdDict(u32::try_from(take_varint(&mut rest)?).ok()?),
        _ => return None,
    };
    let packed_raw_len = if codec == Codec::Plain { None } else { Some(take_varint(&mut rest)?) };
    let tag_count = usize::try_from(take_varint(&mut rest)?).ok()?;
    // A tag takes at least its length byte: a count beyond what is left is a lie, found before anything is reserved.
    if tag_count > rest.len() {
        return None;
    }
    let mut tags = Vec::with_capacity(tag_count);
    for _ in 0..tag_count {
        tags.push(std::str::from_utf8(take_bytes(&mut rest)?).ok()?.into());
    }
    let head = Head {
        created_ms,
        ttl_ms,
        stale_ms,
        kind: if flags & FLAG_TEXT == 0 { Kind::Json } else { Kind::Text },
        sliding: flags & FLAG_SLIDING != 0,
        tags,
        raw_len: packed_raw_len.unwrap_or(rest.len() as u64),
        codec,
    };
    Some((head, rest))
}

fn flags(head: &Head) -> u8 {
    let codec = match head.codec {
        Codec::Plain => CODEC_PLAIN,
        Codec::Zstd => CODEC_ZSTD,
        Codec::ZstdDict(_) => CODEC_ZSTD_DICT,
    };
    let flag = |on: bool, bit: u8| if on { bit } else { 0 };
    flag(head.kind == Kind::Text, FLAG_TEXT) | flag(head.sliding, FLAG_SLIDING) | (codec << CODEC_SHIFT)
}

/// Both halves of the hash take part in the seed, so that rows which share one half still differ.
fn checksum(key_hash: u128, body: &[u8]) -> u64 {
    #[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
    let (low, high) = (key_hash as u64, (key_hash >> 64) as u64);
    xxh3_64_with_seed(body, low ^ high.rotate_left(32))
}

fn put_varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(0x80 | low_seven(number));
        number >>= 7;
    }
    out.push(low_seven(number));
}

fn low_seven(number: u64) -> u8 {
    number.to_le_bytes()[0] & 0x7F
}

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(count)?;
    *rest = left;
    Some(taken)
}

/// Refuses what does not fit 64 bits and what is longer than it has to be.
fn take_varint(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for (at, &byte) in rest.iter().take(MAX_VARINT_BYTES).enumerate() {
        let bits = u64::from(byte & 0x7F);
        let shifted = bits << (7 * at);
        if shifted >> (7 * at) != bits {
            return None;
        }
        number |= shifted;
        if byte & 0x80 == 0 {
            if byte == 0 && at > 0 {
                return None;
            }
            *rest = &rest[at + 1..];
            return Some(number);
        }
    }
    None
}

fn take_bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let count = usize::try_from(take_varint(rest)?).ok()?;
    take(rest, count)
}

#[cfg(test)]
mod tests;
