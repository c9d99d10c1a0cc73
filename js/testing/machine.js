'use strict';

/** The machine of a test system: figures that the test says. */

const args = require('../arguments.js');
const { AgentwiseError } = require('../errors.js');

const MB = 2 ** 20;

/** A calm machine: nothing of it is near a limit. What the process takes is the core's to say, which knows the limit. */
const CALM = Object.freeze({
  totalMemory: 16_384,
  availableMemory: 12_288,
  heapUsed: 32,
  heapLimit: 4096,
  cpu: 10,
  processCpu: 5,
  cores: 4,
  loadAverage: Object.freeze([0.4, 0.3, 0.2]),
  diskTotal: 102_400,
  diskPercentage: 40,
});

function percent(name, value) {
  if (args.number(name, value) > 100) throw refusal(`${name} must be a number from 0 to 100`);
  return value;
}

function loads(name, value) {
  if (!Array.isArray(value) || value.length !== 3) throw refusal(`${name} must be an array of three numbers`);
  return value.map((load, at) => args.number(`${name}[${at}]`, load));
}

/** More than a full limit is what a limit is for. */
const share = (name, value) => args.number(name, value);
const megabytes = (name, value) => args.number(name, value);
const some = (name, value) => args.number(name, value, 1);

const CHECKS = {
  memoryPercentage: share,
  processMemory: megabytes,
  totalMemory: some,
  availableMemory: megabytes,
  heapUsed: megabytes,
  heapLimit: some,
  cpu: percent,
  processCpu: share,
  cores: (name, value) => Math.round(some(name, value)),
  loadAverage: loads,
  diskTotal: some,
  diskPercentage: percent,
};

function refusal(message) {
  return new AgentwiseError('E_INVALID_ARGUMENT', message);
}

/** `machine` with what `partial` says. All or nothing. */
function changed(machine, partial) {
  const given = args.options('machine', partial);
  const next = { ...machine };
  for (const [key, value] of Object.entries(given)) {
    if (value === undefined) continue;
    const check = Object.hasOwn(CHECKS, key) ? CHECKS[key] : undefined;
    if (check === undefined) {
      throw refusal(`machine.${key} is not known; known are ${Object.keys(CHECKS).join(', ')}`);
    }
    next[key] = check(`machine.${key}`, value);
  }
  const [asShare, asSize] = ['memoryPercentage', 'processMemory'].map((key) => given[key] !== undefined);
  if (asShare && asSize) throw refusal('machine has memoryPercentage and processMemory: say one of them');
  // The one that was said last counts.
  if (asSize) delete next.memoryPercentage;
  if (asShare) delete next.processMemory;
  if (next.availableMemory > next.totalMemory) {
    throw refusal('machine.availableMemory must not be more than machine.totalMemory');
  }
  return Object.freeze(next);
}

/** Figures of a machine as the core takes them. */
function figuresJson(machine) {
  const bytes = (megabytes) => Math.round(megabytes * MB);
  const used = (machine.diskTotal * machine.diskPercentage) / 100;
  return JSON.stringify({
    memoryPercentage: machine.memoryPercentage ?? null,
    rss: machine.processMemory === undefined ? null : bytes(machine.processMemory),
    totalMemory: bytes(machine.totalMemory),
    availableMemory: bytes(machine.availableMemory),
    heapTotal: bytes(machine.heapUsed),
    heapUsed: bytes(machine.heapUsed),
    external: 0,
    heapLimit: bytes(machine.heapLimit),
    cpu: machine.cpu,
    processCpu: machine.processCpu,
    cores: machine.cores,
    loadAverage: machine.loadAverage,
    diskUsed: bytes(used),
    diskAvailable: bytes(machine.diskTotal - used),
  });
}

/** V8's heap on it: total, used, external, limit, in bytes. */
function heapOf(machine) {
  return [machine.heapUsed, machine.heapUsed, 0, machine.heapLimit].map((megabytes) => Math.round(megabytes * MB));
}

module.exports = { CALM, changed, figuresJson, heapOf };
