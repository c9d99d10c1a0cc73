/**
 * Whether a figure grows. The first third of a run is warming up: caches fill, the allocator takes what it needs. Of the
 * rest the slope is Theil and Sen's, the median of the slopes between all pairs, which single peaks do not move; it counts
 * over the whole of that time. Beside it stand the medians of the second and of the last third.
 */

export function median(values) {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Most points of a trend: their pairs are looked at. */
const MOST_POINTS = 600;

/** Growth per second of `[seconds, value]`. */
export function slope(points) {
  const step = Math.ceil(points.length / MOST_POINTS);
  const some = points.filter((_, at) => at % step === 0);
  const slopes = [];
  for (let one = 0; one < some.length; one++) {
    for (let other = one + 1; other < some.length; other++) {
      slopes.push((some[other][1] - some[one][1]) / (some[other][0] - some[one][0]));
    }
  }
  return median(slopes);
}

/**
 * What a figure may grow by from the second third to the end, at least and per minute: RSS and the heap move by what the
 * allocator and the collector keep; of handles, descriptors and threads some are under way at any time.
 */
export const BOUNDS = {
  rssMb: { least: 48, perMinute: 1 },
  heapMb: { least: 6, perMinute: 0.25 },
  externalMb: { least: 8, perMinute: 0.25 },
  // Seven databases open readers when several are needed at once, and monitors, with theirs, are switched on and off.
  fds: { least: 24, perMinute: 0 },
  threads: { least: 8, perMinute: 0 },
  handles: { least: 8, perMinute: 0 },
  files: { least: 10, perMinute: 0 },
};

/** Seconds under which growth is shown and not judged: what warms up still does. */
export const SHORT = 180;

/** Growth of each figure of `samples` against its bound. */
export function trends(samples) {
  const from = samples[0].seconds + (samples.at(-1).seconds - samples[0].seconds) / 3;
  const rest = samples.filter(({ seconds }) => seconds >= from);
  const seconds = rest.at(-1).seconds - rest[0].seconds;
  const half = rest[0].seconds + seconds / 2;
  const found = {};
  for (const [figure, { least, perMinute }] of Object.entries(BOUNDS)) {
    const points = rest.filter((sample) => sample[figure] !== null).map((sample) => [sample.seconds, sample[figure]]);
    if (points.length < 4) continue;
    const values = points.map(([, value]) => value);
    const growth = slope(points) * seconds;
    const second = median(points.filter(([at]) => at < half).map(([, value]) => value));
    const last = median(points.filter(([at]) => at >= half).map(([, value]) => value));
    const bound = least + perMinute * (seconds / 60);
    found[figure] = {
      min: Math.min(...values),
      max: Math.max(...values),
      second,
      last,
      growth,
      bound,
      // Both have to say so: a step that is over has a slope, and a peak has a median.
      grows: growth > bound && last - second > bound / 2,
    };
  }
  return found;
}
