//! Finds which parts of a text were in texts before.
//!
//! Every piece of text is kept once, as a hash, by the first text that had it; a text is a list of runs of such pieces.
//! A new text is read into runs first; then the runs are covered with as few, as long ranges of known texts as
//! possible. Holds no text: what it says is a guess, for `shelf.rs` to compare. Bounded by bytes, some 16 for each
//! piece: who was not used longest is given up.

use hashbrown::{HashMap, HashSet, HashTable};

use super::known::{Run, Text};
use super::pieces::Piece;
use super::reading::{MIN_RUN_BYTES, Reading, Segment, number};
use super::{Range, TextId};

/// Texts looked at for a run, the latest that had it.
const CANDIDATES: usize = 8;
/// A range of a text that the receiver has is taken if it has at least this part of the longest one: what the receiver
/// has, nobody needs to fetch.
const HELD_SHARE: f64 = 0.75;

/// Part of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Nobody had it: bytes of the new text.
    New {
        /// First byte.
        start: usize,
        /// Bytes.
        len: usize,
    },
    /// It seems to be this range of a known text.
    Seen(Range),
}

/// The known texts of a project.
#[derive(Debug, Default)]
pub(super) struct Texts {
    /// Hash of each piece.
    hashes: Vec<u32>,
    /// Bytes of each piece.
    lens: Vec<u16>,
    /// First piece of each owner, in order; owners are texts that had something new.
    bases: Vec<u32>,
    by_hash: HashTable<u32>,
    all: Vec<Text>,
    by_id: HashMap<TextId, u32>,
    /// By owner, the latest texts with a run of it.
    users: Vec<Vec<u32>>,
    /// Of the runs of all texts, and of the lists in `users`.
    run_bytes: usize,
    user_bytes: usize,
    tick: u64,
    changes: u64,
}

/// Makes room by a quarter, not by half: these lists are most of what is remembered.
fn grow<T>(list: &mut Vec<T>, more: usize) {
    if list.capacity() - list.len() < more {
        list.reserve_exact(more.max(list.len() / 4));
    }
}

fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

impl Texts {
    /// Whether a text is known.
    pub(super) fn contains(&self, id: TextId) -> bool {
        self.by_id.contains_key(&id)
    }

    /// Notes that a text was used.
    pub(super) fn touch(&mut self, id: TextId) {
        self.tick += 1;
        if let Some(&text) = self.by_id.get(&id) {
            self.all[text as usize].used = self.tick;
        }
    }

    /// How often what is known has changed.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    /// Texts that are known.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Bytes that it holds. O(1).
    pub(super) fn bytes(&self) -> usize {
        (self.hashes.capacity() + self.bases.capacity()) * size_of::<u32>()
            + self.lens.capacity() * size_of::<u16>()
            + self.by_hash.allocation_size()
            + self.by_id.allocation_size()
            + self.all.capacity() * size_of::<Text>()
            + self.users.capacity() * size_of::<Vec<u32>>()
            + self.run_bytes
            + self.user_bytes
    }

    /// Reads a text into what is known and what is new. O(pieces).
    pub(super) fn read(&self, pieces: Vec<Piece>) -> Reading {
        let mut segments: Vec<Segment> = Vec::new();
        for at in 0..number(pieces.len()) {
            let hash = pieces[at as usize].hash;
            if let Some(last) = segments.last_mut() {
                let next = last.known.map(|(owner, first)| (owner, first + last.count));
                if let Some((owner, next)) = next
                    && self.is_own(owner, next)
                    && self.hashes[next as usize] == hash
                {
                    last.count += 1;
                    continue;
                }
            }
            let known = self.resumed(&segments, hash).or_else(|| {
                let known = self.by_hash.find(spread(hash), |&piece| self.hashes[piece as usize] == hash);
                known.map(|&piece| (self.owner_of(piece), piece))
            });
            match (known, segments.last_mut()) {
                (None, Some(last)) if last.known.is_none() => last.count += 1,
                (None, _) => segments.push(Segment { first: at, count: 1, known: None }),
                (Some(known), _) => self.begin_run(&pieces, &mut segments, at, known),
            }
        }
        let mut reading = Reading { pieces, segments: Vec::new() };
        reading.merge_short(segments);
        reading
    }

    /// Where the run before what is new goes on, if it does with this piece: after a line that was changed, added or taken out,
    /// rather than at another place that says the same.
    fn resumed(&self, segments: &[Segment], hash: u32) -> Option<(u32, u32)> {
        let (run, new) = match segments {
            [.., run @ Segment { known: Some(_), .. }, new @ Segment { known: None, .. }] => (run, new.count),
            [.., run @ Segment { known: Some(_), .. }] => (run, 1),
            _ => return None,
        };
        let (owner, first) = run.known?;
        let end = first + run.count;
        let places = [end + new, end, end + new + 1, end + new - 1];
        let found = places.into_iter().find(|&at| self.is_own(owner, at) && self.hashes[at as usize] == hash);
        found.map(|at| (owner, at))
    }

