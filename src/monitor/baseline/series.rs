//! One series of values: what is usual for it, and whether it is worse than that for long enough to say so.

use std::collections::VecDeque;

use super::robust::{center_and_sigma, median};
use super::rule::Rule;

const MINUTE_MS: u64 = 60_000;
/// Values are kept for a day, which is also how long a degradation lasts at most before it is what is usual.
const DAY_MINUTES: u32 = 1_440;
const HOUR_MINUTES: u32 = 60;
/// Days of which the hours are known, so that weekends do not hide what is usual on weekdays.
const DAYS: usize = 7;
const HOURS: usize = (DAYS + 1) * 24;
/// Values that are not part of the baseline yet: those that a degradation is found by.
const YOUNG: usize = 10;
/// An hour of values: fewer do not show how they hang together.
const ENOUGH: usize = 60;
/// The state now is the median of so many values: one wild one is none.
const CURRENT: usize = 5;
/// Standard deviation of the median of five independent, normally distributed values, of theirs.
const SIGMA_OF_MEDIAN: f64 = 0.5356;
/// What is usual does not change from one value of a day to the next.
const LEARN_EVERY: u32 = 10;
/// Without a value for so long there is nothing to be worse than usual.
const STALE_MS: u64 = 3_600_000;

/// What is usual.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Usual {
    /// The median.
    pub(super) center: f64,
    /// How far from it is too far, scaled as the rule says.
    pub(super) distance: f64,
}

/// What the last day says, scaled.
#[derive(Debug, Clone, Copy)]
struct Learnt {
    center: f64,
    /// Standard deviation of the medians of five, over the day.
    sigma: f64,
    /// The same within hours: without what changes by the time of day.
    near: f64,
}

/// A time in which a series was worse than usual.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Episode {
    /// What was usual when it began.
    pub(super) usual: Usual,
    /// When the first value was too far, Unix ms.
    pub(super) since_ms: u64,
    /// The last median of five values.
    pub(super) current: f64,
}

/// What a value, or the lack of any, brought about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Edge {
    /// It is worse than usual from now on.
    Began(Episode),
    /// It no longer is, see [`super::End`].
    Ended(Episode, super::End),
}

/// A value and when it was; of an hour its number instead.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Value {
    pub(super) minute: u32,
    pub(super) value: f32,
}

/// What of a series survives a restart.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) values: Vec<Value>,
    pub(super) hours: Vec<Value>,
    pub(super) spoilt: Vec<(u32, u32)>,
    pub(super) episode: Option<Episode>,
}

/// One series.
#[derive(Debug)]
pub(super) struct Series {
    rule: Rule,
    /// Of the last day, oldest first.
    values: VecDeque<Value>,
    /// Medians of the hours of the last week that had values enough, oldest first.
    hours: VecDeque<Value>,
    /// From when until when values were worse than usual: those are no part of the baseline. In order.
    spoilt: Vec<(u32, u32)>,
    episode: Option<Episode>,
    learnt: Option<Learnt>,
    /// Values until it is learnt anew.
    due_in: u32,
    /// Values in a row that were too far, and when the first was.
    row: u32,
    row_from_ms: u64,
    last_ms: u64,
}

impl Series {
    pub(super) fn new(rule: Rule) -> Self {
        Self {
            rule,
            values: VecDeque::new(),
            hours: VecDeque::new(),
            spoilt: Vec::new(),
            episode: None,
            learnt: None,
            due_in: 0,
            row: 0,
            row_from_ms: 0,
            last_ms: 0,
        }
    }

    /// Adds a value, which is not negative. Times do not go back; what comes too early is left out.
    pub(super) fn add(&mut self, at_ms: u64, value: f64) -> Option<Edge> {
        let minute = minute_of(at_ms);
        if self.values.back().is_some_and(|last| minute < last.minute) || !value.is_finite() || value < 0.0 {
            return None;
        }
        self.last_ms = at_ms;
        self.end_hour(minute);
        self.forget_before((minute + 1).saturating_sub(DAY_MINUTES));
        if self.values.len() == self.values.capacity() {
            // Not twice as many: a day is all there will be.
            self.values.reserve_exact(DAY_MINUTES as usize / 8);
        }
        #[expect(clippy::cast_possible_truncation, reason = "seven digits are more than a percentile has")]
        self.values.push_back(Value { minute, value: value as f32 });
        let current = self.current()?;
        match self.episode {
            Some(episode) => self.go_on(at_ms, Episode { current, ..episode }),
            None => self.compare(at_ms, current),
        }
    }

