//! Applications that are not there: request times as they are met with, minute by minute, to see what is taken for a
//! degradation that is none, and how soon one is found.

use super::rule::Rule;
use super::series::{Edge, Series};
use super::window::{Latency, Part};

pub(super) const DAY: u64 = 1_440;
pub(super) const WEEK: u64 = 7 * DAY;
const SAMPLES: u64 = 6;

/// Repeatable numbers (xorshift64*, Vigna 2016).
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Box and Muller.
    fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.uniform()).ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// How long requests take, ms, while nothing is wrong.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// The usual one: logarithms are normal with this deviation.
    Lognormal(f64),
    /// Long tails: the chance of longer times falls with this power.
    Pareto(f64),
    /// This share of the requests takes a thousandth; how many wanders by two hundredths.
    Cached(f64),
}

/// How the application changes by itself.
#[derive(Debug, Clone, Copy)]
pub(super) enum Course {
    /// Not at all.
    Steady,
    /// Times wander by this deviation of their logarithm, over some ten minutes.
    Wandering(f64),
    /// Between night and day times double and requests quadruple.
    Daily,
    /// The same between eight and six, on weekdays only.
    Working,
    /// One minute in a hundred takes ten times as long.
    Spikes,
}

/// An application.
#[derive(Debug, Clone, Copy)]
pub(super) struct Application {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) course: Course,
    /// A minute, at the least busy time.
    pub(super) requests: u64,
}

pub(super) const APPLICATIONS: [Application; 10] = {
    use Course::{Daily, Spikes, Steady, Wandering, Working};
    use Shape::{Cached, Lognormal, Pareto};
    const fn of(name: &'static str, shape: Shape, course: Course, requests: u64) -> Application {
        Application { name, shape, course, requests }
    }
    [
        of("steady, 300 requests a minute", Lognormal(0.8), Steady, 300),
        of("steady, 30 a minute", Lognormal(0.8), Steady, 30),
        of("steady, 3 a minute", Lognormal(0.8), Steady, 3),
        of("wandering by 15 %", Lognormal(0.8), Wandering(0.15), 60),
        of("wandering by 30 %", Lognormal(0.8), Wandering(0.3), 60),
        of("twice as slow by day", Lognormal(0.8), Daily, 30),
        of("twice as slow in working hours", Lognormal(0.8), Working, 30),
        of("long tails (Pareto, 1.5)", Pareto(1.5), Steady, 60),
        of("minutes ten times as slow", Lognormal(0.8), Spikes, 60),
        of("hits of a cache, 90 %", Cached(0.9), Steady, 60),
    ]
};

/// Runs an application.
pub(super) struct Run {
    application: Application,
    chance: Chance,
    window: Latency,
    pub(super) series: Series,
    wandered: f64,
    mix: f64,
    pub(super) minute: u64,
}

impl Run {
    pub(super) fn new(application: Application, rule: Rule, seed: u64) -> Self {
        Self {
            application,
            chance: Chance::new(seed),
            window: Latency::default(),
            series: Series::new(rule),
            wandered: 0.0,
            mix: 0.0,
            minute: 0,
        }
    }

    /// One minute, in which everything takes `slower` times as long as it should.
    pub(super) fn minute(&mut self, slower: f64) -> Option<Edge> {
        // It wanders back within ten minutes or so.
        const BACK: f64 = 0.9;
        let spread = (1.0 - BACK * BACK).sqrt();
        self.wandered = BACK * self.wandered + spread * self.chance.normal();
        self.mix = BACK * self.mix + spread * self.chance.normal();
        let of_day = (self.minute % DAY) as f64 / DAY as f64;
        let (level, busy) = match self.application.course {
            Course::Steady => (1.0, 1.0),
            Course::Wandering(deviation) => ((deviation * self.wandered).exp(), 1.0),
            Course::Daily => {
                let day = 0.5 - 0.5 * (std::f64::consts::TAU * of_day).cos();
                (1.0 + day, 1.0 + 3.0 * day)
            }
            Course::Working => {
                let is_weekend = self.minute / DAY % 7 >= 5;
                // An hour from one to the other.
                let by_hour = ((of_day * 24.0 - 7.5).min(18.5 - of_day * 24.0)).clamp(0.0, 1.0);
                let day = if is_weekend { 0.0 } else { by_hour };
                (1.0 + day, 1.0 + 3.0 * day)
            }
            Course::Spikes => (if self.chance.uniform() < 0.01 { 10.0 } else { 1.0 }, 1.0),
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let requests = (self.application.requests as f64 * busy) as u64;
        let mut edge = None;
        for sample in 0..SAMPLES {
            // As many in each sample, the rest where it falls.
            let rest = u64::from(self.chance.uniform() < (requests % SAMPLES) as f64 / SAMPLES as f64);
            let count = requests / SAMPLES + rest;
            let mut times: Vec<f64> = (0..count).map(|_| self.time() * level * slower).collect();
            if times.is_empty() {
                continue;
            }
            times.sort_unstable_by(f64::total_cmp);
            let at_ms = self.minute * 60_000 + (sample + 1) * 10_000;
            let value = self.window.add(at_ms, 10_000, part(&times));
            edge = edge.or(value.and_then(|value| self.series.add(at_ms, value)));
        }
        self.minute += 1;
        edge
    }

    fn time(&mut self) -> f64 {
        const MS: f64 = 100.0;
        match self.application.shape {
            Shape::Lognormal(deviation) => MS * (deviation * self.chance.normal()).exp(),
            Shape::Pareto(power) => MS * (1.0 - self.chance.uniform()).powf(-1.0 / power),
            Shape::Cached(hits) => {
                let is_hit = self.chance.uniform() < hits + 0.02 * self.mix;
                MS * (0.5 * self.chance.normal()).exp() * if is_hit { 0.001 } else { 1.0 }
            }
        }
    }
}

fn part(times: &[f64]) -> Part {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank")]
    let at = |share: f64| times[(times.len() as f64 * share).ceil() as usize - 1];
    Part { count: times.len() as u64, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1.0) }
}

/// Degradations that are none, in so many weeks.
pub(super) fn false_alarms(application: Application, rule: Rule, weeks: u64, seed: u64) -> usize {
    let mut run = Run::new(application, rule, seed);
    (0..weeks * WEEK).filter(|_| matches!(run.minute(1.0), Some(Edge::Began(_)))).count()
}

/// Minutes until everything being `slower` from some time of the third day on is found, if it is within three hours.
pub(super) fn found_after(application: Application, rule: Rule, slower: f64, seed: u64) -> Option<u64> {
    let mut run = Run::new(application, rule, seed);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a minute")]
    let begins = 2 * DAY + (Chance::new(!seed).uniform() * DAY as f64) as u64;
    while run.minute < begins || run.series.episode().is_some() {
        run.minute(1.0);
    }
    let begins = run.minute;
    (0..180).find_map(|_| matches!(run.minute(slower), Some(Edge::Began(_))).then(|| run.minute - begins))
}
