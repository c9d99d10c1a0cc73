//! What a filter did and why, in words. Bounded: a line for each reason, not for each value.

use super::select::{Choice, Limits};
use crate::base::document::{Document, Kind};
use crate::base::json::Fate;

/// Why something was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// An exclude pattern matches it.
    Excluded,
    /// Its score is under the threshold.
    Score,
    /// As much as a context is reduced by: 30 to 50 %, or the target that was asked for.
    Reduction,
    /// A limit of bytes or tokens.
    Limit,
    /// Pressure: memory, load, or contexts of all agents.
    Pressure,
    /// Other blocks of the same text fit better.
    Blocks,
}

impl Reason {
    /// Every reason, in the order of their numbers.
    pub const ALL: [Self; 6] =
        [Self::Excluded, Self::Score, Self::Reduction, Self::Limit, Self::Pressure, Self::Blocks];

    /// As callers see it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Excluded => "excluded",
            Self::Score => "score",
            Self::Reduction => "reduction",
            Self::Limit => "limit",
            Self::Pressure => "pressure",
            Self::Blocks => "blocks",
        }
    }
}

/// Says what was left out and why, with counts.
pub(super) fn describe_drops(choices: &[Choice], limits: &Limits, adaptations: &mut Vec<String>) {
    let all = choices.len();
    let count = |reason: Reason| choices.iter().filter(|choice| **choice == Choice::Dropped(reason)).count();
    let mut say = |reason: Reason, text: String| {
        let dropped = count(reason);
        if dropped > 0 {
            adaptations.push(format!("{dropped} of {all} elements {text}"));
        }
    };
    say(Reason::Excluded, "match an exclude pattern".into());
    say(Reason::Score, format!("score under {}", limits.threshold));
    let reduction = match limits.target_reduction {
        Some(target) => format!("left out to make the context smaller by {:.0} %", target * 100.0),
        None => "left out as what matters least".into(),
    };
    say(Reason::Reduction, reduction);
    let limit = match limits.max_tokens {
        Some(tokens) => format!("left out for the limits of {} bytes and {tokens} tokens", limits.max_bytes),
        None => format!("left out for the limit of {} bytes", limits.max_bytes),
    };
    say(Reason::Limit, limit);
    say(Reason::Pressure, "left out for pressure".into());
    let in_part = choices.iter().filter(|choice| matches!(choice, Choice::Blocks(_))).count();
    if in_part > 0 {
        adaptations.push(format!("{in_part} of {all} elements stay in part"));
    }
}

/// Arrays that are named; the others are counted.
const NAMED_ARRAYS: usize = 10;

/// Says of arrays how many items were left out.
pub(super) fn describe_arrays(document: &Document, fates: &[Fate], adaptations: &mut Vec<String>) {
    let mut cut = 0;
    for array in (0..document.len()).filter(|&at| fates[at] == Fate::Part && document.kind(at) == Kind::Array)
    {
        let left_out = document.children(array).filter(|&item| fates[item] == Fate::Dropped).count();
        if left_out == 0 {
            continue;
        }
        cut += 1;
        if cut <= NAMED_ARRAYS {
            let items = document.children(array).count();
            let name = match document.key(array) {
                "" if array == 0 => "the context".to_owned(),
                "" => "an inner array".to_owned(),
                key => format!("{:?}", key.chars().take(60).collect::<String>()),
            };
            adaptations.push(format!("{left_out} of {items} items of {name} left out"));
        }
    }
    if cut > NAMED_ARRAYS {
        adaptations.push(format!("items of {} more arrays left out", cut - NAMED_ARRAYS));
    }
}
