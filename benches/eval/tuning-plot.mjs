/** Hit rate and size of L1 over the requests, as a picture: tuned, configured, best fixed. */

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP] = [900, 560, 64, 16, 64];
const PANELS = [
  { top: TOP, height: 280, title: 'hits in memory, % of the lookups' },
  { top: TOP + 330, height: 110, title: 'MB in L1' },
];
/** Told apart without all colours (Okabe and Ito 2008), and by their dashes. */
const LOOKS = {
  tuned: { color: '#d55e00', dash: '' },
  configured: { color: '#6b6b6b', dash: '2 3' },
  best: { color: '#0072b2', dash: '7 3' },
};

/** Mean of neighbours, so that lines can be followed. */
function smooth(values, reach = 1) {
  return values.map((_, at) => {
    const near = values.slice(Math.max(0, at - reach), at + reach + 1);
    return near.reduce((sum, value) => sum + value, 0) / near.length;
  });
}

/** The SVG of three runs. */
export function tuningSvg({ tuned, configured, best, phases, every }) {
  const runs = Object.entries({ tuned, configured, best });
  const last = Math.max(...tuned.steps.map(({ at }) => at), every);
  const x = (at) => LEFT + (at / last) * (WIDTH - LEFT - RIGHT);
  const parts = [];
  const say = (text, left, top, more = '') =>
    parts.push(`<text x="${left.toFixed(1)}" y="${top.toFixed(1)}" font-size="13" ${more}>${text}</text>`);
  PANELS.forEach(({ top, height, title }, panel) => {
    const of = (step) => (panel === 0 ? step.l1HitRate * 100 : step.mb);
    const most = panel === 0 ? 100 : Math.max(...runs.flatMap(([, run]) => run.steps.map(of))) * 1.05;
    const y = (value) => top + height * (1 - value / most);
    for (let tick = 0; tick <= 4; tick++) {
      const value = (most * tick) / 4;
      parts.push(`<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(value)}" y2="${y(value)}" stroke="#e4e4e4"/>`);
      say(panel === 0 ? value.toFixed(0) : value.toFixed(1), LEFT - 8, y(value) + 4, 'text-anchor="end"');
    }
    say(title, LEFT, top - 8);
    for (const [name, run] of runs) {
      const values = smooth(run.steps.map(of), panel === 0 ? 1 : 0);
      const points = run.steps.map(({ at }, step) => `${x(at).toFixed(1)},${y(values[step]).toFixed(1)}`).join(' ');
      const { color, dash } = LOOKS[name];
      parts.push(
        `<polyline points="${points}" fill="none" stroke="${color}" stroke-width="2" stroke-dasharray="${dash}"/>`,
      );
    }
    let begun = 0;
    for (const { name, ids } of phases) {
      if (begun > 0) {
        parts.push(`<line x1="${x(begun)}" x2="${x(begun)}" y1="${top}" y2="${top + height}" stroke="#222"/>`);
      }
      if (panel === 0) say(name, x(begun) + 4, top + height - 6, 'fill="#444"');
      begun += ids.length;
    }
  });
  runs.forEach(([name, run], at) => {
    const left = LEFT + at * 250;
    const { color, dash } = LOOKS[name];
    const line = `<line x1="${left}" x2="${left + 32}" y1="24" y2="24" stroke="${color}" stroke-width="3"`;
    parts.push(`${line} stroke-dasharray="${dash}"/>`);
    say(name === 'best' ? `best fixed (${run.name})` : name, left + 40, 28);
  });
  say(`requests, to ${last.toLocaleString('en-US')}`, LEFT, HEIGHT - 8);
  const open = `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" font-family="sans-serif">`;
  return `${open}\n<rect width="100%" height="100%" fill="#fff"/>\n${parts.join('\n')}\n</svg>\n`;
}
