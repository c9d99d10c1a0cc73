/** Values of several series in rows, as points on a logarithmic or linear axis, with the range of the rounds. */

import { BOTTOM, FAINT, frame, INK, LOOKS, legend, rendered, TEXT, TOP, valueAxis } from './look.mjs';

const SERIES_GAP = 13;
const ROW_PADDING = 14;

/** Ticks at 1, 2 and 5 of each decade, or at decades where these are many; the first and the last enclose all values. */
export function logTicks(low, high) {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const steps = Math.log10(high / low) > 2.5 ? [1] : [1, 2, 5];
  const all = [];
  for (let power = first; power <= last; power++) {
    for (const step of steps) all.push(Number((step * 10 ** power).toPrecision(1)));
  }
  const below = all.filter((tick) => tick <= low).length - 1;
  const above = all.findIndex((tick) => tick >= high);
  return all.slice(Math.max(0, below), above < 0 ? undefined : above + 1);
}

function axisOf({ name, isLog, format }, values) {
  const ticks = isLog ? logTicks(Math.min(...values), Math.max(...values)) : undefined;
  const axis = valueAxis(isLog ? `${name} (logarithmic)` : name);
  return {
    ...axis,
    type: isLog ? 'log' : 'value',
    min: ticks ? ticks[0] : 0,
    ...(ticks && { max: ticks.at(-1) }),
    axisLabel: { ...axis.axisLabel, formatter: format, ...(ticks && { customValues: ticks }) },
    axisTick: { ...axis.axisTick, ...(ticks && { customValues: ticks }) },
  };
}

/** Behind the points, from the 10th to the 90th percentile, and right of that the figure. */
const ranges = ({ name, points }, color, offset, format) => ({
  type: 'custom',
  name,
  silent: true,
  data: points.map(({ row, value, low = value, high = value }) => [low, row, high, value]),
  encode: { x: [0, 2], y: 1 },
  renderItem: (_params, api) => {
    const [from, middle] = api.coord([api.value(0), api.value(1)]);
    const [to] = api.coord([api.value(2), api.value(1)]);
    const y = middle + offset;
    const style = {
      text: format(api.value(3)),
      x: to + 10,
      y,
      verticalAlign: 'middle',
      fill: FAINT,
      font: '11px sans-serif',
    };
    return {
      type: 'group',
      children: [
        { type: 'line', shape: { x1: from, x2: to, y1: y, y2: y }, style: { stroke: color, lineWidth: 2 } },
        { type: 'text', style },
      ],
    };
  },
});

const dots = ({ name, points }, { color, symbol }, offset) => ({
  type: 'scatter',
  name,
  symbol,
  symbolSize: 9,
  symbolOffset: [0, offset],
  itemStyle: { color, opacity: 1 },
  data: points.map(({ row, value }) => [value, row]),
});

/** A line where both are the same, or a target. */
const marked = ({ value, label }) => ({
  type: 'scatter',
  data: [],
  markLine: {
    symbol: 'none',
    silent: true,
    animation: false,
    lineStyle: { color: INK, type: 'dashed', width: 1.2 },
    label: { formatter: label, position: 'start', ...TEXT, fontSize: 12 },
    data: [{ xAxis: value }],
  },
});

/**
 * @param {{ title: string, subtitle: string, axis: { name: string, isLog?: boolean, format: (value: number) => string },
 *   rows: string[], line?: { value: number, label: string },
 *   series: { name: string, points: { row: number, value: number, low?: number, high?: number }[] }[],
 *   isOneEach?: boolean }} picture series in the order of LOOKS, ours first; `isOneEach`: a row has a point of one of them only
 * @returns {{ title: string, svg: string }}
 */
export function dotsSvg(picture) {
  const { axis, rows, series, line, isOneEach } = picture;
  const lanes = isOneEach ? 1 : series.length;
  const rowHeight = lanes * SERIES_GAP + ROW_PADDING;
  const height = TOP + rows.length * rowHeight + BOTTOM;
  const values = series.flatMap(({ points }) => points.flatMap(({ value, low, high }) => [value, low, high]));
  const known = [...values, line?.value].filter((value) => value !== undefined);
  const offsetOf = (at) => (isOneEach ? 0 : (at - (lanes - 1) / 2) * SERIES_GAP);
  const drawn = series.flatMap((one, at) => [
    ranges(one, LOOKS[at].color, offsetOf(at), axis.format),
    dots(one, LOOKS[at], offsetOf(at)),
  ]);
  const options = {
    ...frame(picture, 72),
    legend: {
      ...legend,
      show: series.length > 1,
      data: series.map(({ name }, at) => ({ name, icon: LOOKS[at].symbol, itemStyle: { color: LOOKS[at].color } })),
    },
    xAxis: axisOf(axis, known),
    series: line ? [...drawn, marked(line)] : drawn,
  };
  return { title: picture.title, svg: rendered(options, height) };
}
