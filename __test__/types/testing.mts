/** Types of `agentwise-optimization/testing`, with `expect` of `@jest/globals` and the global one's `jest.Matchers`. */

import { expect } from '@jest/globals';
import createDefault, { createTestSystem, FakeClock, matchers, type TestSystem } from 'agentwise-optimization/testing';
import 'agentwise-optimization/testing/jest';
import 'agentwise-optimization/testing/jest-globals';

export async function use(): Promise<TestSystem> {
  const clock = new FakeClock(new Date());
  const system = await createTestSystem(
    { cache: { ttlSeconds: 60 } },
    { clock, machine: { loadAverage: [1, 2, 3] }, env: process.env },
  );
  const made: Promise<TestSystem> = createDefault();
  const now: number = system.clock.now();
  system.setMachine({ memoryPercentage: now });
  // @ts-expect-error a figure that there is not
  system.setMachine({ cpus: 5 });
  // @ts-expect-error a test system reads no files
  await createTestSystem({ configFile: 'x.json' });
  // @ts-expect-error not a clock
  await createTestSystem({}, { clock: Date });

  const result = await system.optimizeAgentContext('a', { currentTask: 'x' });
  expect.extend(matchers);
  expect(result).toBeFullContext();
  expect(result).not.toBeUnchangedContext();
  expect(result).toBeDelta({ added: ['a'], modified: { b: expect.any(String) }, removed: [] });
  expect(result).toHaveSavedTokens({ atLeast: 1 });
  expect(result).toHaveDropped('a.b', { reason: 'score' });
  await expect(system.getCachedResponse('q')).resolves.toBeCacheHit();
  const cached: Promise<void> = expect(system).toHaveCached('q', { agentId: 'a', value: 1 });
  const told: Promise<void> = expect(() => clock.advance(1)).toEmit(system, 'memoryAlert', { type: /c/ });
  expect(system).toHaveRaisedAlert({ component: 'memory', title: /Memory/ });
  expect(system).toBeHealthy({ atLeast: 5 });
  expect(system).toHaveThrottled('a');
  // @ts-expect-error not a component
  expect(system).toHaveRaisedAlert({ component: 'network' });
  // @ts-expect-error not a part of a delta
  expect(result).toBeDelta({ changed: [] });
  await Promise.all([cached, told, made]);
  return system;
}

/** As `@types/jest` has it. */
export function useGlobal(global: jest.Matchers<void, unknown>): void {
  global.toBeDelta({ removed: ['a'] });
  global.toHaveRaisedAlert();
  // @ts-expect-error a matcher that there is not
  global.toBeDeltaOf();
}
