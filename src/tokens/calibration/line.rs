//! The estimates: a model's line from many agents, an agent's from its own reports.

use std::collections::VecDeque;

/// How far a report may be from what was expected, as a factor either way, before a second one has to agree with it. One
/// call rarely changes a prompt's error by half; slips (characters for tokens, a lost zero, a total) are beyond it.
const GATE: f64 = 1.5;

/// The same for the first report of an agent, about which only the model is known: beyond it the report waits for a
/// second one before it counts for the model's intercept.
const FIRST_GATE: f64 = 3.0;

/// Worth of the prior that a model's slope is 1, in tokens counted.
const SLOPE_PRIOR: f64 = 500.0;

/// Worth of the model's slope as a prior for an agent's, in tokens counted, when no other agent has been seen.
const AGENT_PRIOR: f64 = 300.0;

/// How that worth grows with each token that other agents counted, and how far. The text of two agents of a model differs
/// more than either is uncertain, so it stops where an agent knows better itself.
const AGENT_PRIOR_GROWTH: f64 = 0.25;
const AGENT_PRIOR_MAX: f64 = 15_000.0;

/// Most tokens that one agent counts for in its model's slope.
const AGENT_WEIGHT_MAX: f64 = 20_000.0;

/// Tokens after which an agent's past counts half.
const FORGET_AFTER: f64 = 400_000.0;

/// Agents that a model's slope, and first reports that its intercept is taken from: the last ones.
const LINES: usize = 32;
const FIRSTS: usize = 16;

/// Agents whose slope is further from the median than by this factor do not count for the model's.
const SLOPE_GATE: f64 = 1.25;

/// Slopes that occur: from no script to the most fragmenting tokenizer.
const SLOPES: (f64, f64) = (0.25, 4.0);

/// One report.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    /// What was counted.
    pub(super) count: f64,
    /// What was reported.
    pub(super) tokens: f64,
}

/// Sum of an agent's differences: tokens counted and, for them, reported.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    counted: f64,
    reported: f64,
}

impl Sum {
    fn add(&mut self, other: Self) {
        self.counted += other.counted;
        self.reported += other.reported;
    }

    fn scaled(self, by: f64) -> Self {
        Self { counted: self.counted * by, reported: self.reported * by }
    }

    /// What it counts for in the model.
    fn weighted(self) -> Self {
        self.scaled((AGENT_WEIGHT_MAX / self.counted).min(1.0))
    }

    /// Its slope, drawn to `prior` as if that had been seen over `worth` tokens.
    fn slope(self, prior: f64, worth: f64) -> f64 {
        ((self.reported + prior * worth) / (self.counted + worth)).clamp(SLOPES.0, SLOPES.1)
    }
}

/// What is known about a model.
#[derive(Debug)]
pub(super) struct Known {
    is_exact: bool,
    /// By agent, as the serial number of its track.
    sums: VecDeque<(u64, Sum)>,
    firsts: VecDeque<Point>,
    serial: u64,
    /// Over the agents that agree; derived from `sums`.
    pooled: Sum,
    /// The slopes that agree; derived from `sums`.
    agreeing: (f64, f64),
    /// Derived from `pooled` and `firsts`.
    slope: f64,
    intercept: f64,
}

impl Known {
    pub(super) fn new(is_exact: bool) -> Self {
        Self {
            is_exact,
            sums: VecDeque::new(),
            firsts: VecDeque::new(),
            serial: 0,
            pooled: Sum::default(),
            agreeing: SLOPES,
            slope: 1.0,
            intercept: 0.0,
        }
    }

    /// Bytes that it holds.
    pub(super) fn held_bytes(&self) -> usize {
        self.sums.capacity() * size_of::<(u64, Sum)>() + self.firsts.capacity() * size_of::<Point>()
    }

    pub(super) fn is_exact(&self) -> bool {
        self.is_exact
    }

    pub(super) fn slope(&self) -> f64 {
        self.slope
    }

    pub(super) fn intercept(&self) -> f64 {
        self.intercept
    }

    /// What to expect of an agent that is not known.
    pub(super) fn at(&self, count: f64) -> f64 {
        if self.firsts.is_empty() {
            return count;
        }
        // A negative intercept must not take a short prompt below its own text.
        (self.slope * count + self.intercept).max(self.slope.min(1.0) * count)
    }

    fn note_first(&mut self, point: Point) {
        if self.firsts.len() == FIRSTS {
            self.firsts.pop_front();
        }
        self.firsts.push_back(point);
        self.derive();
    }

    fn note_sum(&mut self, serial: u64, sum: Sum) {
        if let Some((_, known)) = self.sums.iter_mut().find(|(known, _)| *known == serial) {
            *known = sum;
        } else {
            if self.sums.len() == LINES {
                self.sums.pop_front();
            }
            self.sums.push_back((serial, sum));
        }
        self.derive();
    }

    fn derive(&mut self) {
        if !self.is_exact {
            let mut slopes: Vec<(f64, f64)> = self
                .sums
                .iter()
                .map(|(_, sum)| (sum.reported / sum.counted, sum.weighted().counted))
                .collect();
            if let Some(middle) = weighted_median(&mut slopes) {
                self.agreeing = (middle / SLOPE_GATE, middle * SLOPE_GATE);
            }
            let mut pooled = Sum::default();
            for (_, sum) in self.sums.iter().filter(|(_, sum)| self.agrees(*sum)) {
                pooled.add(sum.weighted());
            }
            self.pooled = pooled;
            self.slope = self.pooled.slope(1.0, SLOPE_PRIOR);
        }
        let mut intercepts: Vec<f64> =
            self.firsts.iter().map(|first| first.tokens - self.slope * first.count).collect();
        self.intercept = median(&mut intercepts).unwrap_or(0.0);
    }

