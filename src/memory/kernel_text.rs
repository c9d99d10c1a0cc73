//! The text files in which Linux tells figures.
//!
//! Reads and parses; where the files lie is their readers' matter. A reading
//! takes no more than its buffer holds and allocates nothing. What is not a
//! plain decimal number that fits its type is `None`, never a guess.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::probe::Psi;

/// A figure is at most 20 digits and a newline; a longer file is garbage.
const FIGURE_BUFFER: usize = 32;

/// Two lines of about 60 bytes.
const PRESSURE_BUFFER: usize = 512;

const KIB: u64 = 1024;

/// Fills `buffer` from the start of the file and closes it.
pub(crate) fn read_start<'b>(path: &Path, buffer: &'b mut [u8]) -> io::Result<&'b [u8]> {
    let mut file = File::open(path)?;
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(&buffer[..filled])
}

/// Like [`read_start`], less a last line that may go on beyond the buffer: half
/// a number looks like a number.
pub(crate) fn read_lines<'b>(path: &Path, buffer: &'b mut [u8]) -> io::Result<&'b [u8]> {
    let size = buffer.len();
    let text = read_start(path, buffer)?;
    if text.len() < size {
        return Ok(text);
    }
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    Ok(&text[..whole])
}

/// A file that holds one whole number.
pub(crate) fn read_figure(path: &Path) -> Option<u64> {
    let mut buffer = [0; FIGURE_BUFFER];
    let text = read_start(path, &mut buffer).ok()?;
    if text.len() == FIGURE_BUFFER { None } else { parse_figure(text) }
}

/// A file of pressure stall information.
pub(crate) fn read_pressure(path: &Path) -> Option<Psi> {
    let mut buffer = [0; PRESSURE_BUFFER];
    parse_pressure(read_lines(path, &mut buffer).ok()?)
}

