/**
 * Colours and texts of the pictures, for light and for dark pages: a picture has a background of its own, and both change
 * together with what the reader's system prefers.
 */

import { init } from 'echarts';

/** Each colour on a light background, and what it becomes on a dark one. */
const DARK = {
  '#ffffff': '#14181d',
  '#222222': '#e6e8ea',
  '#5a5a5a': '#a6adb5',
  '#e4e4e4': '#343b43',
  // Okabe and Ito (2008): told apart also by people who do not see all colours.
  '#d55e00': '#ff8a3d',
  '#0072b2': '#59b4f0',
  '#009e73': '#3ecfa3',
  '#aa4a86': '#e08cc0',
  '#8a6d00': '#e0c04c',
  '#6b6b6b': '#b4b4b4',
};

export const BACKGROUND = '#ffffff';
export const INK = '#222222';
export const FAINT = '#5a5a5a';
export const RULE = '#e4e4e4';

/** Ours first; a series has a colour and a symbol of its own. */
export const LOOKS = [
  { color: '#d55e00', symbol: 'circle' },
  { color: '#0072b2', symbol: 'rect' },
  { color: '#009e73', symbol: 'triangle' },
  { color: '#aa4a86', symbol: 'diamond' },
  { color: '#8a6d00', symbol: 'roundRect' },
  { color: '#6b6b6b', symbol: 'pin' },
];

export const TEXT = { color: INK, fontFamily: 'sans-serif' };

export const WIDTH = 900;
export const TOP = 96;
export const BOTTOM = 92;

/** Without a DOM the width of a text is not known: of the wide ones of a sans-serif face, at 12 px. */
const LETTER = 6.9;

export const legend = {
  left: 16,
  bottom: 10,
  itemGap: 36,
  itemWidth: 12,
  itemHeight: 12,
  textStyle: { ...TEXT, fontSize: 12.5 },
};

/** Title, place and rows: what pictures have in common. */
export function frame({ title, subtitle, rows }, right) {
  const longest = Math.max(...rows.map((row) => row.length));
  return {
    animation: false,
    backgroundColor: BACKGROUND,
    title: {
      text: title,
      subtext: subtitle,
      left: 16,
      top: 12,
      textStyle: { ...TEXT, fontSize: 17 },
      subtextStyle: { ...TEXT, color: FAINT, fontSize: 12.5, lineHeight: 17 },
    },
    grid: { left: Math.round(longest * LETTER) + 20, right, top: TOP, bottom: BOTTOM },
    yAxis: {
      type: 'category',
      data: rows,
      inverse: true,
      axisLabel: { ...TEXT, fontSize: 12, interval: 0 },
      axisTick: { show: false },
      axisLine: { show: true, lineStyle: { color: INK } },
      splitLine: { show: true, interval: 0, lineStyle: { color: RULE } },
    },
  };
}

/** What axes of values have in common. */
export const valueAxis = (name) => ({
  name,
  nameLocation: 'middle',
  nameGap: 30,
  nameTextStyle: { ...TEXT, fontSize: 13 },
  axisLabel: { ...TEXT, fontSize: 12 },
  axisTick: { show: true },
  axisLine: { show: true, lineStyle: { color: INK } },
  splitLine: { show: true, lineStyle: { color: RULE } },
});

/** The picture of the options as an SVG. */
export function rendered(options, height) {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height });
  try {
    chart.setOption(options);
    return withDark(chart.renderToSVGString());
  } finally {
    chart.dispose();
  }
}

/** An SVG of light colours with the rules for dark ones. */
function withDark(svg) {
  const rules = Object.entries(DARK).flatMap(([light, dark]) =>
    ['fill', 'stroke'].map((part) => `[${part}="${light}"]{${part}:${dark}}`),
  );
  const style = `<style>@media (prefers-color-scheme:dark){${rules.join('')}}</style>`;
  return `${svg.replace(/^<svg[^>]*>/, (open) => `${open}\n${style}`)}\n`;
}
