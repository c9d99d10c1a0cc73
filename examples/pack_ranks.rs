//! Packs a `.tiktoken` text file (base64 token, space, rank per line) into the layout that
//! `src/tokens/ranks.rs` embeds: `count: u32` little-endian, one length byte per token, then all
//! token bytes in rank order; zstd level 22.
//!
//! `cargo run --release --example pack_ranks -- o200k_base.tiktoken src/tokens/data/o200k_base.ranks.zst`
//!
//! It does not download anything and does not check the sha256: a unit test of the module does.

use std::error::Error;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(from), Some(to)) = (args.next(), args.next()) else {
        return Err("usage: pack_ranks <in.tiktoken> <out.ranks.zst>".into());
    };
    let packed = pack(&std::fs::read_to_string(from)?)?;
    std::fs::write(to, zstd::bulk::compress(&packed, 22)?)?;
    Ok(())
}

fn pack(text: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut lengths = Vec::new();
    let mut bytes = Vec::new();
    for (expected, line) in text.lines().enumerate() {
        let (token, rank) = line.split_once(' ').ok_or("a line without a space")?;
        // The layout has no room for ranks: they are the line numbers.
        if rank.parse::<usize>()? != expected {
            return Err(format!("rank {rank} on line {expected}: ranks must be 0, 1, 2, ...").into());
        }
        let token = STANDARD.decode(token)?;
        lengths.push(u8::try_from(token.len())?);
        bytes.extend(token);
    }
    let count = u32::try_from(lengths.len())?;
    Ok([&count.to_le_bytes()[..], &lengths, &bytes].concat())
}
