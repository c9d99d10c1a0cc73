//! Strings and numbers as `JSON.stringify` writes them, and how long that is.

/// Bytes of a number; whole ones are common, and only counted.
pub(super) fn number_size(number: f64, scratch: &mut Vec<u8>) -> u64 {
    if number.fract() == 0.0 && (0.0..1e15).contains(&number) {
        let (mut digits, mut limit) = (1, 10.0);
        while number >= limit {
            digits += 1;
            limit *= 10.0;
        }
        return digits;
    }
    scratch.clear();
    write_number(number, scratch);
    scratch.len() as u64
}

/// Extra bytes that escaping a byte costs; 0 for most.
const ESCAPE_EXTRA: [u8; 256] = {
    let mut table = [0_u8; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = 5;
        byte += 1;
    }
    table[0x08] = 1;
    table[0x09] = 1;
    table[0x0A] = 1;
    table[0x0C] = 1;
    table[0x0D] = 1;
    table[b'"' as usize] = 1;
    table[b'\\' as usize] = 1;
    table
};

/// Bytes of `text` as a JSON string.
pub fn string_size(text: &str) -> u64 {
    let extra: u64 = text.bytes().map(|byte| u64::from(ESCAPE_EXTRA[byte as usize])).sum();
    text.len() as u64 + extra + 2
}

/// Appends `text` as a JSON string, escaped as `JSON.stringify` does.
pub fn write_string(text: &str, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut done = 0;
    while let Some(at) = next_escaped(bytes, done) {
        let byte = bytes[at];
        out.extend_from_slice(&bytes[done..at]);
        done = at + 1;
        out.push(b'\\');
        match byte {
            b'"' | b'\\' => out.push(byte),
            0x08 => out.push(b'b'),
            0x09 => out.push(b't'),
            0x0A => out.push(b'n'),
            0x0C => out.push(b'f'),
            0x0D => out.push(b'r'),
            _ => out.extend_from_slice(&[
                b'u',
                b'0',
                b'0',
                HEX[(byte >> 4) as usize],
                HEX[(byte & 15) as usize],
            ]),
        }
    }
    out.extend_from_slice(&bytes[done..]);
    out.push(b'"');
}

/// The next byte from `from` on that JSON escapes. Eight at a time: most of a text needs no escaping.
fn next_escaped(bytes: &[u8], mut from: usize) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    while let Some(chunk) = bytes[from..].first_chunk::<8>() {
        let word = u64::from_le_bytes(*chunk);
        let is_zero = |word: u64| word.wrapping_sub(ONES) & !word;
        let controls = word.wrapping_sub(ONES * 0x20) & !word;
        let quotes = is_zero(word ^ (ONES * u64::from(b'"')));
        let backslashes = is_zero(word ^ (ONES * u64::from(b'\\')));
        // The lowest one found is right; a borrow can only spoil what is above it.
        let found = (controls | quotes | backslashes) & HIGH;
        if found != 0 {
            return Some(from + found.trailing_zeros() as usize / 8);
        }
        from += 8;
    }
    bytes[from..].iter().position(|&byte| ESCAPE_EXTRA[byte as usize] != 0).map(|at| from + at)
}

/// Appends a number as ECMAScript writes it (`Number::toString`); not finite ones as `null`.
pub fn write_number(number: f64, out: &mut Vec<u8>) {
    if number.is_finite() {
        out.extend_from_slice(ryu_js::Buffer::new().format_finite(number).as_bytes());
    } else {
        out.extend_from_slice(b"null");
    }
}