/// One whole number, with nothing but space around it.
pub(crate) fn parse_figure(text: &[u8]) -> Option<u64> {
    let digits = text.trim_ascii();
    // `parse` takes a plus sign, which the kernel never writes.
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The value of `key` in a file with lines `key value` ("flat keyed").
pub(crate) fn parse_keyed(text: &[u8], key: &str) -> Option<u64> {
    lines(text).find_map(|line| line.strip_prefix(key.as_bytes())?.strip_prefix(b" ")).and_then(parse_figure)
}

/// The value of `name`, in bytes, in a file with lines `name:  value kB`.
pub(crate) fn parse_kib_field(text: &[u8], name: &str) -> Option<u64> {
    let value = lines(text).find_map(|line| line.strip_prefix(name.as_bytes())?.strip_prefix(b":"))?;
    parse_figure(value.trim_ascii().strip_suffix(b" kB")?)?.checked_mul(KIB)
}

/// The shares of the last 10 s out of
/// `some avg10=0.00 avg60=0.00 avg300=0.00 total=0` and the same for `full`.
pub(crate) fn parse_pressure(text: &[u8]) -> Option<Psi> {
    let average = |kind: &[u8]| -> Option<f64> {
        let line = lines(text).find_map(|line| line.strip_prefix(kind)?.strip_prefix(b" "))?;
        let average = line.split(|byte| *byte == b' ').find_map(|field| field.strip_prefix(b"avg10="))?;
        let percent: f64 = std::str::from_utf8(average).ok()?.parse().ok()?;
        (0.0..=100.0).contains(&percent).then_some(percent)
    };
    Some(Psi { some_avg10: average(b"some")?, full_avg10: average(b"full")? })
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::memory::test_support::Fixture;

    #[test]
    fn a_figure_is_digits_and_nothing_else() {
        assert_eq!(parse_figure(b" 42\n"), Some(42));
        assert_eq!(parse_figure(b"18446744073709551615\n"), Some(u64::MAX));
        for bad in ["", "max", "-1", "+1", "1.5", "1 2", "0x10", "18446744073709551616", "\u{663}"] {
            assert_eq!(parse_figure(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn a_key_is_taken_whole() {
        let text = b"active_file 1\ninactive_file_x 2\ntotal_inactive_file 3\ninactive_file 4\n";
        assert_eq!(parse_keyed(text, "inactive_file"), Some(4));
        assert_eq!(parse_keyed(text, "file"), None);
        assert_eq!(parse_keyed(b"oom_kill_disable 0\nunder_oom 0\noom_kill 7", "oom_kill"), Some(7));
        for bad in ["low", "low ", "low -1", "low max", "low 1 2", "low 99999999999999999999"] {
            assert_eq!(parse_keyed(bad.as_bytes(), "low"), None, "{bad}");
        }
    }

    #[test]
    fn a_field_in_kib_is_told_in_bytes() {
        let text = b"55ea-7fff ---p 00000000 00:00 0    [rollup]\nRss:  9 kB\nPss:                 390 kB\nPss_Anon: 1 kB\n";
        assert_eq!(parse_kib_field(text, "Pss"), Some(390 * KIB));
        for bad in
            ["Pss: 1", "Pss: 1 MB", "Pss: -1 kB", "Pss 1 kB", "Pss:  kB", "Pss: 18446744073709551615 kB"]
        {
            assert_eq!(parse_kib_field(bad.as_bytes(), "Pss"), None, "{bad}");
        }
    }

    #[test]
    fn lines_of_other_bytes_spoil_only_themselves() {
        assert_eq!(parse_keyed(b"\xff\xfe 1\nlow 2\n", "low"), Some(2));
        assert_eq!(parse_kib_field(b"\xff\xfe\nPss: 2 kB\n\xff", "Pss"), Some(2 * KIB));
    }

    #[test]
    fn pressure_is_the_share_of_the_last_ten_seconds() {
        let text = b"some avg10=12.34 avg60=1.00 avg300=0.00 total=99\nfull avg10=5.00 avg60=0.00 avg300=0.00 total=7\n";
        assert_eq!(parse_pressure(text), Some(Psi { some_avg10: 12.34, full_avg10: 5.0 }));
        for bad in [
            "",
            "some avg10=1.00 avg60=0.00\n",
            "some avg60=1.00\nfull avg10=1.00\n",
            "some avg10=NaN\nfull avg10=1.00\n",
            "some avg10=inf\nfull avg10=1.00\n",
            "some avg10=-1\nfull avg10=1.00\n",
            "some avg10=100.01\nfull avg10=1.00\n",
            "some avg10=\nfull avg10=\n",
        ] {
            assert_eq!(parse_pressure(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn a_line_cut_off_by_the_buffer_is_not_read() {
        let files = Fixture::new();
        files.write("stat", "anon 1\nlow 1234\nhigh 5\n");
        let path = files.root().join("stat");
        let read = |size: usize| {
            let mut buffer = vec![0; size];
            parse_keyed(read_lines(&path, &mut buffer).unwrap(), "low")
        };
        assert_eq!((read(13), read(15), read(16), read(100)), (None, None, Some(1234), Some(1234)));
        files.write("stat", "low 1234");
        assert_eq!((read(7), read(100)), (None, Some(1234)));
    }

    proptest! {
        #[test]
        fn bytes_of_any_kind_are_read_without_panic(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let plain = std::str::from_utf8(&text).ok().map(str::trim_ascii);
            let number = plain.filter(|text| !text.starts_with('+')).and_then(|text| text.parse().ok());
            prop_assert_eq!(parse_figure(&text), number);
            let _ = (parse_keyed(&text, "low"), parse_kib_field(&text, "Pss"), parse_pressure(&text));
        }

        #[test]
        fn any_bytes_for_a_value_are_a_number_or_nothing(value in prop::collection::vec(any::<u8>(), 0..24)) {
            let line = |before: &[u8], after: &[u8]| [before, &value, after].concat();
            if let Some(low) = parse_keyed(&line(b"low ", b"\n"), "low") {
                prop_assert_eq!(Some(low), parse_figure(value.split(|byte| *byte == b'\n').next().unwrap()));
            }
            let _ = parse_kib_field(&line(b"Pss: ", b" kB\n"), "Pss");
            let psi = parse_pressure(&line(b"some avg10=", b" avg60=0\nfull avg10=1.00\n"));
            prop_assert!(psi.is_none_or(|psi| (0.0..=100.0).contains(&psi.some_avg10)));
        }

        #[test]
        fn every_number_comes_back(number in any::<u64>(), kib in 0..=u64::MAX / KIB, hundredths in 0_u32..=10_000) {
            prop_assert_eq!(parse_figure(format!("{number}\n").as_bytes()), Some(number));
            prop_assert_eq!(parse_keyed(format!("a 1\nlow {number}\n").as_bytes(), "low"), Some(number));
            prop_assert_eq!(parse_kib_field(format!("Pss: {kib:8} kB").as_bytes(), "Pss"), Some(kib * KIB));
            let percent = f64::from(hundredths) / 100.0;
            let text = format!("some avg10={percent:.2} avg60=0.00\nfull avg10={percent:.2} avg60=0.00\n");
            prop_assert_eq!(parse_pressure(text.as_bytes()), Some(Psi { some_avg10: percent, full_avg10: percent }));
        }
    }
}
