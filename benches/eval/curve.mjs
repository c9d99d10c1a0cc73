/** The share of issues kept against the share of tokens, as a picture. Rendered without a DOM. */

import { init } from 'echarts';

const WIDTH = 880;
const HEIGHT = 560;
const TICKS = [5, 10, 20, 30, 50];
const LOWEST_PERCENT = 60;
/** Wide: without a DOM, texts are taken to be narrower than they are. */
const LEGEND_GAP = 44;
/** Told apart by people who do not see all colours (Okabe and Ito 2008), and by their markers. */
const LOOKS = {
  filterBlocks: { color: '#d55e00', symbol: 'circle' },
  filterWhole: { color: '#0072b2', symbol: 'rect' },
  bm25Names: { color: '#009e73', symbol: 'triangle' },
  bm25: { color: '#6b6b6b', symbol: 'diamond' },
};
const NEEDED = 'needed: every file of the fix, whole; of blocks: every line of the functions that the fix edits';

const text = { color: '#222', fontFamily: 'sans-serif' };
const axis = {
  nameLocation: 'middle',
  nameTextStyle: { ...text, fontSize: 14 },
  axisLabel: { ...text, fontSize: 13, formatter: '{value} %' },
  axisLine: { show: true, lineStyle: { color: '#222' } },
  axisTick: { show: true },
  splitLine: { show: true, lineStyle: { color: '#e4e4e4' } },
};

/** The SVG of a report's ways. */
export function curveSvg({ agent, issues, projects, ways }) {
  const lowest = Math.min(...ways.flatMap(({ kept }) => Object.values(kept))) * 100;
  const drawn = Object.keys(LOOKS).flatMap((key) => ways.filter((way) => way.key === key));
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT });
  chart.setOption({
    animation: false,
    backgroundColor: '#fff',
    title: {
      text: 'Issues whose fix is in what is kept of the sources',
      subtext: `n = ${issues} issues of ${projects.length} projects; agent ${agent}\n${NEEDED}`,
      left: 'center',
      top: 12,
      textStyle: { ...text, fontSize: 18 },
      subtextStyle: { ...text, fontSize: 13, lineHeight: 18 },
    },
    legend: {
      left: 'center',
      bottom: 12,
      itemWidth: 32,
      itemGap: LEGEND_GAP,
      textStyle: { ...text, fontSize: 13 },
      data: drawn.map(({ title }) => title),
    },
    grid: { left: 78, right: 32, top: 96, bottom: 98 },
    xAxis: {
      ...axis,
      type: 'log',
      name: 'tokens allowed, share of all (logarithmic)',
      nameGap: 34,
      min: TICKS[0],
      max: TICKS.at(-1),
      axisLabel: { ...axis.axisLabel, customValues: TICKS },
      axisTick: { ...axis.axisTick, customValues: TICKS },
    },
    yAxis: {
      ...axis,
      type: 'value',
      name: 'share of issues',
      nameGap: 52,
      min: Math.max(0, Math.min(LOWEST_PERCENT, Math.floor(lowest / 10) * 10)),
      max: 100,
      interval: 10,
    },
    series: drawn.map((way) => ({
      type: 'line',
      name: way.title,
      symbolSize: 10,
      lineStyle: { width: 2.5 },
      itemStyle: { color: LOOKS[way.key].color },
      symbol: LOOKS[way.key].symbol,
      data: Object.entries(way.kept)
        .map(([share, kept]) => [Number(share) * 100, kept * 100])
        .sort(([a], [b]) => a - b),
    })),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}