    /// Begins a run, which takes what fits before it from new text.
    fn begin_run(&self, pieces: &[Piece], segments: &mut Vec<Segment>, at: u32, (owner, piece): (u32, u32)) {
        let mut run = Segment { first: at, count: 1, known: Some((owner, piece)) };
        while let Some(last) = segments.last_mut()
            && let Some((_, first)) = run.known
            && first > self.bases[owner as usize]
            && (last.known.is_none() || last.bytes(pieces) < MIN_RUN_BYTES)
            && self.hashes[first as usize - 1] == pieces[run.first as usize - 1].hash
        {
            run = Segment { first: run.first - 1, count: run.count + 1, known: Some((owner, first - 1)) };
            last.count -= 1;
            if last.count == 0 {
                segments.pop();
            }
        }
        segments.push(run);
    }

    /// Covers what is known with ranges of known texts. `is_held` says what the receiver has, `likely` which texts of it to
    /// look at first.
    pub(super) fn cover(
        &self,
        reading: &Reading,
        likely: &[TextId],
        is_held: &dyn Fn(TextId) -> bool,
    ) -> Vec<Found> {
        let likely: Vec<u32> = likely.iter().filter_map(|id| self.by_id.get(id).copied()).collect();
        let mut found: Vec<Found> = Vec::new();
        let mut at = 0;
        for segment in &reading.segments {
            let end = segment.first + segment.count;
            // A range may have gone on through what comes next.
            while at < end {
                let best = segment.known.and_then(|(owner, first)| {
                    let piece = first + at - segment.first;
                    self.best_match(reading, at, (owner, piece), &likely, is_held)
                });
                if let Some(best) = best.filter(|best| best.next > at) {
                    found.push(Found::Seen(best.range()));
                    at = best.next;
                } else {
                    // Nobody had it, or whoever had it was given up.
                    let start = reading.start(at);
                    found.push(Found::New { start, len: reading.start(end) - start });
                    at = end;
                }
            }
        }
        found
    }

    /// The range of a known text that goes on longest as the text that is read does, or one almost as long that the receiver
    /// has.
    fn best_match(
        &self,
        reading: &Reading,
        at: u32,
        (owner, piece): (u32, u32),
        likely: &[u32],
        is_held: &dyn Fn(TextId) -> bool,
    ) -> Option<Match> {
        let mut best: Option<(Match, bool)> = None;
        for &text in likely.iter().chain(self.users[owner as usize].iter().rev()) {
            let text = &self.all[text as usize];
            let ways = text.runs_with(piece).map(|run| self.follow(reading, at, text, run, piece));
            let Some(candidate) = ways.max_by_key(|way| way.len) else { continue };
            let held = is_held(text.id);
            let is_better = best.is_none_or(|(best, best_held)| match (held, best_held) {
                (true, false) => candidate.len as f64 >= best.len as f64 * HELD_SHARE,
                (false, true) => candidate.len as f64 * HELD_SHARE > best.len as f64,
                _ => candidate.len > best.len,
            });
            if is_better {
                best = Some((candidate, held));
            }
        }
        best.map(|(best, _)| best)
    }

    /// Makes a text that was read known under `id`.
    pub(super) fn add(&mut self, id: TextId, reading: &Reading) {
        if self.contains(id) {
            return;
        }
        let owner = number(self.bases.len());
        let text = number(self.all.len());
        let base = number(self.hashes.len());
        let (mut runs, mut starts) = (Vec::new(), Vec::new());
        let new = reading.pieces_of_new();
        grow(&mut self.hashes, new);
        grow(&mut self.lens, new);
        for &Segment { first, count, known } in &reading.segments {
            starts.push(number(reading.start(first)));
            let Some((owner_of_run, piece)) = known else {
                runs.push(Run { owner, first: number(self.hashes.len()), count });
                for at in first..first + count {
                    let piece = reading.pieces[at as usize];
                    let len = piece.end as usize - reading.start(at);
                    self.hashes.push(piece.hash);
                    self.lens.push(u16::try_from(len).expect("invariant: pieces have some 2 KB at most"));
                }
                continue;
            };
            runs.push(Run { owner: owner_of_run, first: piece, count });
        }
        if self.hashes.len() > base as usize {
            self.bases.push(base);
            self.users.push(Vec::new());
            for piece in base..number(self.hashes.len()) {
                self.index(piece);
            }
        }
        for run in &runs {
            let users = &mut self.users[run.owner as usize];
            if users.last() == Some(&text) {
                continue;
            }
            if users.len() == CANDIDATES {
                users.remove(0);
            }
            let before = users.capacity();
            users.push(text);
            self.user_bytes += (users.capacity() - before) * size_of::<u32>();
        }
        let mut by_piece: Box<[u32]> = (0..number(runs.len())).collect();
        by_piece.sort_by_key(|&run| runs[run as usize].first);
        self.tick += 1;
        self.changes += 1;
        self.by_id.insert(id, text);
        let text = Text { id, runs: runs.into(), starts: starts.into(), by_piece, used: self.tick };
        self.run_bytes += text.held_bytes();
        self.all.push(text);
    }

