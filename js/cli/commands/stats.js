'use strict';

/** The command `stats`: the figures once, or again and again with `--watch`. */

const { setTimeout: sleep } = require('node:timers/promises');
const { AgentwiseError } = require('../../errors.js');
const { failureText } = require('../failures.js');

const DEFAULT_SECONDS = 2;

/** A reading takes milliseconds; a day is as good as never. */
const [LEAST_SECONDS, MOST_SECONDS] = [0.1, 86_400];

module.exports = function add(program, { action, examples }) {
  program
    .command('stats')
    .description('hit rates, tokens saved, memory, agents, latency')
    .option('-w, --watch [seconds]', `again every so many seconds (default: ${DEFAULT_SECONDS}), until q or Ctrl-C`)
    .option('--offline', 'asks no running system and reads no stored state: makes one for the question')
    .addHelpText('after', examples('stats', 'stats --watch', 'stats --watch 0.5', 'stats --watch 10 --json'))
    .action(
      action(async (given) => {
        const { Readings } = require('../stats/readings.js');
        const readings = new Readings(given);
        if (given.options.watch !== undefined) return watch(given, readings, secondsOf(given.options.watch));
        const reading = await readings.next();
        const { dataOf, linesOf } = require('../stats/figures.js');
        return {
          data: { source: reading.source, pid: reading.pid, ...dataOf(reading), ...reading.besides },
          text: linesOf(reading, undefined, `source  ${reading.head}`, given.output).join('\n'),
        };
      }),
    );
};

function secondsOf(text) {
  if (text === true) return DEFAULT_SECONDS;
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (seconds >= LEAST_SECONDS && seconds <= MOST_SECONDS) return seconds;
  throw new AgentwiseError(
    'E_INVALID_ARGUMENT',
    `--watch must be a number of seconds from ${LEAST_SECONDS} to ${MOST_SECONDS}`,
  );
}

async function watch(given, readings, seconds) {
  const { output, options, signal } = given;
  const { Screen } = require('../stats/screen.js');
  const ending = new AbortController();
  const { signal: until } = ending;
  signal.addEventListener('abort', () => ending.abort());
  if (signal.aborted) return {};
  const screen = output.isTerminal && !options.json ? new Screen(() => ending.abort()) : null;
  const print = printerOf(given, screen, seconds);
  try {
    let before;
    let hasBegun = false;
    while (!until.aborted) {
      const reading = await readingOf(readings, hasBegun);
      hasBegun = true;
      print(reading, reading.pid === before?.pid ? before : undefined);
      before = reading.problem ? undefined : reading;
      await sleep(seconds * 1000, undefined, { signal: until }).catch(() => {});
    }
  } finally {
    screen?.close();
  }
  return {};
}

/**
 * A system that does not answer now may do so later: it is no reason to end. Neither is, once it has begun, a configuration with
 * which none can be made: somebody may be saving it.
 */
async function readingOf(readings, hasBegun) {
  try {
    return await readings.next();
  } catch (error) {
    if (error.code === 'E_NOT_AVAILABLE') return { source: 'live', head: error.message, problem: error.message };
    if (!hasBegun || !/^E_CONFIG_/.test(error.code)) throw error;
    return { source: 'created', head: failureText(error), problem: error.message };
  }
}

/** On a terminal the screen is drawn anew; else a block follows a block, or with `--json` a line a line. */
function printerOf({ output, options }, screen, seconds) {
  const { dataOf, linesOf } = require('../stats/figures.js');
  let isFirst = true;
  return (reading, before) => {
    const { source, pid, head, problem } = reading;
    if (options.json) {
      output.line(
        JSON.stringify(problem ? { source, error: problem } : { source, pid, ...dataOf(reading), ...reading.besides }),
      );
      return;
    }
    const title = `source  ${head}`;
    const lines = problem ? [title, 'no figures'] : linesOf(reading, before, title, output);
    if (screen) screen.show([lines[0], `${lines[1]}; every ${seconds} s, q ends`, ...lines.slice(2)]);
    else output.line([...(isFirst ? [] : ['']), ...lines].join('\n'));
    isFirst = false;
  };
}
