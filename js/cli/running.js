'use strict';

/**
 * Where the answers about a system come from: a system of this directory that runs, else the state that the last one left,
 * else one that is made for the question.
 */

const { AgentwiseError, messageOf } = require('../errors.js');
const { isAnswer } = require('../live/shape.js');
const { configurationOf, requireSound } = require('./configuration.js');
const { configurationTold } = require('./configuration-told.js');
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

/** Whether it is of `environment`; one whose environment is not known may be meant. */
const isOf = (environment) => (system) => environment === undefined || [environment, null].includes(system.environment);

/** Systems that use `cacheDir`, those that answer first, the newest first; with `environment`, only the ones of it. */
async function systemsIn(cacheDir, { environment, onIgnored, onKilled } = {}) {
  if (cacheDir === null) return [];
  const systems = await client().findSystems(cacheDir, { timeoutMs: ANSWER_MS, onIgnored, onKilled });
  return systems.filter(isOf(environment));
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

/** What commands were given by a file that was named. */
const named = new WeakMap();

/**
 * The configuration by which systems are looked for. A file that was named is to be right, whoever answers, and is read once
 * for a command: `stats --watch` does not end because somebody saves it.
 */
function lookedFor(given) {
  const { offline, config } = given.options;
  if (offline) return { cacheDir: null };
  if (config === undefined) return configurationOf(given);
  if (!named.has(given)) {
    const configuration = configurationOf(given);
    requireSound(configuration);
    named.set(given, configuration);
  }
  return named.get(given);
}

/**
 * Who answers: `{ source: 'live', systems }`, `{ source: 'stored', state }` or `{ source: 'created' }`. `ignored` is how many
 * sockets and files are not believed, `doubtful` why each of the sockets is not; all are told on standard error. `gone`, where no
 * system runs: those that went without a shutdown, the newest first: every state that says `running`, as a later one of the same
 * project and environment would have replaced it, and every dead socket without a state. `hasDirectory`: whether running systems
 * can be found at all.
 */
async function sourceFor(given) {
  // What was asked for in so many words. Else any is right: the shell of who asks rarely has the application's NODE_ENV.
  const environment = given.askedEnvironment;
  const { cacheDir } = lookedFor(given);
  const common = { ignored: 0, doubtful: [], hasDirectory: cacheDir !== null && process.platform !== 'win32' };
  const onIgnored = (why) => {
    common.ignored++;
    given.warnOnce(why);
  };
  const onDoubtful = (why) => {
    common.doubtful.push(why);
    onIgnored(why);
  };
  const killed = [];
  const onKilled = (who) => killed.push(who);
  const systems = await systemsIn(cacheDir, { environment, onIgnored: onDoubtful, onKilled });
  if (systems.length > 0) return { ...common, source: 'live', systems };
  const states = cacheDir === null ? [] : client().storedStates(cacheDir, { environment, onIgnored });
  const gone = [...killed.filter(isOf(environment)), ...states.filter((state) => !endedWell(state))];
  gone.sort((a, b) => (b.startedAt ?? 0) - (a.startedAt ?? 0));
  const told = { ...common, gone: gone.map(whoOf) };
  const [state] = states;
  return state === undefined ? { ...told, source: 'created' } : { ...told, source: 'stored', state };
}

const whoOf = ({ pid, startedAt, project, environment }) => ({ pid, startedAt, project, environment });

/** Whether the system that left a state ended by itself, and did not just go. */
const endedWell = ({ ended }) => ended !== 'running';

/** What a running system was configured with; `undefined` where it does not say so. Asked for `--config` only. */
async function fileOf(given, { system, answer }, path) {
  if (given.options.config === undefined) return undefined;
  const status = path === '/status' ? answer : (await asked(system, '/status')).answer;
  return status && (status.configFile ?? null);
}

/** What is to be said of the configuration, by whoever answers. */
async function warningsOf(given, { source, state, answers }, path) {
  if (source === 'created') return [];
  const whose = async (answer) => ({ ...answer, configFile: await fileOf(given, answer, path) });
  const users = answers ? await Promise.all(answers.map(whose)) : [{ ...state, configFile: state.status.configFile }];
  const verb = source === 'live' ? 'runs' : 'ran';
  return configurationTold(
    given,
    users.map((user) => ({ who: processText(user), verb, environment: user.environment, configFile: user.configFile })),
  );
}

/** How often is looked anew when all systems that were found have ended before they could answer. */
const LOOKS = 3;

/**
 * As `sourceFor`, with the answers of running systems to the question for `path`.
 *
 * @param {(systems: object[]) => object[]} [choose] which of them are asked; default: all
 * @returns {Promise<object>} of running systems `{ source: 'live', systems, answers }`, each with `answer` or `error`; always
 *   `warnings`, what is to be said of the configuration, each with `path` and `message`
 */
async function answersFor(given, path, choose = (systems) => systems) {
  let found;
  for (let look = 0; look < LOOKS; look++) {
    found = await sourceFor(given);
    if (found.source !== 'live') return { ...found, warnings: await warningsOf(given, found, path) };
    const answers = await Promise.all(choose(found.systems).map((system) => asked(system, path)));
    const present = answers.filter(({ isGone }) => !isGone);
    if (present.length === 0) continue;
    const live = { ...found, answers: present };
    return { ...live, warnings: await warningsOf(given, live, path) };
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

const processText = ({ pid, environment }) =>
  pid === null ? 'a process that does not say who it is' : `process ${pid} (${visible(environment)})`;

/** What is told of a system that went without a shutdown. */
const goneText = (who) => `${processText(who)} is gone without a shutdown`;

/** In a container every system may be process 1. */
const isSame = (one, other) => one.pid === other?.pid && Number(one.startedAt) === Number(other.startedAt);

/** What became of the last one, where no system runs. */
function lastText({ source, state, gone: [killed] = [] }, now = Date.now()) {
  const stored = source === 'stored' ? storedText(state, now) : null;
  if (killed && !isSame(killed, state)) return [stored, goneText(killed)].filter(Boolean).join('; ');
  return stored ?? 'no system of this directory runs';
}

function storedText(state, now) {
  const age = duration((now - state.savedAt) / 1000);
  return `stored ${age} ago by ${processText(state)}, ${endedWell(state) ? 'which has ended' : 'which is gone without a shutdown'}`;
}

/** One line that says where the answer comes from. */
function sourceText(found, now = Date.now()) {
  const { source, systems, startedAt, ...who } = found;
  if (source === 'created') return `made for this question: ${lastText(found, now)}`;
  if (source === 'stored') return lastText(found, now);
  if (systems === 0) return 'no system of this directory runs';
  const since = startedAt === null ? '' : `, running for ${duration((now - new Date(startedAt)) / 1000)}`;
  return `${processText(who)}${since}${systems > 1 ? `, one of ${systems}` : ''}`;
}

/** For the data of every answer: systems that went without a shutdown, and warnings, where there are some. */
function besides({ gone = [], warnings = [] }) {
  return { ...(gone.length > 0 && { gone }), ...(warnings.length > 0 && { warnings }) };
}

module.exports = {
  answersFor,
  asked,
  besides,
  created,
  firstOf,
  goneText,
  lastText,
  processText,
  sourceText,
  systemsIn,
  QUIET,
};
