//! From a choice of elements to the fate of every value, under a limit that holds for the real JSON.

use super::budget::{self, Budget};
use super::elements::Element;
use crate::base::document::{Document, Kind};
use crate::base::json::{self, Fate};

/// What stays, and how large it is.
pub(super) struct Chosen {
    pub(super) kept: Vec<bool>,
    /// Required fields alone are over the limit.
    pub(super) over: bool,
    pub(super) fates: Option<Vec<Fate>>,
    pub(super) bytes: u64,
}

/// Chooses under the budget. The choice goes by estimated sizes; while the real size is over the limit it is made again
/// with less: in proportion to what was too much, and by half after a few times, so that it ends.
pub(super) fn choose_within(
    document: &Document,
    sizes: &[u64],
    elements: &[Element],
    scores: &[f64],
    budget: Budget,
) -> Chosen {
    const EXACT_TRIES: u32 = 8;
    let mut max_bytes = budget.max_bytes;
    for attempt in 0.. {
        let (kept, over) = budget::choose(elements, scores, Budget { max_bytes, ..budget }, sizes[0]);
        let fates = (!kept.iter().all(|&kept| kept)).then(|| fates(document, elements, &kept));
        let bytes = fates.as_ref().map_or(sizes[0], |fates| kept_bytes(document, sizes, fates));
        let only_required = kept.iter().zip(elements).all(|(&kept, element)| kept == element.required);
        if bytes <= budget.max_bytes || only_required {
            return Chosen { kept, over: over && bytes > budget.max_bytes, fates, bytes };
        }
        let scaled = u128::from(max_bytes) * u128::from(budget.max_bytes) / u128::from(bytes);
        max_bytes = if attempt < EXACT_TRIES { u64::try_from(scaled).unwrap_or(0) } else { max_bytes / 2 };
    }
    unreachable!("invariant: with no bytes left only required elements stay")
}

/// The fate of every value from the elements that stay.
fn fates(document: &Document, elements: &[Element], kept: &[bool]) -> Vec<Fate> {
    let mut fates = vec![Fate::Dropped; document.len()];
    for (element, _) in elements.iter().zip(kept).filter(|(_, kept)| **kept) {
        fates[element.value..document.end(element.value)].fill(Fate::Whole);
    }
    // Backwards, children come before their parents: a container with anything kept below it stays in part; one whose
    // children all stay is whole.
    let mut inside_element = vec![false; document.len()];
    for element in elements {
        inside_element[element.value..document.end(element.value)].fill(true);
    }
    for value in (0..document.len()).rev().filter(|&value| !inside_element[value]) {
        let (mut any, mut all) = (false, true);
        for child in document.children(value) {
            any |= fates[child] != Fate::Dropped && document.kind(child) != Kind::Omitted;
            all &= fates[child] == Fate::Whole;
        }
        fates[value] = if all {
            Fate::Whole
        } else if any {
            Fate::Part
        } else {
            Fate::Dropped
        };
    }
    // The root always stays, even when nothing in it does.
    if fates[0] == Fate::Dropped {
        fates[0] = Fate::Part;
    }
    fates
}

/// Bytes of JSON of what stays.
fn kept_bytes(document: &Document, sizes: &[u64], fates: &[Fate]) -> u64 {
    fn of(document: &Document, sizes: &[u64], fates: &[Fate], value: usize) -> u64 {
        if fates[value] == Fate::Whole {
            return sizes[value];
        }
        let stay = document.children(value).filter(|&child| fates[child] != Fate::Dropped);
        json::container_size(document, value, stay.map(|child| (child, of(document, sizes, fates, child))))
    }
    of(document, sizes, fates, 0)
}
