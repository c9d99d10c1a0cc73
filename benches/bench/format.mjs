/** Numbers and tables for people. */

export const megabytes = (bytes) => (bytes < 1e6 ? `${Math.round(bytes / 1e3)} KB` : `${(bytes / 1e6).toFixed(1)} MB`);
export const gigabytes = (bytes) => `${(bytes / 1e9).toFixed(1)} GB`;
export const times = (value) => `${value.toFixed(2)}×`;
export const percent = (share) => `${(share * 100).toFixed(1)} %`;
export const count = (value) => value.toLocaleString('en-US');

export function milliseconds(value) {
  if (value >= 1e4) return `${(value / 1e3).toFixed(0)} s`;
  if (value >= 100) return `${value.toFixed(0)} ms`;
  if (value >= 1) return `${value.toFixed(2)} ms`;
  if (value >= 1e-3) return `${(value * 1e3).toFixed(value >= 0.1 ? 0 : 1)} µs`;
  return `${(value * 1e6).toFixed(0)} ns`;
}

export const withSpread = (format) => (value) =>
  value ? `${format(value.median)} (${format(value.p10)}–${format(value.p90)})` : '–';

export const optional = (format) => (value) => (value === undefined || value === null ? '–' : format(value));

/** @param {{ title: string, columns: { key: string, title: string, format?: Function }[] }} layout */
export function table({ title, columns }, rows) {
  const cells = rows.map((row) => columns.map(({ key, format = String }) => format(row[key])));
  const widths = columns.map((column, at) => Math.max(column.title.length, ...cells.map((row) => row[at].length)));
  const line = (row) =>
    `  ${row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]) : cell.padStart(widths[at]))).join('   ')}`;
  return [
    title,
    line(columns.map((column) => column.title)),
    line(widths.map((width) => '─'.repeat(width))),
    ...cells.map(line),
  ].join('\n');
}

export function targetLine({ name, value, bound, limit, unit, met }) {
  const sign = { '<=': '≤', '<': '<', '>=': '≥' }[bound];
  return `  ${met ? 'met   ' : 'MISSED'}  ${name}: ${value.toFixed(2)} ${unit} (target ${sign} ${limit} ${unit})`;
}