    /// Looks whether there was no value for too long.
    pub(super) fn look(&mut self, now_ms: u64) -> Option<Edge> {
        if self.episode.is_none() || now_ms.saturating_sub(self.last_ms) < STALE_MS {
            return None;
        }
        Some(Edge::Ended(self.end()?, super::End::Quiet))
    }

    pub(super) fn episode(&self) -> Option<&Episode> {
        self.episode.as_ref()
    }

    /// When the last value came, Unix ms.
    pub(super) fn last_ms(&self) -> u64 {
        self.last_ms
    }

    pub(super) fn values(&self) -> &VecDeque<Value> {
        &self.values
    }

    pub(super) fn hours(&self) -> &VecDeque<Value> {
        &self.hours
    }

    pub(super) fn spoilt(&self) -> &[(u32, u32)] {
        &self.spoilt
    }

    /// Takes up what was kept; what is out of order, no number or after `now_ms` is left out.
    pub(super) fn restored(rule: Rule, now_ms: u64, kept: &Kept) -> Self {
        let mut series = Self::new(rule);
        let now = minute_of(now_ms);
        sound(&mut series.values, &kept.values, now, DAY_MINUTES as usize);
        sound(&mut series.hours, &kept.hours, now / HOUR_MINUTES, HOURS);
        series.last_ms = series.values.back().map_or(0, |last| u64::from(last.minute) * MINUTE_MS);
        let in_order = |(from, until): &&(u32, u32)| from <= until && *until <= now;
        series.spoilt = kept.spoilt.iter().filter(in_order).take(DAY_MINUTES as usize).copied().collect();
        let is_sound = |episode: &Episode| {
            let Episode { usual: Usual { center, distance }, since_ms, current } = *episode;
            [center, distance, current].iter().all(|value| value.is_finite() && *value >= 0.0)
                && since_ms <= now_ms
        };
        series.episode = kept.episode.filter(is_sound);
        series.forget_before((now + 1).saturating_sub(DAY_MINUTES));
        series
    }

    pub(super) fn held_bytes(&self) -> usize {
        (self.values.capacity() + self.hours.capacity()) * size_of::<Value>()
            + self.spoilt.capacity() * size_of::<(u32, u32)>()
    }

    /// What is usual; `None` before there is enough to say.
    fn learn(&self) -> Option<Learnt> {
        let known = self.values.len().checked_sub(YOUNG).filter(|known| *known >= ENOUGH)?;
        let mut spoilt = self.spoilt.iter().peekable();
        let mut values = Vec::with_capacity(known);
        for Value { minute, value } in self.values.iter().take(known) {
            while spoilt.next_if(|(_, until)| until < minute).is_some() {}
            if spoilt.peek().is_none_or(|(from, _)| minute < from) {
                values.push(f64::from(*value));
            }
        }
        if values.len() < ENOUGH {
            return None;
        }
        for value in &mut values {
            *value = self.rule.scaled(*value);
        }
        // What is compared is a median of five, so that is what is to be known the spread of. Its own says how values hang
        // together; by that of single ones it is known while there are few.
        let median_of = |five: &[f64]| median(&mut <[f64; CURRENT]>::try_from(five).ok()?);
        let mut medians: Vec<f64> = values.windows(CURRENT).filter_map(median_of).collect();
        let near = {
            let mut from_center = medians.clone();
            for hour in from_center.chunks_mut(HOUR_MINUTES as usize) {
                let center = median(&mut hour.to_vec())?;
                for value in hour {
                    *value -= center;
                }
            }
            center_and_sigma(&mut from_center)?.1
        };
        let (_, of_medians) = center_and_sigma(&mut medians)?;
        let (center, of_values) = center_and_sigma(&mut values)?;
        Some(Learnt { center, sigma: of_medians.max(of_values * SIGMA_OF_MEDIAN), near })
    }

    /// What is usual at this time: what was reached at about this hour on two of the last seven days is. So work that is
    /// heavier by day is no degradation every morning, and one bad day does not hide the next.
    fn usual_at(&self, minute: u32) -> Option<Usual> {
        let learnt = self.learnt?;
        let hour = minute / HOUR_MINUTES;
        let mut worst = [f64::NEG_INFINITY; DAYS];
        for Value { minute: of_hour, value } in &self.hours {
            // From an hour before to an hour after, so many days ago.
            let ago = (hour + 1).saturating_sub(*of_hour);
            if let Some(of_day) =
                (ago % 24 <= 2).then(|| worst.get_mut((ago / 24).wrapping_sub(1) as usize)).flatten()
            {
                *of_day = of_day.max(self.rule.scaled(f64::from(*value)));
            }
        }
        worst.sort_unstable_by(|one, other| other.total_cmp(one));
        let (center, sigma) =
            if worst[1].is_finite() { (worst[1], learnt.near) } else { (learnt.center, learnt.sigma) };
        let unscaled = self.rule.unscaled(center);
        let least = (self.rule.share * unscaled).max(self.rule.least);
        let distance = (self.rule.sigmas * sigma).max(self.rule.scaled_distance(unscaled, least));
        Some(Usual { center: unscaled, distance })
    }

