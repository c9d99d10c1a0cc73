/** Runs a script of `scripts/` in a process of its own, in an empty directory, until it really ended. */

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { untilEnd } = require('../processes.js');
const { VARIABLES } = require('../support.js');
const { removeTree } = require('../remove.js');

/** What would change the behaviour of the system under test, or of Node itself. */
const FOREIGN = [...VARIABLES, 'DEBUG', 'NODE_EXTRA_CA_CERTS', 'NODE_OPTIONS', 'RUST_BACKTRACE', 'RUST_LOG'];

function environment(extra) {
  const env = { ...process.env };
  for (const name of FOREIGN) delete env[name];
  return { ...env, ...extra };
}

/**
 * @param {string} script name of a file in `scripts/`
 * @param {string[]} args
 * @param {{ env?: object, nodeArgs?: string[], onLine?: (line: string, child: object) => void, hangMs?: number }} options `hangMs`:
 * for one that has much to do
 * @returns code, signal, stdout, stderr, the lines of stdout and the files left in the working directory with their text
 */
async function run(script, args = [], { env, nodeArgs = [], onLine, hangMs } = {}) {
  const cwd = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'agentwise-')));
  try {
    const file = path.join(__dirname, 'scripts', script);
    const child = spawn(process.execPath, [...nodeArgs, file, ...args], {
      cwd,
      env: environment(env),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output = { stdout: '', stderr: '' };
    let seen = 0;
    child.stdout.setEncoding('utf8').on('data', (text) => {
      output.stdout += text;
      const complete = output.stdout.split('\n').slice(0, -1);
      for (; seen < complete.length; seen++) onLine?.(complete[seen], child);
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      output.stderr += text;
    });
    const how = await untilEnd(child, [script, ...args], output, hangMs);
    return { ...how, ...output, lines: output.stdout.split('\n').slice(0, -1), files: filesIn(cwd) };
  } finally {
    removeTree(cwd);
  }
}

function filesIn(directory) {
  const files = {};
  if (!fs.existsSync(directory)) return files;
  for (const name of fs.readdirSync(directory).sort()) {
    const file = path.join(directory, name);
    if (fs.statSync(file).isFile()) files[name] = fs.readFileSync(file, 'utf8');
  }
  return files;
}

/** The report files among `files`, parsed. */
function reportsIn(files) {
  return Object.entries(files)
    .filter(([name]) => /^optimization-report-.*\.json$/.test(name))
    .map(([, text]) => JSON.parse(text));
}

/** How a process ends that had nothing to complain about. */
const ENDED_WELL = { code: 0, signal: null, stderr: '' };

module.exports = { run, reportsIn, ENDED_WELL };
