/** Figures over time as an SVG: one panel each, without a library. */

const PANELS = [
  ['rssMb', 'RSS, MB'],
  ['heapMb', 'V8 heap after a collection, MB'],
  ['externalMb', 'external, MB'],
  ['fds', 'file descriptors'],
  ['threads', 'threads'],
  ['files', 'files'],
  ['delayMs', 'longest event loop delay of each interval, ms'],
];
const WIDTH = 900;
const HEIGHT = 130;
const LEFT = 60;
const TOP = 26;

/** A round number at or over `value`. */
function roundUp(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((step) => step * power >= value) * power;
}

function panel(samples, [figure, title], at) {
  const points = samples.filter((sample) => sample[figure] !== null);
  if (points.length === 0) return '';
  const end = Math.max(...samples.map(({ seconds }) => seconds), 1);
  const top = roundUp(Math.max(...points.map((sample) => sample[figure])));
  const x = (seconds) => LEFT + (seconds / end) * (WIDTH - LEFT - 20);
  const y = (value) => TOP + (1 - value / top) * (HEIGHT - TOP - 16);
  const line = points.map((sample) => `${x(sample.seconds).toFixed(1)},${y(sample[figure]).toFixed(1)}`).join(' ');
  const rule = (value) =>
    `<line x1="${LEFT}" x2="${WIDTH - 20}" y1="${y(value)}" y2="${y(value)}" stroke="#ddd"/>` +
    `<text x="${LEFT - 6}" y="${y(value) + 4}" text-anchor="end">${Number(value.toPrecision(3))}</text>`;
  return `<g transform="translate(0 ${at * HEIGHT})"><text x="${LEFT}" y="16" font-weight="bold">${title}</text>
${[0, top / 2, top].map(rule).join('\n')}
<polyline points="${line}" fill="none" stroke="#1f6feb" stroke-width="1.2"/>
<text x="${WIDTH - 20}" y="${HEIGHT - 2}" text-anchor="end">${(end / 60).toFixed(1)} min</text></g>`;
}

export function plot(samples) {
  const height = PANELS.length * HEIGHT;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="11">
<rect width="100%" height="100%" fill="#fff"/>
${PANELS.map((each, at) => panel(samples, each, at)).join('\n')}
</svg>
`;
}
