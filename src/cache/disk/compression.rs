//! Packing of payloads with zstd, with and without a trained dictionary.
//!
//! Owns the form of a packed payload: one zstd frame without its magic number, its length and its dictionary id,
//! which the head of the row already says (`row.rs`); of a tool's answer of 600 bytes these 8 to 9 bytes are a
//! tenth of what is stored. It does not choose or train dictionaries (`training.rs`) and keeps none: whoever owns a
//! [`Decompressor`] gives it those that rows refer to. Contexts are reused and not shared: one per thread that
//! packs or unpacks.

use std::fmt;
use std::io;

use xxhash_rust::xxh3::xxh3_64;
use zstd::zstd_safe::{CParameter, DCtx, DDict, compress_bound};

use super::row::Codec;

/// Level for values. Measured on held-out values with a dictionary: level 6 stores up to 7 % more, level 15 up to 4
/// % less at a quarter of the speed, below 20 MB/s.
pub(crate) const LEVEL: i32 = 9;
/// Level for dictionaries themselves: written once, read at every start.
const DICTIONARY_LEVEL: i32 = 19;
/// No dictionary is larger when unpacked; what claims to be is damaged.
pub(crate) const MAX_DICTIONARY_BYTES: usize = 64 * 1024;
/// First bytes of every zstd frame (RFC 8878, 3.1.1).
const MAGIC: [u8; 4] = 0xFD2F_B528_u32.to_le_bytes();
const CHECKSUM_BYTES: usize = 8;
/// A buffer that grew beyond this for one large value is given back after it.
const KEPT_BUFFER_BYTES: usize = 1024 * 1024;

/// What rows with [`Codec::ZstdDict`] of its id were packed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dictionary {
    /// From the hash of the data, never 0. Equal data has an equal id.
    pub(crate) id: u32,
    /// In zstd's format.
    pub(crate) data: Vec<u8>,
}

impl Dictionary {
    /// The dictionary of `data`.
    pub(crate) fn new(data: Vec<u8>) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "32 bits of the hash are what is wanted")]
        let id = (xxh3_64(&data) as u32).max(1);
        Self { id, data }
    }

    /// How it is kept: checksum and packed data, about a third of the data. What counts as its own bytes.
    ///
    /// # Errors
    /// Those of zstd: memory.
    pub(crate) fn to_stored(&self) -> io::Result<Vec<u8>> {
        let packed = zstd::bulk::compress(&self.data, DICTIONARY_LEVEL)?;
        Ok([&xxh3_64(&self.data).to_le_bytes()[..], &packed].concat())
    }

    /// The dictionary that [`Self::to_stored`] gave; `None` if a byte of it changed. A row's own checksum does not
    /// cover its dictionary, so a damaged one must not be used: it could give wrong values.
    pub(crate) fn from_stored(stored: &[u8]) -> Option<Self> {
        let (sum, packed) = stored.split_first_chunk::<CHECKSUM_BYTES>()?;
        let data = zstd::bulk::decompress(packed, MAX_DICTIONARY_BYTES).ok()?;
        (xxh3_64(&data).to_le_bytes() == *sum).then(|| Self::new(data))
    }
}

/// A value as it is to be stored.
#[derive(Debug)]
pub(crate) struct Packed<'a> {
    /// For the head of the row.
    pub(crate) codec: Codec,
    /// The value itself where packing does not make it smaller.
    pub(crate) payload: &'a [u8],
}

/// Packs values. Holds about 1 MB of zstd's memory while values are small, some more MB after a large one; to be
/// reused.
pub(crate) struct Compressor {
    context: zstd::bulk::Compressor<'static>,
    codec: Codec,
    buffer: Vec<u8>,
}

impl Compressor {
    /// Packs at `level`, with `dictionary` if there is one.
    ///
    /// # Errors
    /// Those of zstd: memory, or data that is not a dictionary.
    pub(crate) fn new(level: i32, dictionary: Option<&Dictionary>) -> io::Result<Self> {
        let data = dictionary.map_or(&[][..], |dictionary| &dictionary.data);
        let mut context = zstd::bulk::Compressor::with_dictionary(level, data)?;
        context.set_parameter(CParameter::ContentSizeFlag(false))?;
        context.set_parameter(CParameter::DictIdFlag(false))?;
        let codec = dictionary.map_or(Codec::Zstd, |dictionary| Codec::ZstdDict(dictionary.id));
        let mut compressor = Self { context, codec, buffer: Vec::new() };
        // zstd reads the dictionary at the first use: a bad one is found here, not at the first value.
        compressor.fill_buffer(b"")?;
        Ok(compressor)
    }

    /// Bytes of the buffer, and of zstd's context with what it needs for the dictionary. O(1).
    pub(crate) fn held_bytes(&mut self) -> (usize, usize) {
        (self.buffer.capacity(), self.context.context_mut().sizeof())
    }

    /// Packs `raw`. Where that fails (memory) or does not make it smaller, it stays plain.
    pub(crate) fn compress<'a>(&'a mut self, raw: &'a [u8]) -> Packed<'a> {
        trim(&mut self.buffer);
        match self.fill_buffer(raw) {
            Ok(()) if self.buffer.len() < raw.len() + MAGIC.len() => {
                Packed { codec: self.codec, payload: &self.buffer[MAGIC.len()..] }
            }
            _ => Packed { codec: Codec::Plain, payload: raw },
        }
    }