    /// Takes note of the hour of the last value, if `minute` is not of it.
    fn end_hour(&mut self, minute: u32) {
        let Some(hour) = self.values.back().map(|last| last.minute / HOUR_MINUTES) else { return };
        if hour == minute / HOUR_MINUTES {
            return;
        }
        let of_hour = self.values.iter().rev().take_while(|value| value.minute / HOUR_MINUTES == hour);
        let mut values: Vec<f64> = of_hour.map(|value| f64::from(value.value)).collect();
        if values.len() >= CURRENT
            && let Some(median) = median(&mut values)
        {
            if self.hours.len() >= HOURS {
                self.hours.pop_front();
            }
            #[expect(clippy::cast_possible_truncation, reason = "it was an f32")]
            self.hours.push_back(Value { minute: hour, value: median as f32 });
        }
    }

    fn current(&self) -> Option<f64> {
        let mut last = [0.0; CURRENT];
        let from = self.values.len().checked_sub(CURRENT)?;
        for (value, last) in self.values.range(from..).zip(&mut last) {
            *last = f64::from(value.value);
        }
        median(&mut last)
    }

    fn compare(&mut self, at_ms: u64, current: f64) -> Option<Edge> {
        if self.due_in == 0 {
            self.learnt = self.learn();
            self.due_in = LEARN_EVERY;
        }
        self.due_in -= 1;
        let usual = self.usual_at(minute_of(at_ms))?;
        if self.excess(usual, current) <= 1.0 {
            self.row = 0;
            return None;
        }
        if self.row == 0 {
            self.row_from_ms = at_ms;
        }
        self.row += 1;
        if self.row < self.rule.in_a_row {
            return None;
        }
        let episode = Episode { usual, since_ms: self.row_from_ms, current };
        self.episode = Some(episode);
        self.row = 0;
        Some(Edge::Began(episode))
    }

    fn go_on(&mut self, at_ms: u64, episode: Episode) -> Option<Edge> {
        self.episode = Some(episode);
        if self.excess(episode.usual, episode.current) <= 0.5 {
            return Some(Edge::Ended(self.end()?, super::End::Recovered));
        }
        if at_ms.saturating_sub(episode.since_ms) >= u64::from(DAY_MINUTES) * MINUTE_MS {
            self.episode = None;
            self.due_in = 0;
            // What is left of the day is what the baseline is made of from now on.
            self.spoilt.clear();
            self.hours.clear();
            return Some(Edge::Ended(episode, super::End::Usual));
        }
        None
    }

    /// By how much of the distance the value is worse than the center.
    fn excess(&self, usual: Usual, value: f64) -> f64 {
        let worse = self.rule.scaled(value) - self.rule.scaled(usual.center);
        if usual.distance > 0.0 { worse / usual.distance } else { 0.0 }
    }

    fn end(&mut self) -> Option<Episode> {
        let episode = self.episode.take()?;
        // The median of five is too far only with the third value that is.
        let from = minute_of(episode.since_ms).saturating_sub(2);
        self.spoilt.push((from, minute_of(self.last_ms)));
        Some(episode)
    }

    fn forget_before(&mut self, minute: u32) {
        while self.values.front().is_some_and(|first| first.minute < minute) {
            self.values.pop_front();
        }
        self.spoilt.retain(|(_, until)| *until >= minute);
    }
}

/// Those of `kept` that can be, `most` at most.
fn sound(values: &mut VecDeque<Value>, kept: &[Value], now: u32, most: usize) {
    for value in kept.iter().take(most) {
        let is_next = values.back().is_none_or(|last| last.minute <= value.minute);
        if is_next && value.minute <= now && value.value.is_finite() && value.value >= 0.0 {
            values.push_back(*value);
        }
    }
}

fn minute_of(at_ms: u64) -> u32 {
    u32::try_from(at_ms / MINUTE_MS).unwrap_or(u32::MAX - 1)
}

#[cfg(test)]
mod tests;