    fn agrees(&self, sum: Sum) -> bool {
        let slope = sum.reported / sum.counted;
        self.agreeing.0 <= slope && slope <= self.agreeing.1
    }

    /// The slope of one agent: its own, drawn to that of the others.
    fn slope_of(&self, serial: u64, own: Sum) -> f64 {
        if self.is_exact {
            return 1.0;
        }
        let mut others = self.pooled;
        // Its own share of the pool is no second witness.
        if let Some((_, sum)) = self.sums.iter().find(|(known, sum)| *known == serial && self.agrees(*sum)) {
            others.add(sum.weighted().scaled(-1.0));
        }
        let seen = others.counted.max(0.0);
        let worth = (AGENT_PRIOR + AGENT_PRIOR_GROWTH * seen).min(AGENT_PRIOR_MAX);
        own.slope(others.slope(1.0, SLOPE_PRIOR), worth)
    }
}

/// What is known about an agent of a model.
#[derive(Debug)]
pub(super) struct Track {
    serial: u64,
    sum: Sum,
    /// The report with the lowest count: where a conversation that begins anew stands.
    low: Point,
    last: Point,
    /// A report that was far from the expected.
    suspect: Option<Point>,
    /// Whether a second report agreed.
    is_confirmed: bool,
    /// Whether its first report counts for the model's intercept.
    is_first_noted: bool,
    /// Tick of the last use.
    pub(super) used: u64,
}

impl Track {
    pub(super) fn new(known: &mut Known, first: Point, tick: u64) -> Self {
        known.serial += 1;
        let is_first_noted = agree(known.at(first.count), first.tokens, FIRST_GATE);
        if is_first_noted {
            known.note_first(first);
        }
        Self {
            serial: known.serial,
            sum: Sum::default(),
            low: first,
            last: first,
            suspect: None,
            is_confirmed: false,
            is_first_noted,
            used: tick,
        }
    }

    /// What to expect of a call with that count: beyond the last report and below the lowest one along the slope, between them
    /// along the line through both, because that is where the conversation has been.
    pub(super) fn at(&self, known: &Known, count: f64) -> f64 {
        let slope = known.slope_of(self.serial, self.sum);
        let (low, last) = (self.low, self.last);
        if count >= last.count {
            return last.tokens + slope * (count - last.count);
        }
        if count <= low.count {
            // Where the slope would lead below nothing, in proportion.
            let share = (low.tokens / low.count).min(slope) * count;
            return (low.tokens - slope * (low.count - count)).max(share);
        }
        low.tokens + (last.tokens - low.tokens) * (count - low.count) / (last.count - low.count)
    }

    /// Takes in a report; `false` if it is set aside as an outlier.
    pub(super) fn take(&mut self, known: &mut Known, point: Point) -> bool {
        if agree(self.at(known, point.count), point.tokens, GATE) {
            self.step(known, point);
            return true;
        }
        if let Some(suspect) = self.suspect.take() {
            let slope = known.slope_of(self.serial, self.sum);
            let expected = suspect.tokens + slope * (point.count - suspect.count);
            if agree(expected, point.tokens, GATE) {
                // Two against one: the level has changed. What lies between the levels says nothing about the slope.
                self.low = if suspect.count < point.count { suspect } else { point };
                self.last = suspect;
                self.step(known, point);
                return true;
            }
        }
        if !self.is_confirmed && distance(known, point) < distance(known, self.last) {
            // One against one: the likelier stays.
            self.suspect = Some(self.last);
            (self.low, self.last) = (point, point);
        } else {
            self.suspect = Some(point);
        }
        false
    }

    fn step(&mut self, known: &mut Known, point: Point) {
        self.suspect = None;
        self.is_confirmed = true;
        if !self.is_first_noted {
            self.is_first_noted = true;
            known.note_first(self.low);
        }
        // Counted by length, so that a conversation that shrinks tells as much as one that grows.
        let counted = (point.count - self.last.count).abs();
        let reported = (point.tokens - self.last.tokens) * (point.count - self.last.count).signum();
        if counted > 0.0 {
            self.sum.add(Sum { counted, reported });
            if self.sum.counted > FORGET_AFTER {
                self.sum = self.sum.scaled(0.5);
            }
            known.note_sum(self.serial, self.sum);
        }
        self.last = point;
        if point.count <= self.low.count {
            self.low = point;
        }
    }
}

/// Whether two numbers of tokens are within a factor of each other.
fn agree(expected: f64, reported: f64, factor: f64) -> bool {
    expected > 0.0 && expected <= reported * factor && reported <= expected * factor
}

/// How unlikely a report is by what is known about the model.
fn distance(known: &Known, point: Point) -> f64 {
    (point.tokens / known.at(point.count)).ln().abs()
}

/// The middle value, or the mean of the two in the middle.
pub(super) fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let half = values.len() / 2;
    let upper = *values.get(half)?;
    Some(if values.len().is_multiple_of(2) { f64::midpoint(values[half - 1], upper) } else { upper })
}

/// The value at which half of the weight is reached.
fn weighted_median(values: &mut [(f64, f64)]) -> Option<f64> {
    values.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let half = values.iter().map(|(_, weight)| weight).sum::<f64>() / 2.0;
    let mut reached = 0.0;
    let at_half = values.iter().find(|(_, weight)| {
        reached += weight;
        reached >= half
    });
    at_half.map(|(value, _)| *value)
}