    fn fill_buffer(&mut self, raw: &[u8]) -> io::Result<()> {
        self.buffer.clear();
        self.buffer.try_reserve(compress_bound(raw.len())).map_err(io::Error::other)?;
        self.context.compress_to_buffer(raw, &mut self.buffer)?;
        if self.buffer.starts_with(&MAGIC) { Ok(()) } else { Err(io::Error::other("not a zstd frame")) }
    }
}

/// Why a payload cannot be unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnpackError {
    /// The dictionary with this id was not given.
    UnknownDictionary(u32),
    /// The value is said to be larger than the limit.
    TooLarge {
        /// Bytes of the value.
        raw_len: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// The payload does not unpack to the length that it is said to have.
    Damaged,
    /// There is no memory for the value.
    Memory,
}

impl fmt::Display for UnpackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownDictionary(id) => write!(f, "the compression dictionary {id:08x} is not there"),
            Self::TooLarge { raw_len, limit } => {
                write!(f, "the value has {raw_len} bytes, {limit} are allowed")
            }
            Self::Damaged => f.write_str("the compressed value is damaged"),
            Self::Memory => f.write_str("there is no memory for the value"),
        }
    }
}

impl std::error::Error for UnpackError {}

/// Unpacks values. Holds about 100 KB of zstd's memory and, for each dictionary, its size and 30 KB; to be reused.
pub(crate) struct Decompressor {
    context: DCtx<'static>,
    dictionaries: Vec<(u32, DDict<'static>)>,
    frame: Vec<u8>,
}

impl Decompressor {
    /// Without dictionaries.
    ///
    /// # Errors
    /// There is no memory.
    pub(crate) fn new() -> io::Result<Self> {
        let context = DCtx::try_create().ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { context, dictionaries: Vec::new(), frame: Vec::new() })
    }

    /// Makes payloads with this dictionary readable. A known id changes nothing.
    ///
    /// # Errors
    /// There is no memory, or the data is not a dictionary.
    pub(crate) fn add(&mut self, dictionary: &Dictionary) -> io::Result<()> {
        if !self.knows(dictionary.id) {
            let digested = DDict::try_create(&dictionary.data).ok_or(io::ErrorKind::InvalidData)?;
            self.dictionaries.push((dictionary.id, digested));
        }
        Ok(())
    }

    /// Bytes of the buffer, and of zstd's context and dictionaries. O(dictionaries).
    pub(crate) fn held_bytes(&self) -> (usize, usize) {
        let dictionaries: usize = self.dictionaries.iter().map(|(_, dictionary)| dictionary.sizeof()).sum();
        (self.frame.capacity(), self.context.sizeof() + dictionaries)
    }

    /// Whether payloads with the dictionary `id` are readable. O(dictionaries), of which there are few.
    pub(crate) fn knows(&self, id: u32) -> bool {
        self.dictionaries.iter().any(|known| known.0 == id)
    }

    /// The value in `payload`. Allocates `raw_len` bytes, and nothing where that is over `limit`.
    ///
    /// # Errors
    /// See [`UnpackError`]. No payload panics or writes beyond `raw_len`.
    pub(crate) fn decompress(
        &mut self,
        codec: Codec,
        payload: &[u8],
        raw_len: u64,
        limit: u64,
    ) -> Result<Vec<u8>, UnpackError> {
        if raw_len > limit {
            return Err(UnpackError::TooLarge { raw_len, limit });
        }
        let capacity = usize::try_from(raw_len).map_err(|_| UnpackError::Memory)?;
        let mut raw = Vec::new();
        raw.try_reserve_exact(capacity).map_err(|_| UnpackError::Memory)?;
        match codec {
            Codec::Plain if payload.len() == capacity => raw.extend_from_slice(payload),
            Codec::Plain => return Err(UnpackError::Damaged),
            Codec::Zstd => {
                self.fill_frame(payload)?;
                self.context.decompress(&mut raw, &self.frame).map_err(|_| UnpackError::Damaged)?;
            }
            Codec::ZstdDict(id) => {
                self.fill_frame(payload)?;
                let known = self.dictionaries.iter().find(|known| known.0 == id);
                let (_, dictionary) = known.ok_or(UnpackError::UnknownDictionary(id))?;
                self.context
                    .decompress_using_ddict(&mut raw, &self.frame, dictionary)
                    .map_err(|_| UnpackError::Damaged)?;
            }
        }
        if raw.len() == capacity { Ok(raw) } else { Err(UnpackError::Damaged) }
    }

    fn fill_frame(&mut self, payload: &[u8]) -> Result<(), UnpackError> {
        trim(&mut self.frame);
        self.frame.clear();
        self.frame.try_reserve(MAGIC.len() + payload.len()).map_err(|_| UnpackError::Memory)?;
        self.frame.extend_from_slice(&MAGIC);
        self.frame.extend_from_slice(payload);
        Ok(())
    }
}

fn trim(buffer: &mut Vec<u8>) {
    if buffer.capacity() > KEPT_BUFFER_BYTES {
        *buffer = Vec::new();
    }
}

#[cfg(test)]
mod tests;
