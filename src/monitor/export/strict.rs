//! A parser of both texts that takes nothing but what they allow. For tests.

use std::collections::{BTreeMap, BTreeSet};

use crate::monitor::export::prometheus::Format;

/// A line with a value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) value: f64,
}

/// What stands under one head.
#[derive(Debug, Default)]
pub(crate) struct Family {
    name: String,
    kind: String,
    unit: String,
    format: Option<Format>,
    pub(crate) samples: Vec<Sample>,
}

impl Family {
    /// The name as the tables have it.
    pub(crate) fn full_name(&self) -> String {
        let is_open = self.format == Some(Format::OpenMetrics);
        match self.kind.as_str() {
            "counter" if is_open => format!("{}_total", self.name),
            "info" => format!("{}_info", self.name),
            _ => self.name.clone(),
        }
    }
}

/// The families of a text, or what is wrong with it.
pub(crate) fn parse(text: &str, format: Format) -> Result<Vec<Family>, String> {
    let body = match format {
        Format::OpenMetrics => text.strip_suffix("# EOF\n").ok_or("no end")?,
        Format::Prometheus => text,
    };
    if body.contains("# EOF") || body.contains('\r') || !(body.is_empty() || body.ends_with('\n')) {
        return Err("lines end in \\n, the last too, and the end comes once".into());
    }
    let mut families: Vec<Family> = Vec::new();
    for line in body.split_terminator('\n') {
        if let Some(head) = line.strip_prefix("# ") {
            let (what, rest) = head.split_once(' ').ok_or(line)?;
            let (name, rest) = rest.split_once(' ').ok_or(line)?;
            if what == "HELP" {
                families.push(Family { name: name.into(), format: Some(format), ..Family::default() });
                continue;
            }
            let family = families
                .last_mut()
                .filter(|family| family.name == name && family.samples.is_empty())
                .ok_or(line)?;
            match what {
                "TYPE" if family.kind.is_empty() => family.kind = rest.into(),
                "UNIT" if format == Format::OpenMetrics && name.ends_with(&format!("_{rest}")) => {
                    family.unit = rest.into();
                }
                _ => return Err(line.into()),
            }
        } else {
            let sample = sample(line).ok_or_else(|| format!("not a sample: {line}"))?;
            families.last_mut().ok_or(line)?.samples.push(sample);
        }
    }
    let names: BTreeSet<_> = families.iter().map(|family| &family.name).collect();
    if names.len() != families.len() {
        return Err("a family stands in two places".into());
    }
    families.iter().try_for_each(check)?;
    Ok(families)
}

fn sample(line: &str) -> Option<Sample> {
    let end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = Vec::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            let (label, after) = rest.split_once("=\"")?;
            let (value, after) = quoted(after)?;
            labels.push((word(label)?, value));
            rest = after;
            match rest.strip_prefix(',') {
                Some(next) => rest = next,
                None => break,
            }
        }
        rest = rest.strip_prefix('}')?;
    }
    let value = rest.strip_prefix(' ')?;
    let is_number = value.bytes().all(|byte| byte.is_ascii_digit() || b"+-.e".contains(&byte));
    let value = value.parse().ok().filter(|_| is_number)?;
    Some(Sample { name: word(name)?, labels, value })
}

fn word(text: &str) -> Option<String> {
    let is_ok = |(index, byte): (usize, u8)| {
        byte.is_ascii_alphabetic() || byte == b'_' || index > 0 && byte.is_ascii_digit()
    };
    (!text.is_empty() && text.bytes().enumerate().all(is_ok)).then(|| text.into())
}

/// A text up to its quote, and what comes after.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((index, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[index + 1..])),
            '\\' => value.push(match chars.next()?.1 {
                'n' => '\n',
                c @ ('"' | '\\') => c,
                _ => return None,
            }),
            c if c.is_control() => return None,
            c => value.push(c),
        }
    }
    None
}

fn check(family: &Family) -> Result<(), String> {
    let is_open = family.format == Some(Format::OpenMetrics);
    let name = &family.name;
    let ends: &[&str] = match family.kind.as_str() {
        "counter" if is_open => &["_total"],
        "info" if is_open => &["_info"],
        "histogram" => &["_bucket", "_sum", "_count"],
        "counter" | "gauge" => &[""],
        other => return Err(format!("{name}: no type {other}")),
    };
    let mut seen = BTreeSet::new();
    for sample in &family.samples {
        let end = sample.name.strip_prefix(name.as_str()).filter(|end| ends.contains(end));
        let end = end.ok_or_else(|| format!("{} is not of {name}", sample.name))?;
        let bounds = sample.labels.iter().filter(|(name, _)| name == "le").count();
        if bounds != usize::from(end == "_bucket") {
            return Err(format!("{name}: a bound is a bucket's"));
        }
        if (family.kind == "counter" || end == "_bucket" || end == "_count") && sample.value < 0.0 {
            return Err(format!("{name}: a count is not negative"));
        }
        let mut labels = sample.labels.clone();
        labels.sort();
        if !seen.insert((sample.name.clone(), labels)) {
            return Err(format!("{name}: a series stands twice"));
        }
    }
    if family.samples.is_empty() {
        return Err(format!("{name}: a head without samples"));
    }
    if family.kind == "histogram" { histograms(family) } else { Ok(()) }
}

/// Bound, name and value of one.
type Line<'a> = (Option<f64>, &'a str, f64);

/// Buckets go up by bound and count, end at infinity, and there is a sum and the count of all.
fn histograms(family: &Family) -> Result<(), String> {
    let mut groups: BTreeMap<Vec<_>, Vec<Line>> = BTreeMap::new();
    for sample in &family.samples {
        let (bounds, rest): (Vec<_>, Vec<_>) =
            sample.labels.iter().cloned().partition(|(name, _)| name == "le");
        let bound =
            bounds.first().map(|(_, bound)| bound.trim_start_matches('+').parse().map_err(|_| "no number"));
        groups.entry(rest).or_default().push((bound.transpose()?, &sample.name, sample.value));
    }
    for lines in groups.values() {
        let buckets: Vec<_> =
            lines.iter().filter_map(|(bound, _, value)| Some(((*bound)?, *value))).collect();
        let is_rising = buckets.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1);
        let ends: Vec<_> =
            lines.iter().filter(|line| line.0.is_none()).map(|(_, name, value)| (*name, *value)).collect();
        let last = buckets.last().filter(|(bound, _)| bound.is_infinite()).ok_or("no last bucket")?;
        let is_whole = matches!(&ends[..], [(sum, _), (count, all)]
            if sum.ends_with("_sum") && count.ends_with("_count") && all.to_bits() == last.1.to_bits());
        if !is_rising || !is_whole {
            return Err(format!("{}: {lines:?}", family.name));
        }
    }
    Ok(())
}
