'use strict';

/**
 * Where the answers about a system come from: a system of this directory that runs, else the state that the last one left,
 * else one that is made for the question.
 */

const { AgentwiseError, messageOf } = require('../errors.js');
const { isAnswer } = require('../live/shape.js');
const { configurationOf } = require('./configuration.js');
const { duration, visible } = require('./text.js');

/** How long a running system may take to answer, ms. */
const ANSWER_MS = 1000;

/**
 * What a system is made with that only answers a question: it takes no port, sends nothing, and leaves nothing behind that
 * would be taken for the application's.
 */
const QUIET = {
  monitoring: { metricsPort: null, enableOtlpExport: false, persistMetrics: false, alertsEnabled: false },
};

const client = () => require('../live/client.js');

/** Systems that use `cacheDir`, those that answer first, the newest first; with `environment`, only the ones of it. */
async function systemsIn(cacheDir, environment, onIgnored) {
  if (cacheDir === null) return [];
  const systems = await client().findSystems(cacheDir, { timeoutMs: ANSWER_MS, onIgnored });
  // Whose environment is not known does not answer: it may be meant.
  return systems.filter((system) => environment === undefined || [environment, null].includes(system.environment));
}

/** What is told of an answer in another form than that of this package. */
const foreignText = (path, version) =>
  `answers ${path} in a form that is not known here (its version is ${visible(version ?? 'unknown')})`;

/**
 * Asks one system; what it does not answer is an `error`, with `isGone` where it has ended meanwhile, and `isForeign` where it
 * answers in a form that is not known here.
 */
async function asked(system, path) {
  const { pid, environment, startedAt, project } = system;
  const who = { system, pid, environment, startedAt, project };
  if (system.state === 'hanging') return { ...who, error: 'does not answer' };
  try {
    const answer = await system.ask(path, { timeoutMs: ANSWER_MS });
    if (isAnswer(path, answer)) return { ...who, answer };
    return { ...who, error: foreignText(path, system.version), isForeign: true };
  } catch (error) {
    return { ...who, error: messageOf(error).split('\n')[0], isGone: error.code === 'E_NOT_AVAILABLE' };
  }
}

/**
 * Who answers: `{ source: 'live', systems }`, `{ source: 'stored', state }` or `{ source: 'created' }`. `ignored` is how many
 * sockets and files are not believed; each is told on standard error.
 */
async function sourceFor(given) {
  const { offline } = given.options;
  // What was asked for in so many words. Else any is right: the shell of who asks rarely has the application's NODE_ENV.
  const environment = given.askedEnvironment;
  const { cacheDir } = offline ? { cacheDir: null } : configurationOf(given);
  let ignored = 0;
  const onIgnored = (why) => {
    ignored++;
    given.warnOnce(why);
  };
  const systems = await systemsIn(cacheDir, environment, onIgnored);
  if (systems.length > 0) return { source: 'live', systems, ignored };
  const state = cacheDir === null ? null : client().storedState(cacheDir, { environment, onIgnored });
  return state === null ? { source: 'created', ignored } : { source: 'stored', state, ignored };
}

/** How often is looked anew when all systems that were found have ended before they could answer. */
const LOOKS = 3;

/**
 * As `sourceFor`, with the answers of running systems to the question for `path`.
 *
 * @param {(systems: object[]) => object[]} [choose] which of them are asked; default: all
 * @returns {Promise<object>} of running systems `{ source: 'live', systems, answers }`, each with `answer` or `error`
 */
async function answersFor(given, path, choose = (systems) => systems) {
  let found;
  for (let look = 0; look < LOOKS; look++) {
    found = await sourceFor(given);
    if (found.source !== 'live') return found;
    const answers = await Promise.all(choose(found.systems).map((system) => asked(system, path)));
    const present = answers.filter(({ isGone }) => !isGone);
    if (present.length > 0) return { ...found, answers: present };
  }
  throw new AgentwiseError('E_NOT_AVAILABLE', `${found.systems.map(processText).join(', ')}: no answer`);
}

/**
 * The first of `answers` that is one, and who that is, as `sourceText` takes it.
 *
 * @throws `E_NOT_AVAILABLE` where none is
 */
function firstOf({ answers, systems }) {
  const first = answers.find(({ answer }) => answer !== undefined);
  if (!first) throw new AgentwiseError('E_NOT_AVAILABLE', `${processText(answers[0])}: ${answers[0].error}`);
  const { answer, system, ...who } = first;
  return { answer, system, about: { source: 'live', ...who, systems: systems.length } };
}

/** A system that is made for the question, with the configuration of this directory. */
const created = (given) => given.open(QUIET);

/** Whether the system that left a state ended by itself, and did not just go. */
const endedWell = ({ ended }) => ended !== 'running';

const processText = ({ pid, environment }) =>
  pid === null ? 'a process that does not say who it is' : `process ${pid} (${visible(environment)})`;

/** One line that says where the answer comes from. */
function sourceText({ source, systems, state, startedAt, ...who }, now = Date.now()) {
  if (source === 'created') return 'made for this question: no system of this directory runs';
  if (source === 'stored') {
    const age = duration((now - state.savedAt) / 1000);
    return `stored ${age} ago by ${processText(state)}, ${endedWell(state) ? 'which has ended' : 'which is gone without a shutdown'}`;
  }
  const since = startedAt === null ? '' : `, running for ${duration((now - new Date(startedAt)) / 1000)}`;
  return `${processText(who)}${since}${systems > 1 ? `, one of ${systems}` : ''}`;
}

module.exports = { answersFor, asked, created, endedWell, firstOf, processText, sourceText, systemsIn, QUIET };
