//! The settings of a report: where each came from, where that is known, else as they are.

use serde_json::{Value, json};

use crate::monitor::report::html::escape::Foreign;
use crate::monitor::report::html::tables::{self, About, Cell, table, text, told};
use crate::monitor::report::html::{Page, put};

/// Writes them.
pub(super) fn write(page: &mut Page, report: &Value) {
    let Some(settings) = report["configuration"]["settings"].as_object() else {
        tables::config(page, &report["config"]);
        return;
    };
    let is_default = |row: &Value| row["source"] == "default";
    let row = |(path, found): (&String, &Value)| {
        let mut row = json!({ "path": path });
        for key in ["value", "source", "name", "default"] {
            row[key] = found[key].clone();
        }
        row
    };
    let rows: Vec<Value> = settings.iter().map(row).collect();
    let (default, set): (Vec<Value>, Vec<Value>) = rows.into_iter().partition(is_default);
    let nothing = "Every setting has its default.";
    let about = About { id: "config", title: "Settings", nothing };
    let heads = ["Setting", "Value", "From", "Default"];
    table(page, &about, heads, &set, |one| {
        let source = text(one.get("source"));
        let from = match one["name"].as_str() {
            Some(name) => format!("{source}: {name}"),
            None => source,
        };
        let cell = |key| -> Cell { told("", &text(one.get(key))) };
        [cell("path"), cell("value"), told("", &from), cell("default")]
    });
    if default.is_empty() {
        return;
    }
    put!(
        page,
        "<details><summary>{} settings have their default</summary><pre tabindex=\"0\">",
        default.len()
    );
    for one in &default {
        put!(page, "{} = {}\n", Foreign(&text(one.get("path"))), Foreign(&text(one.get("value"))));
    }
    page.add("</pre></details>\n");
}
