//! How a text is stored: its own bytes, and ranges of the own bytes of other texts.
//!
//! Every byte is stored once, by the first text that had it, and finding it takes one more look: the ranges of a record
//! never lead to further ranges.
//!
//! One line of JSON, `{"v":1,"sha256":…,"bytes":…,"owners":[text,…],"runs":[owner,start,bytes,…]}`, a line feed, and the own
//! bytes. Owner 0 is the text itself, 1 the first of `owners`.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::TextId;

const VERSION: u32 = 1;

/// A range of own bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// Whose; `None`: its own.
    pub(super) owner: Option<TextId>,
    pub(super) start: usize,
    pub(super) len: usize,
}

/// What a stored text says of itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) sha256: String,
    runs: Vec<Run>,
    /// First byte of each run in the text.
    starts: Vec<usize>,
    len: usize,
}

#[derive(Serialize, Deserialize)]
struct Header {
    v: u32,
    sha256: String,
    bytes: usize,
    owners: Vec<u64>,
    runs: Vec<usize>,
}

impl Record {
    /// That of a text with this hash. `None` if the runs are longer than memory.
    pub(super) fn new(sha256: String, runs: Vec<Run>) -> Option<Self> {
        let mut len = 0_usize;
        let mut starts = Vec::with_capacity(runs.len());
        for run in &runs {
            starts.push(len);
            len = len.checked_add(run.len)?;
        }
        Some(Self { sha256, runs, starts, len })
    }

    /// Bytes of the text.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The record as it is stored, with the own bytes of the text.
    pub(super) fn write(&self, own: &str) -> Box<str> {
        let mut owners: Vec<TextId> = Vec::new();
        let mut places = HashMap::new();
        let mut runs = Vec::with_capacity(self.runs.len() * 3);
        for run in &self.runs {
            let owner = run.owner.map_or(0, |owner| {
                *places.entry(owner).or_insert_with(|| {
                    owners.push(owner);
                    owners.len()
                })
            });
            runs.extend([owner, run.start, run.len]);
        }
        let header = Header {
            v: VERSION,
            sha256: self.sha256.clone(),
            bytes: self.len,
            owners: owners.into_iter().map(TextId::number).collect(),
            runs,
        };
        let mut text = serde_json::to_string(&header).expect("invariant: a header can be written");
        text.push('\n');
        text.push_str(own);
        text.into()
    }

    /// From what is stored, and where its own bytes begin there; `None` if it is not a sound record of this version.
    pub(super) fn read(text: &str) -> Option<(Self, usize)> {
        let (header, own) = text.split_once('\n')?;
        let begin = header.len() + 1;
        let header: Header = serde_json::from_str(header).ok()?;
        let (rows, odd) = header.runs.as_chunks::<3>();
        if header.v != VERSION || !odd.is_empty() {
            return None;
        }
        let run = |&[owner, start, len]: &[usize; 3]| {
            let owner = match owner.checked_sub(1) {
                None => {
                    own.get(start..start.checked_add(len)?)?;
                    None
                }
                Some(at) => Some(TextId::from_number(*header.owners.get(at)?)?),
            };
            Some(Run { owner, start, len })
        };
        let runs = rows.iter().map(run).collect::<Option<Vec<_>>>()?;
        let record = Self::new(header.sha256, runs)?;
        (record.len == header.bytes).then_some((record, begin))
    }

    /// What is `stored` of a text, as one that needs no other: what others had follows its own bytes, which stay where texts
    /// that refer to them look for them. `None` if it is no record of this text, or was damaged.
    pub(super) fn completed(stored: &str, text: &str) -> Option<Box<str>> {
        let (record, begin) = Self::read(stored)?;
        let mut own = stored[begin..].to_owned();
        let mut runs = Vec::with_capacity(record.runs.len());
        for (&run, &at) in record.runs.iter().zip(&record.starts) {
            let part = text.get(at..at + run.len)?;
            if run.owner.is_some() {
                runs.push(Run { owner: None, start: own.len(), len: run.len });
                own.push_str(part);
            } else if own.get(run.start..run.start + run.len)? == part {
                runs.push(run);
            } else {
                return None;
            }
        }
        let whole = Self::new(record.sha256, runs)?;
        (whole.len == text.len()).then(|| whole.write(&own))
    }

    /// The runs of the range that begins at byte `start` and has `len` bytes; `id` is the text's own. `None` if it has no such
    /// bytes. O(log runs) and what is found.
    pub(super) fn range(&self, id: TextId, start: usize, len: usize) -> Option<Vec<Run>> {
        let end = start.checked_add(len).filter(|&end| end <= self.len)?;
        let first = self.starts.partition_point(|&at| at <= start).saturating_sub(1);
        let mut found = Vec::new();
        for (run, &at) in self.runs.iter().zip(&self.starts).skip(first) {
            if at >= end {
                break;
            }
            let (from, to) = (start.max(at), end.min(at + run.len));
            if from < to {
                found.push(Run {
                    owner: Some(run.owner.unwrap_or(id)),
                    start: run.start + from - at,
                    len: to - from,
                });
            }
        }
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_comes_back_and_anything_else_is_refused() {
        let id = TextId::from_number(7).expect("small");
        let run = |owner, start, len| Run { owner, start, len };
        let runs = vec![run(None, 0, 3), run(Some(id), 5, 10), run(None, 3, 2)];
        let record = Record::new("ab".into(), runs).expect("short");
        let text = record.write("äb\n\"");
        let (read, begin) = Record::read(&text).expect("sound");
        assert_eq!((&read, &text[begin..]), (&record, "äb\n\""));
        let me = TextId::from_number(9).expect("small");
        let expected = vec![run(Some(me), 2, 1), run(Some(id), 5, 10), run(Some(me), 3, 1)];
        assert_eq!(record.range(me, 2, 12), Some(expected));
        assert_eq!(record.range(me, 0, 16), None);
        assert_eq!(record.range(me, usize::MAX, 1), None);
        for at in 0..text.len() {
            if let Some(part) = text.get(..at) {
                assert!(Record::read(part).is_none(), "cut at {at}");
            }
        }
        for bad in [
            "",
            "\n",
            "{}\n",
            r#"{"v":2,"sha256":"","bytes":0,"owners":[],"runs":[]}"#,
            "{\"v\":1,\"sha256\":\"\",\"bytes\":3,\"owners\":[],\"runs\":[0,0,2]}\nab",
            "{\"v\":1,\"sha256\":\"\",\"bytes\":2,\"owners\":[],\"runs\":[0,0,2,0]}\nab",
            "{\"v\":1,\"sha256\":\"\",\"bytes\":2,\"owners\":[],\"runs\":[1,0,2]}\nab",
            "{\"v\":1,\"sha256\":\"\",\"bytes\":2,\"owners\":[],\"runs\":[0,1,2]}\nab",
            "{\"v\":1,\"sha256\":\"\",\"bytes\":2,\"owners\":[],\"runs\":[0,18446744073709551615,2]}\nab",
            "{\"v\":1,\"sha256\":\"\",\"bytes\":1,\"owners\":[],\"runs\":[0,1,1]}\n\u{e4}",
            "{\"v\":1,\"sha256\":\"\",\"bytes\":0,\"owners\":[281474976710656],\"runs\":[1,0,0]}\n",
        ] {
            assert!(Record::read(bad).is_none(), "{bad}");
        }
    }
}
