/**
 * A soak: ten agents, caches, changes of the configuration and faults for as long as wanted, while what has to hold is
 * looked at every second, and that nothing grows. See README.md.
 */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { random } from './bench/random.mjs';
import { dice } from './soak/contexts.mjs';
import { plot } from './soak/plot.mjs';
import { report } from './soak/report.mjs';
import { Soak } from './soak/soak.mjs';

const HELP = `Usage: npm run soak -- [options]

Options:
  --minutes <n>   how long (default: 30); parts of a minute count
  --seed <n>      of everything that is random (default: a new one, which is printed)
  --no-faults     without faults
  --json          print only JSON on stdout (with npm's --silent: npm run --silent soak -- --json)
  --svg <file>    draw memory, descriptors, threads and files over time
  --help          print this

Exit status: 0 when everything held, 1 when something did not, 2 for unknown options.`;

function refuse(message) {
  console.error(`soak: ${message}\n\n${HELP}`);
  process.exit(2);
}

function given() {
  const text = { type: 'string' };
  const flag = { type: 'boolean' };
  try {
    const options = { minutes: text, seed: text, svg: text, json: flag, help: flag, 'no-faults': flag };
    return parseArgs({ options }).values;
  } catch (error) {
    return refuse(error.message);
  }
}

const values = given();
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const minutes = Number(values.minutes ?? 30);
if (!(minutes > 0 && minutes <= 10_000)) refuse(`--minutes ${values.minutes}: a number over 0 is needed`);
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
if (!Number.isSafeInteger(seed)) refuse(`--seed ${values.seed}: a whole number is needed`);
const svg = values.svg === undefined ? undefined : resolve(values.svg);

// The handle of a system is private: it is kept here on its way to the facade, for the faults that only it can make.
const require = createRequire(import.meta.url);
const native = require('../js/binding.js');
const opened = [];
const { openSystem } = native;
native.openSystem = (...args) => {
  const handle = openSystem(...args);
  opened.push(handle);
  return handle;
};
const pkg = require('../index.js');

const directory = mkdtempSync(join(tmpdir(), 'agentwise-soak-'));
mkdirSync(join(directory, 'work'));
process.chdir(join(directory, 'work'));
process.stderr.write(`soak: ${minutes} min, seed ${seed}\n`);
const soak = new Soak({ pkg, opened, directory, die: dice(random(seed)), hasFaults: !values['no-faults'], seed });
const result = { minutes, seed, node: process.version, ...(await soak.run(minutes * 60)) };
process.chdir(tmpdir());
rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
if (svg) writeFileSync(svg, plot(result.samples));
console.log(values.json ? JSON.stringify(result) : report(result));
process.exitCode = result.ok ? 0 : 1;
