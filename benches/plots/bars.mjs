/** Counts that add up to a whole, as stacked bars from 0. */

import { BACKGROUND, BOTTOM, frame, legend, rendered, TOP, valueAxis } from './look.mjs';

const ROW = 40;

/**
 * @param {{ title: string, subtitle: string, axis: string, rows: string[],
 *   parts: { name: string, look: { color: string }, values: number[] }[] }} picture
 * @returns {{ title: string, svg: string }}
 */
export function barsSvg(picture) {
  const { axis, rows, parts } = picture;
  const drawn = parts.filter(({ values }) => values.some(Boolean));
  const options = {
    ...frame(picture, 40),
    legend,
    xAxis: { ...valueAxis(axis), type: 'value', min: 0, minInterval: 1 },
    series: drawn.map(({ name, values, look }) => ({
      type: 'bar',
      name,
      stack: 'all',
      barWidth: 22,
      itemStyle: { color: look.color },
      data: values.map((value) => value || null),
      label: { show: true, color: BACKGROUND, fontFamily: 'sans-serif', fontSize: 12 },
    })),
  };
  return { title: picture.title, svg: rendered(options, TOP + rows.length * ROW + BOTTOM) };
}