    /// Forgets texts: they are not where they were thought to be. O(pieces).
    pub(super) fn forget(&mut self, lost: &[TextId]) {
        let keep = self.all.iter().map(|text| text.id).filter(|id| !lost.contains(id)).collect();
        self.rebuild(&keep);
    }

    /// Gives up the least recently used texts if there are more than `max_bytes`; half of it is kept.
    pub(super) fn shrink(&mut self, max_bytes: usize) {
        if self.bytes() <= max_bytes {
            return;
        }
        let mut by_use: Vec<(u64, TextId, usize)> = self
            .all
            .iter()
            .map(|text| (text.used, text.id, text.pieces() * 16 + text.runs.len() * 16))
            .collect();
        by_use.sort_unstable_by(|a, b| b.cmp(a));
        let mut bytes = 0;
        let kept = by_use.into_iter().take_while(|(_, _, more)| {
            bytes += more;
            bytes <= max_bytes / 2
        });
        let keep = kept.map(|(_, id, _)| id).collect();
        self.rebuild(&keep);
    }

    /// Only the texts to keep, in their order.
    fn rebuild(&mut self, keep: &HashSet<TextId>) {
        let old = std::mem::take(self);
        for text in old.all.iter().filter(|text| keep.contains(&text.id)) {
            let mut end = 0;
            let pieces = text.runs.iter().flat_map(|run| run.first..run.first + run.count).map(|piece| {
                end += old.piece_bytes(piece);
                Piece { hash: old.hashes[piece as usize], end }
            });
            let reading = self.read(pieces.collect());
            self.add(text.id, &reading);
            self.all.last_mut().expect("invariant: just added").used = text.used;
        }
        self.tick = old.tick;
        self.changes = old.changes + 1;
    }

    fn index(&mut self, piece: u32) {
        let hash = self.hashes[piece as usize];
        let hashes = &self.hashes;
        if let Some(known) = self.by_hash.find_mut(spread(hash), |&other| hashes[other as usize] == hash) {
            *known = piece;
        } else {
            self.by_hash.insert_unique(spread(hash), piece, |&piece| spread(hashes[piece as usize]));
        }
    }

    /// The owner of a piece. O(log owners).
    fn owner_of(&self, piece: u32) -> u32 {
        number(self.bases.partition_point(|&base| base <= piece) - 1)
    }

    fn is_own(&self, owner: u32, piece: u32) -> bool {
        let end = self.bases.get(owner as usize + 1).map_or(self.hashes.len(), |&base| base as usize);
        (piece as usize) < end
    }

    /// Bytes of a piece.
    fn piece_bytes(&self, piece: u32) -> u32 {
        u32::from(self.lens[piece as usize])
    }

    /// Bytes from the beginning of piece `from` to that of piece `to`, both of one owner. O(pieces).
    fn bytes_between(&self, from: u32, to: u32) -> u32 {
        self.lens[from as usize..to as usize].iter().map(|&len| u32::from(len)).sum()
    }

    /// How far the text that is read goes on from piece `at` as a known text does from `piece` of its run `run`. By hashes:
    /// what of it is known from where does not matter.
    fn follow(&self, reading: &Reading, at: u32, text: &Text, run: usize, piece: u32) -> Match {
        let begun = text.runs[run];
        let start = text.starts[run] as usize + self.bytes_between(begun.first, piece) as usize;
        let mut rest = &reading.pieces[at as usize..];
        let mut from = piece;
        for run in &text.runs[run..] {
            let hashes = &self.hashes[from.max(run.first) as usize..(run.first + run.count) as usize];
            let same = hashes.iter().zip(rest).take_while(|(hash, piece)| **hash == piece.hash).count();
            rest = &rest[same..];
            if same < hashes.len() || rest.is_empty() {
                break;
            }
            from = 0;
        }
        let next = number(reading.pieces.len() - rest.len());
        Match { text: text.id, start, len: reading.start(next) - reading.start(at), next }
    }
}

/// A range of a known text that goes on as the text that is read does.
#[derive(Debug, Clone, Copy)]
struct Match {
    text: TextId,
    start: usize,
    len: usize,
    /// The piece behind it, of the text that is read.
    next: u32,
}

impl Match {
    fn range(self) -> Range {
        Range { text: self.text, start: self.start, len: self.len }
    }
}
