/** Filters one context and prints its bytes and by how much the process's memory grew at most meanwhile. */

import { readFileSync, writeFileSync } from 'node:fs';
import { AgentContextFilter, countTokens } from '../../index.mjs';
import { CONTEXTS } from './contexts.mjs';

const [label, bytes] = process.argv.slice(2);
const status = (name) =>
  Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024;

// What a process has once, not for each context: the token table, compiled code.
countTokens('');
const filter = new AgentContextFilter();
await filter.filterContext('backend-specialist', CONTEXTS[label](200e3));
const context = CONTEXTS[label](Number(bytes));
const size = Buffer.byteLength(JSON.stringify(context));
globalThis.gc();
globalThis.gc();
writeFileSync('/proc/self/clear_refs', '5');
const before = status('VmRSS');
await filter.filterContext('backend-specialist', context);
console.log(JSON.stringify({ bytes: size, peak: status('VmHWM') - before }));
