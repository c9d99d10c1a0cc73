//! The table of operations: what each did in all the time.
//!
//! Percentiles of intervals cannot be added up. What is shown is the percentile of the interval in which the middle request was,
//! and the highest of any interval: both are figures that were measured.

use std::collections::HashMap;
use std::sync::Arc;

use super::Page;
use super::escape::{Foreign, cut};
use super::quantity::{NOTHING, number, quantity};
use super::timeline::Timeline;
use crate::monitor::sample::OperationRow;
use crate::telemetry::metric::Unit;

/// So many are listed at most.
const MOST_ROWS: usize = 70;
/// What is shown of a name, in letters.
const MOST_NAME: usize = 100;

#[derive(Default)]
struct Total<'a> {
    rows: Vec<&'a OperationRow>,
    count: u64,
    errors: u64,
    time_ms: f64,
    most_ms: f64,
}

/// Writes the table, the operations first that took the most time.
pub(crate) fn write(page: &mut Page, timeline: Option<&Timeline<'_>>) {
    page.add("<section id=\"operations\"><h2>Operations</h2>");
    let mut totals: HashMap<&Arc<str>, Total<'_>> = HashMap::new();
    for row in timeline.iter().flat_map(|timeline| timeline.rows()) {
        for operation in row.operations.iter().filter(|operation| operation.count > 0) {
            let total = totals.entry(&operation.name).or_default();
            total.count = total.count.saturating_add(operation.count);
            total.errors = total.errors.saturating_add(operation.errors);
            total.time_ms += operation.mean_ms.max(0.0) * operation.count as f64;
            total.most_ms = total.most_ms.max(operation.max_ms);
            total.rows.push(operation);
        }
    }
    if totals.is_empty() {
        page.add("<p class=\"note\">There were no requests.</p></section>\n");
        return;
    }
    let mut totals: Vec<_> = totals.into_iter().collect();
    totals.sort_by(|a, b| b.1.time_ms.total_cmp(&a.1.time_ms).then_with(|| a.0.cmp(b.0)));
    page.add(
        "<p class=\"note\">p50, p95 and p99 are those of the interval in which the middle request was; ",
    );
    page.add("the worst p95 is that of the slowest interval.");
    if totals.len() > MOST_ROWS {
        put!(page, " The {MOST_ROWS} that took the most time, of {}.", number(totals.len() as f64));
    }
    page.add("</p><div class=\"scroll\" role=\"region\" aria-label=\"Table of operations\" tabindex=\"0\"><table class=\"figures\"><thead><tr>");
    for head in
        ["Operation", "Requests", "Failed", "Failed %", "Mean", "p50", "p95", "p99", "Worst p95", "Longest"]
    {
        put!(page, "<th scope=\"col\">{head}</th>");
    }
    page.add("</tr></thead><tbody>\n");
    for (name, total) in totals.into_iter().take(MOST_ROWS) {
        row(page, name, total);
    }
    page.add("</tbody></table></div></section>\n");
}

fn row(page: &mut Page, name: &str, mut total: Total<'_>) {
    let ms = |value: f64| quantity(value, Unit::Milliseconds);
    let count = total.count as f64;
    let worst = total.rows.iter().map(|row| row.p95_ms).filter(|ms| ms.is_finite()).max_by(f64::total_cmp);
    let mut middle =
        |of: fn(&OperationRow) -> f64| middle(&mut total.rows, total.count, of).map_or(NOTHING.into(), ms);
    let [p50, p95, p99] = [middle(|row| row.p50_ms), middle(|row| row.p95_ms), middle(|row| row.p99_ms)];
    let cells = [
        quantity(count, Unit::One),
        quantity(total.errors as f64, Unit::One),
        quantity(total.errors as f64 * 100.0 / count, Unit::Percent),
        ms(total.time_ms / count),
        p50,
        p95,
        p99,
        worst.map_or(NOTHING.into(), ms),
        ms(total.most_ms),
    ];
    put!(page, "<tr><th scope=\"row\">{}</th>", Foreign(&cut(name, MOST_NAME)));
    for (index, cell) in cells.iter().enumerate() {
        let class = if index == 1 && total.errors > 0 { " class=\"bad\"" } else { "" };
        put!(page, "<td{class}>{cell}</td>");
    }
    page.add("</tr>\n");
}

/// The value of the interval in which the middle request was, when they are ordered by it.
fn middle(rows: &mut [&OperationRow], count: u64, of: fn(&OperationRow) -> f64) -> Option<f64> {
    rows.sort_by(|a, b| of(a).total_cmp(&of(b)));
    let mut seen = 0_u64;
    let found = rows.iter().find(|row| {
        seen = seen.saturating_add(row.count);
        seen.saturating_mul(2) >= count
    });
    found.map(|row| of(row)).filter(|value| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_that_of_the_requests_not_of_the_intervals() {
        let row = |count, p50_ms| OperationRow {
            name: "x".into(),
            count,
            errors: 0,
            mean_ms: 0.0,
            p50_ms,
            p95_ms: 0.0,
            p99_ms: 0.0,
            max_ms: 0.0,
        };
        let rows = [row(1, 900.0), row(1, 800.0), row(100, 3.0), row(1, 1.0)];
        let mut rows: Vec<&OperationRow> = rows.iter().collect();
        assert_eq!(middle(&mut rows, 103, |row| row.p50_ms), Some(3.0));
        assert_eq!(middle(&mut [], 0, |row| row.p50_ms), None);
    }
}
