//! What a filter did and why, in words. Bounded: a line for each reason, not for each value.

use super::budget::Budget;
use super::elements::Element;
use crate::base::document::{Document, Kind};
use crate::base::json::Fate;

/// Says what was left out and why, with counts.
pub(super) fn describe_drops(
    elements: &[Element],
    scores: &[f64],
    kept: &[bool],
    budget: Budget,
    bytes: u64,
    adaptations: &mut Vec<String>,
) {
    let (mut excluded, mut unimportant, mut rest) = (0_usize, 0_usize, 0_usize);
    for (at, element) in elements.iter().enumerate().filter(|(at, _)| !kept[*at]) {
        if element.excluded {
            excluded += 1;
        } else if scores[at] < budget.threshold {
            unimportant += 1;
        } else {
            rest += 1;
        }
    }
    let all = elements.len();
    if excluded > 0 {
        adaptations.push(format!("{excluded} of {all} elements match an exclude pattern"));
    }
    if unimportant > 0 {
        adaptations.push(format!("{unimportant} of {all} elements score under {}", budget.threshold));
    }
    if rest > 0 {
        let why = if bytes > budget.max_bytes {
            format!("the limit of {} bytes", budget.max_bytes)
        } else {
            "pressure".to_owned()
        };
        adaptations.push(format!("{rest} of {all} elements left out for {why}"));
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
