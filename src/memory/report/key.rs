//! What the colours and marks of the picture mean: of what there is in it only.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::{
    AREA_OPACITY, BANDS_BOTTOM, ChartPoint, Drawn, LEFT, LETTER_PX, LIMIT, Root, STEPS, USED, alert_color,
    step, text_style, to_pixel,
};
use crate::memory::alerts::AlertType;

/// The key of the upper chart, above it.
pub(super) fn key<'a>(root: &Root<'a>, points: &[ChartPoint]) -> Drawn<SVGBackend<'a>> {
    const MARK_PX: i32 = 20;
    let y = 74;
    let mut names = vec!["used", "limit"];
    let alerts =
        [(AlertType::Info, "note"), (AlertType::Warning, "warning"), (AlertType::Critical, "critical")];
    let there = |kind| points.iter().any(|point| point.alert == Some(kind));
    names.extend(alerts.iter().filter(|(kind, _)| there(*kind)).map(|(_, name)| *name));
    let mut left = to_pixel(LEFT);
    for name in names {
        match alerts.iter().find(|(_, alert)| *alert == name) {
            Some((kind, _)) => {
                root.draw(&TriangleMarker::new((left + 13, y + 1), 7, alert_color(*kind).filled()))?;
            }
            None if name == "limit" => {
                for from in [left, left + 12] {
                    root.draw(&PathElement::new([(from, y), (from + 8, y)], LIMIT.stroke_width(2)))?;
                }
            }
            None => {
                let area = [(left, y), (left + MARK_PX, y + 6)];
                root.draw(&Rectangle::new(area, USED.mix(AREA_OPACITY).filled()))?;
                let line = [(left, y), (left + MARK_PX, y)];
                root.draw(&PathElement::new(line, USED.stroke_width(2)))?;
            }
        }
        root.draw(&Text::new(name, (left + MARK_PX + 6, y), text_style(HPos::Left)))?;
        left += MARK_PX + 6 + text_px(name) + 12;
    }
    Ok(())
}

/// The key of the steps, of those that there were.
pub(super) fn steps_key<'a>(root: &Root<'a>, points: &[ChartPoint]) -> Drawn<SVGBackend<'a>> {
    let y = to_pixel(BANDS_BOTTOM) + 22;
    let mut left = to_pixel(LEFT);
    for (index, (name, color)) in STEPS.iter().enumerate() {
        if points.iter().any(|point| step(point.step) == Some(index)) {
            root.draw(&Rectangle::new([(left, y - 5), (left + 12, y + 5)], color.filled()))?;
            root.draw(&Text::new(*name, (left + 18, y), text_style(HPos::Left)))?;
            left += 18 + text_px(name) + 14;
        }
    }
    Ok(())
}

/// A wide estimate.
fn text_px(text: &str) -> i32 {
    i32::try_from(text.chars().count() * LETTER_PX).unwrap_or(i32::MAX)
}
