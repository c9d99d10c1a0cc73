use super::axis::{clock_text, time_ticks};
use super::*;

/// 2026-01-01T00:00:00Z.
const START_MS: u64 = 1_767_225_600_000;

fn point(second: u64, used_mb: f64) -> ChartPoint {
    ChartPoint {
        at_ms: START_MS + second * 1000,
        used_mb: Some(used_mb),
        limit_mb: Some(2048.0),
        ..ChartPoint::default()
    }
}

/// Writes pictures to look at to the directory that `AGENTWISE_PICTURES` names.
fn look_at(name: &str, text: &str) {
    if let Some(dir) = std::env::var_os("AGENTWISE_PICTURES") {
        std::fs::write(std::path::Path::new(&dir).join(format!("{name}.svg")), text).unwrap();
    }
}

/// What the texts of the picture say.
fn texts(svg: &str) -> Vec<String> {
    let parts = svg.split("<text").skip(1);
    parts
        .map(|part| {
            let inner = part.split_once('>').unwrap().1;
            inner.split_once("</text>").unwrap().0.trim().to_owned()
        })
        .collect()
}

/// The worst hours: growth, steps, throttling, gaps, another limit.
fn eventful() -> Vec<ChartPoint> {
    (0..1000_u64)
        .map(|index| {
            let phase = (index % 400) as f64 / 400.0;
            let used_mb = 400.0 + 1500.0 * phase + 60.0 * ((index * 7919 % 101) as f64 / 101.0);
            let percentage = used_mb / 20.48;
            let step = [70.0, 75.0, 80.0, 82.0, 85.0, 95.0].iter().filter(|from| percentage > **from).count();
            ChartPoint {
                used_mb: Some(used_mb).filter(|_| !(500..520).contains(&index)),
                limit_mb: Some(if index < 700 { 2048.0 } else { 2304.0 }),
                step: u8::try_from(step).unwrap(),
                throttled_agents: if step >= 5 { 3 } else { 0 },
                alert: match index % 400 {
                    332 => Some(AlertType::Warning),
                    391 => Some(AlertType::Critical),
                    _ => None,
                },
                ..point(index * 10 + if index > 600 { 900 } else { 0 }, 0.0)
            }
        })
        .collect()
}

#[test]
fn without_points_it_says_so() {
    let picture = svg(&[], "Memory");
    look_at("none", &picture);
    assert_eq!(texts(&picture), ["Memory", "nothing sampled yet"]);
}

#[test]
fn one_point_is_a_dot_with_a_time_around_it() {
    let picture = svg(&[ChartPoint { step: 3, ..point(3600, 700.4) }], "Memory");
    look_at("one", &picture);
    assert_eq!(picture.matches("<circle").count(), 1);
    let texts = texts(&picture);
    assert!(
        texts.contains(&"2026-01-01 01:00 UTC: 700 MB at the end, 700 MB at most".to_owned()),
        "{texts:?}"
    );
    assert!(texts.contains(&"01:00:00".to_owned()), "{texts:?}");
    assert!(texts.contains(&"collectGarbage".to_owned()), "{texts:?}");
}

#[test]
fn an_eventful_day_shows_all_that_happened() {
    let picture = svg(&eventful(), "Memory of the process");
    look_at("eventful", &picture);
    let texts = texts(&picture);
    for word in [
        "shrinkCaches",
        "throttleAll",
        "warning",
        "critical",
        "used",
        "limit",
        "step",
        "throttled",
        "00:30",
        "2026-01-01 00:00 to 03:01 UTC: 1178 MB at the end, 1954 MB at most, up to 3 throttled at once",
    ] {
        assert!(texts.iter().any(|text| text == word), "{word}: {texts:?}");
    }
    // Broken where nothing was read and where nothing was sampled.
    assert_eq!(picture.matches("<polygon").count(), 3 + 4 + 2, "three areas, four alerts, two in the key");
    assert!(picture.len() < 100_000, "{}", picture.len());
}

#[test]
fn what_did_not_happen_is_not_in_the_key() {
    let points: Vec<ChartPoint> = (0..50).map(|index| point(index * 10, 300.0)).collect();
    let picture = svg(&points, "Memory");
    look_at("calm", &picture);
    let texts = texts(&picture);
    for word in ["warning", "critical", "shrinkCaches"] {
        assert!(!texts.iter().any(|text| text == word), "{word}");
    }
}

#[test]
fn a_day_and_large_memory_have_their_own_units() {
    let points: Vec<ChartPoint> = (0..1000_u64)
        .map(|index| ChartPoint {
            limit_mb: Some(65_536.0),
            ..point(index * 90, 20_000.0 + (index % 97) as f64 * 300.0)
        })
        .collect();
    let picture = svg(&points, "Memory");
    look_at("day", &picture);
    let texts = texts(&picture);
    assert!(texts.iter().any(|text| text == "60 GB"), "{texts:?}");
    assert!(
        texts.iter().any(|text| text == "01-02") && texts.iter().any(|text| text == "12:00"),
        "{texts:?}"
    );
}

#[test]
fn figures_that_are_none_are_not_drawn() {
    let unread = ChartPoint { used_mb: None, limit_mb: None, ..point(0, 0.0) };
    let nonsense = ChartPoint { used_mb: Some(f64::NAN), limit_mb: Some(f64::INFINITY), ..point(10, 0.0) };
    let picture = svg(&[unread, nonsense], "Memory");
    look_at("unread", &picture);
    assert!(!picture.contains("NaN") && !picture.contains("inf"));
    assert!(texts(&picture).iter().any(|text| text.ends_with("memory in use could not be read")));
    assert!(!texts(&picture).iter().any(|text| text.ends_with("MB")), "an axis of nothing has no figures");
}

#[test]
fn points_may_come_in_any_order() {
    let points: Vec<ChartPoint> = (0..20).map(|index| point(index, index as f64)).collect();
    let turned: Vec<ChartPoint> = points.iter().rev().copied().collect();
    assert_eq!(svg(&points, "a"), svg(&turned, "a"));
}

#[test]
fn titles_are_escaped_and_cut() {
    let picture = svg(&[], "</text><script>&\"\u{1}");
    assert!(!picture.contains("<script") && !picture.contains('\u{1}'));
    assert_eq!(texts(&picture)[0], "&lt;/text&gt;&lt;script&gt;&amp;&quot;\u{fffd}");
    let long = svg(&[point(0, 1.0)], &"W".repeat(200));
    look_at("long", &long);
    assert_eq!(texts(&long)[0], format!("{}…", "W".repeat(52)));
}

#[test]
fn marks_of_time_are_round_and_few() {
    let start = START_MS as f64;
    for (seconds, distance_ms) in
        [(5.0, 1000.0), (60.0, 10_000.0), (3600.0, 600_000.0), (86_400.0, 10_800_000.0), (2e6, 259_200_000.0)]
    {
        let (distance, ticks) = time_ticks(&(start + 1.0..start + seconds * 1000.0));
        assert!((distance - distance_ms).abs() < 0.5, "{seconds}: {distance}");
        assert!((2..=11).contains(&ticks.len()), "{seconds}: {}", ticks.len());
        assert!(ticks.iter().all(|at| at % distance == 0.0));
    }
    assert_eq!(clock_text(start, 3_600_000.0), "01-01");
    assert_eq!(clock_text(start, 1000.0), "00:00:00");
    assert_eq!(clock_text(start + 5_400_000.0, 1_800_000.0), "01:30");
}
