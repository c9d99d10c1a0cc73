//! Chooses what stays when not everything may: required fields always, then by score.

use super::elements::Element;

/// How much may stay.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    /// Least score that stays.
    pub(crate) threshold: f64,
    /// Share of the elements that stays, 0–1.
    pub(crate) share: f64,
    /// Most bytes of JSON.
    pub(crate) max_bytes: u64,
}

/// Which elements stay, in their order, and whether required fields alone are over the budget.
pub(crate) fn choose(
    elements: &[Element],
    scores: &[f64],
    budget: Budget,
    whole_bytes: u64,
) -> (Vec<bool>, bool) {
    let mut kept: Vec<bool> = elements.iter().map(|element| element.required).collect();
    let mut candidates: Vec<usize> = (0..elements.len())
        .filter(|&at| !elements[at].required && !elements[at].excluded && scores[at] >= budget.threshold)
        .collect();
    // Best first; among equals the smaller one, then the earlier one: more stays, and always the same.
    candidates.sort_by(|&a, &b| {
        scores[b].total_cmp(&scores[a]).then(elements[a].bytes.cmp(&elements[b].bytes)).then(a.cmp(&b))
    });
    candidates.truncate(share_of(budget.share, elements.len(), &kept));
    if whole_bytes <= budget.max_bytes {
        for at in candidates {
            kept[at] = true;
        }
        return (kept, false);
    }
    // What an element adds to the JSON besides itself, about: its key, quotes, colon and comma. Escapes and brackets of
    // containers above it are not in this: the caller checks the real size and asks again with less.
    let cost = |at: usize| elements[at].bytes + elements[at].path.len() as u64 + 6;
    let required: u64 = (0..elements.len()).filter(|&at| kept[at]).map(cost).sum::<u64>() + 2;
    let mut left = budget.max_bytes.saturating_sub(required);
    for at in candidates {
        if cost(at) <= left {
            left -= cost(at);
            kept[at] = true;
        }
    }
    (kept, required > budget.max_bytes)
}

/// How many elements besides the required ones stay.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "share is 0–1 of a count")]
fn share_of(share: f64, elements: usize, kept: &[bool]) -> usize {
    let required = kept.iter().filter(|&&kept| kept).count();
    ((elements as f64 * share).ceil() as usize).saturating_sub(required)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(bytes: u64, required: bool, excluded: bool) -> Element {
        Element { value: 1, top: 1, path: "p".into(), bytes, required, excluded }
    }

    const ALL: Budget = Budget { threshold: 0.3, share: 1.0, max_bytes: u64::MAX };

    #[test]
    fn threshold_and_excludes_drop_but_never_required_fields() {
        let elements = [
            element(9, true, false),
            element(9, false, true),
            element(9, false, false),
            element(9, false, false),
        ];
        let (kept, over) = choose(&elements, &[0.0, 1.0, 0.29, 0.3], ALL, 100);
        assert_eq!((kept, over), (vec![true, false, false, true], false));
    }

    #[test]
    fn share_keeps_the_best_and_counts_required_fields() {
        let elements: Vec<_> = (0..10).map(|at| element(9, at == 9, false)).collect();
        let scores: Vec<f64> = (0..10).map(|at| 0.5 + f64::from(at) / 100.0).collect();
        let (kept, _) = choose(&elements, &scores, Budget { share: 0.4, ..ALL }, 100);
        assert_eq!(kept, [false, false, false, false, false, false, true, true, true, true]);
    }

    #[test]
    fn bytes_go_to_required_fields_first_then_to_the_best_that_fit() {
        let elements = [element(50, true, false), element(60, false, false), element(10, false, false)];
        let scores = [1.0, 0.9, 0.5];
        let (kept, over) = choose(&elements, &scores, Budget { max_bytes: 100, ..ALL }, 120);
        assert_eq!((kept, over), (vec![true, false, true], false), "the best does not fit, the next does");
        let (kept, over) = choose(&elements, &scores, Budget { max_bytes: 20, ..ALL }, 120);
        assert_eq!((kept, over), (vec![true, false, false], true));
    }

    #[test]
    fn equal_scores_keep_the_smaller_then_the_earlier() {
        let elements = [element(40, false, false), element(20, false, false), element(20, false, false)];
        let (kept, _) = choose(&elements, &[0.5; 3], Budget { max_bytes: 40, ..ALL }, 90);
        assert_eq!(kept, [false, true, false]);
    }
}
