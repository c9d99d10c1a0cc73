#!/usr/bin/env node
/**
 * The matchers in Vitest, of the packed package: a test in TypeScript is compiled with their types, and run.
 *
 *     npm ci --prefix __test__/consumers
 *     node __test__/consumers/vitest.mjs [--packed <directory>]    else packs itself
 */

import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { pack } from '../../npm/pack.mjs';
import { findTarballs, installOffline, makeProject, packDependencies } from '../packages/project.mjs';

const MODULES = fileURLToPath(new URL('node_modules', import.meta.url));
const run = promisify(execFile);

const TESTS = `
import 'agentwise-optimization/testing/vitest';
import { createTestSystem, FakeClock } from 'agentwise-optimization/testing';
import { expect, test, vi } from 'vitest';

const CONTEXT = { currentTask: 'Fix the login form', a: 1 };

test('passes', async () => {
  vi.useFakeTimers();
  const clock = new FakeClock();
  const system = await createTestSystem({}, { clock });
  expect(await system.optimizeAgentContext('a', CONTEXT)).toBeFullContext();
  expect(await system.optimizeAgentContext('a', CONTEXT)).toBeUnchangedContext();
  const delta = await system.optimizeAgentContext('a', { ...CONTEXT, a: 2 });
  expect(delta).toBeDelta({ modified: { a: expect.any(Number) }, added: [] });
  expect(delta).not.toBeDelta({ added: ['a'] });
  expect(delta).not.toHaveDropped('a', { reason: 'score' });
  await system.cacheResponse('q', 'answer', 60);
  await expect(system.getCachedResponse('q')).resolves.toBeCacheHit('answer');
  await expect(system).toHaveCached('q', { value: expect.stringContaining('ans') });
  system.setMachine({ memoryPercentage: 97 });
  await expect(() => clock.advance(60_000)).toEmit(system, 'memoryAlert', { type: 'critical' });
  expect(system).toHaveRaisedAlert({ component: 'memory', title: /^Memory/ });
  expect(system).toHaveThrottled('b');
  expect(system).not.toBeHealthy();
  await expect(system).not.toHaveCached('q');
  await system.shutdown();
  vi.useRealTimers();
});

test('a slip does not pass', async () => {
  const system = await createTestSystem();
  const promise = system.optimizeAgentContext('a', CONTEXT);
  expect(() => expect(promise).not.toBeFullContext()).toThrow(/toBeFullContext: expects .* got a promise/);
  expect(() => expect(system).not.toHaveRaisedAlert({ component: 'memroy' as 'memory' })).toThrow(/must be one of memory/);
  await promise;
  await system.shutdown();
});

test('fails', async () => {
  const system = await createTestSystem();
  expect(await system.optimizeAgentContext('a', CONTEXT)).toBeDelta();
});
`;

async function main(work) {
  const { values } = parseArgs({ options: { packed: { type: 'string' } } });
  const packed = values.packed ? resolve(values.packed) : join(work, 'packed');
  if (!values.packed) pack(packed);
  const { main: tarball, own } = findTarballs(packed);
  const project = makeProject(join(work, 'project'), { type: 'module' });
  const dependencies = packDependencies(tarball, join(work, 'dependencies'));
  installOffline(project, [tarball, own, ...dependencies], join(work, 'cache'));
  mkdirSync(join(project, 'node_modules', '@types'), { recursive: true });
  symlinkSync(join(MODULES, 'types-node-20'), join(project, 'node_modules', '@types', 'node'), 'junction');
  symlinkSync(join(MODULES, 'vitest'), join(project, 'node_modules', 'vitest'), 'junction');
  writeFileSync(join(project, 'matchers.test.ts'), TESTS);

  const compilerOptions = {
    module: 'nodenext',
    target: 'es2022',
    strict: true,
    skipLibCheck: true,
    noEmit: true,
    types: ['node'],
  };
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.test.ts'] }));
  const tsc = join(MODULES, 'typescript-5', 'bin', 'tsc');
  await run(process.execPath, [tsc, '--project', '.'], { cwd: project });

  const vitest = join(MODULES, 'vitest', 'vitest.mjs');
  const env = { ...process.env, NO_COLOR: '1', CI: 'true' };
  // A machine may stand still for longer than Vitest waits for a test.
  const args = [vitest, 'run', '--testTimeout=120000'];
  const { stdout, stderr } = await run(process.execPath, args, { cwd: project, env }).catch((error) => error);
  const isAsExpected =
    /\b1 failed \| 2 passed\b/.test(stdout) && /Expected the result to be a delta/.test(stdout + stderr);
  if (!isAsExpected) throw new Error(`Vitest was to pass two tests and to fail one:\n${stdout}${stderr}`);
  console.log('Vitest: the matchers compile, pass what is to pass, and fail with their words');
}

const work = realpathSync(mkdtempSync(join(tmpdir(), 'agentwise-vitest-')));
try {
  await main(work);
} catch (error) {
  console.error(`${error.message}\n${error.stdout ?? ''}`);
  process.exitCode = 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}
