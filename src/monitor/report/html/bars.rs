//! Amounts side by side, as bars that lie: one row each, its parts one after the other, and the figures as text beside it.

use super::Page;
use super::escape::{Escaped, Foreign, cut};
use super::quantity::number;

/// So many rows are shown at most.
pub(crate) const MOST_ROWS: usize = 30;
/// The most letters of a name, and of what is said beside a bar.
const MOST_NAME: usize = 60;
const MOST_NOTE: usize = 300;

/// One row.
pub(crate) struct Bar {
    /// May be a user's.
    pub(crate) name: String,
    /// From the left: the class of its colour, and its share of the whole width, 0 to 1.
    pub(crate) parts: Vec<(&'static str, f64)>,
    /// The figure.
    pub(crate) value: String,
    /// What is said about it; may be a user's, may be empty.
    pub(crate) note: String,
}

/// A list of bars under its title.
pub(crate) struct Bars<'a> {
    /// What it shows.
    pub(crate) title: &'a str,
    /// The same in a sentence; safe text.
    pub(crate) summary: String,
    /// Head of the first column.
    pub(crate) of: &'a str,
    /// Colours and what they stand for; none where there is one colour.
    pub(crate) key: &'a [(&'static str, &'static str)],
    /// The first of them are shown.
    pub(crate) rows: Vec<Bar>,
}

impl Bars<'_> {
    /// Writes it; nothing without a row.
    pub(crate) fn write(&self, page: &mut Page) {
        if self.rows.is_empty() {
            return;
        }
        put!(page, "<figure class=\"chart bars\"><figcaption><h3>{}</h3>", Escaped(self.title));
        put!(page, "<p>{}</p></figcaption>", Escaped(&self.summary));
        if !self.key.is_empty() {
            page.add("<p class=\"keys\" aria-hidden=\"true\">");
            for (class, name) in self.key {
                put!(page, "<span><i class=\"{class}\"></i>{}</span>", Escaped(name));
            }
            page.add("</p>");
        }
        put!(page, "<table><thead class=\"unseen\"><tr><th scope=\"col\">{}</th>", Escaped(self.of));
        page.add("<th scope=\"col\">Bar</th><th scope=\"col\">Figure</th></tr></thead><tbody>\n");
        for row in self.rows.iter().take(MOST_ROWS) {
            row.write(page);
        }
        page.add("</tbody></table>");
        if self.rows.len() > MOST_ROWS {
            let more = number((self.rows.len() - MOST_ROWS) as f64);
            put!(page, "<p class=\"note\">{more} more are in the report as JSON.</p>");
        }
        page.add("</figure>\n");
    }
}

impl Bar {
    fn write(&self, page: &mut Page) {
        put!(page, "<tr><th scope=\"row\">{}</th>", Foreign(&cut(&self.name, MOST_NAME)));
        page.add("<td class=\"track\" aria-hidden=\"true\"><div>");
        let mut left = 1.0;
        for (class, share) in &self.parts {
            // More than the whole is drawn as the whole.
            let share = if share.is_finite() { share.clamp(0.0, left) } else { 0.0 };
            left -= share;
            put!(page, "<i class=\"{class}\" style=\"width:{:.2}%\"></i>", share * 100.0);
        }
        put!(page, "</div></td><td>{}", Escaped(&self.value));
        if !self.note.is_empty() {
            put!(page, "<small>{}</small>", Foreign(&cut(&self.note, MOST_NOTE)));
        }
        page.add("</td></tr>\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(rows: Vec<Bar>) -> String {
        let mut page = Page::default();
        let bars = Bars { title: "T", summary: String::new(), of: "Agent", key: &[("c0", "sent")], rows };
        bars.write(&mut page);
        page.0
    }

    fn bar(name: &str, parts: &[f64]) -> Bar {
        let parts = parts.iter().map(|share| ("c0", *share)).collect();
        Bar { name: name.into(), parts, value: "1".into(), note: String::new() }
    }

    #[test]
    fn no_row_no_figure_and_many_rows_are_cut() {
        assert_eq!(written(Vec::new()), "");
        let many = written((0..100).map(|index| bar(&index.to_string(), &[0.5])).collect());
        assert_eq!(many.matches("class=\"track\"").count(), MOST_ROWS);
        assert!(many.contains("70 more"));
    }

    #[test]
    fn parts_never_take_more_than_the_whole() {
        let html = written(vec![bar("a", &[0.7, 0.7, f64::NAN, -3.0])]);
        for width in ["70.00%", "30.00%", "0.00%"] {
            assert!(html.contains(width), "{html}");
        }
    }

    #[test]
    fn names_are_text() {
        let html = written(vec![bar("<script>\u{202e}", &[1.0])]);
        assert!(!html.contains("<script>") && html.contains("&lt;script&gt;\u{fffd}"));
    }
}
