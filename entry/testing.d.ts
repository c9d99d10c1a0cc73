/**
 * Tests of programs that use this package: real systems on a clock and a machine of the test, and matchers. See docs/testing.md.
 *
 * @module agentwise-optimization/testing
 */
import type { EventEmitter } from 'node:events';
import type {
  DroppedPart,
  Environment,
  ProductionOptimizationSystem,
  SimilarityPlugins,
  SystemConfig,
} from '../index.js';

/**
 * A clock that stands still until a test moves it. A test system on it, and everything in that which uses time, moves with it:
 * times to live, retention, samples, health checks, alerts, throttling, tuning, timestamps, uptimes. Several systems may be on one.
 *
 * It does not touch the timers and the `Date` of JavaScript; those of a test framework may be faked beside it.
 *
 * @example
 * const clock = new FakeClock('2026-01-01T00:00:00Z');
 * const system = await createTestSystem({}, { clock });
 * await system.cacheResponse('What is a mutex?', 'A lock.', 60);
 * await clock.advance(61_000);
 * await system.getCachedResponse('What is a mutex?'); // null
 */
export class FakeClock {
  /**
   * @param start The first reading: a `Date`, Unix ms, or a text that `Date` reads. Default 2026-01-01T00:00:00Z, in every run.
   * @throws {AgentwiseError} `E_INVALID_ARGUMENT` for what is no time, or one before 1970.
   */
  constructor(start?: Date | number | string);
  /** The time now, Unix ms, as `Date.now()`. */
  now(): number;
  /**
   * Moves the clock. What falls due meanwhile is done in its order, each at its time, and its events are told before the next; who
   * listens reads that time by {@link now}. Resolves when the clock is there. Work that listeners begin on other threads is not
   * waited for. Calls follow each other in the order in which they were made. `advance(0)` does what is due now.
   *
   * Costs some 50 microseconds for each second of a system without work (see `docs/testing.md`).
   *
   * @param ms 0 or more; rounded to a whole number.
   * @throws {AgentwiseError} `E_INVALID_ARGUMENT`.
   */
  advance(ms: number): Promise<void>;
  /**
   * Sets the date, as somebody does who sets the clock of a machine: nothing falls due by it, intervals go on as they were. What
   * has a date itself follows: entries of a cache expire when the date is past theirs. A date back in time brings nothing back.
   *
   * @throws {AgentwiseError} `E_INVALID_ARGUMENT` for what is no time, or one before 1970.
   */
  set(date: Date | number | string): void;
}

/** The machine of a test system and the process on it. Sizes in MB, shares in percent. */
export interface TestMachine {
  /** What the process takes of `memory.maxMemoryUsage`, whatever that is; may be over 100. In place of `processMemory`. */
  memoryPercentage?: number;
  /** What the process takes. Default 128, or a tenth of `memory.maxMemoryUsage` if that is less. In place of `memoryPercentage`. */
  processMemory?: number;
  /** Memory of the machine. Default 16384. */
  totalMemory?: number;
  /** What of it can be had; at most `totalMemory`. Default 12288. */
  availableMemory?: number;
  /** What V8's heap holds. Default 32. */
  heapUsed?: number;
  /** What it may grow to. Default 4096. */
  heapLimit?: number;
  /** How busy all processors are together, 0–100. Default 10. */
  cpu?: number;
  /** What the process takes of one processor; may be over 100. Default 5. */
  processCpu?: number;
  /** Processors. Default 4. */
  cores?: number;
  /** Load of the last 1, 5 and 15 minutes. Default `[0.4, 0.3, 0.2]`. */
  loadAverage?: readonly [number, number, number];
  /** Size of the disk. Default 102400. */
  diskTotal?: number;
  /** How full it is, 0–100. Default 40. */
  diskPercentage?: number;
}

/** The configuration of a test system: that of a system, with an environment of its own. */
export type TestSystemConfig = Omit<SystemConfig, 'environment' | 'configFile' | 'watchConfig'> & {
  /** Default `'production'`, in which all parts are on. */
  environment?: Environment;
};

/** What a test system has around it. */
export interface TestSurroundings {
  /** Default: one of its own, which the system has as {@link TestSystem.clock}. */
  clock?: FakeClock;
  /** Figures of the machine; those that are not given are of a calm one. */
  machine?: TestMachine;
  /** Environment variables. Default none: those of the process are not looked at. */
  env?: Record<string, string | undefined>;
  /** As of a system. */
  plugins?: SimilarityPlugins;
}

/** A {@link ProductionOptimizationSystem} in memory, on a clock and a machine of the test. */
export interface TestSystem extends ProductionOptimizationSystem {
  /** The clock that it is on. */
  readonly clock: FakeClock;
  /** The figures in force. */
  readonly machine: Readonly<TestMachine>;
  /**
   * Other figures of the machine from now on; those that are not given stay. The system sees them when it looks next: move the
   * clock. All or nothing.
   *
   * @example
   * system.setMachine({ memoryPercentage: 97 });
   * await system.clock.advance(1_000);
   * system.shouldThrottleAgent('backend-specialist'); // true
   * @throws {AgentwiseError} `E_INVALID_ARGUMENT`.
   */
  setMachine(machine: TestMachine): void;
}

/**
 * A real system in memory: initialized, on a clock that stands still, on a machine whose figures the test gives. It reads no
 * file (no configuration, no `.claude/agents`), writes none that it is not told to, opens no socket, starts no thread and installs no
 * handler. Several may be in one process; `ProductionOptimizationSystem.getInstance()` knows none of them. Shut it down as any other.
 *
 * It does what a system does that has the same configuration, with these differences: `finalReport` and `monitoring.console` are
 * off unless given; `persistToDisk` and `liveSocket` have no effect. What goes over a network goes over it, if it is asked for.
 *
 * @param config Default: all defaults of `production`.
 * @throws {AgentwiseError} `E_CONFIG_INVALID`; `E_INVALID_ARGUMENT`, also for a `configFile`.
 * @example
 * const system = await createTestSystem({ cache: { ttlSeconds: 60 } }, { machine: { cpu: 95 } });
 */
export function createTestSystem(config?: TestSystemConfig, surroundings?: TestSurroundings): Promise<TestSystem>;

/** Lower and upper bounds, both included. */
export interface TokenBounds {
  /** The lower one. */
  atLeast?: number;
  /** The upper one. */
  atMost?: number;
}

/** What is expected of a delta; what is not said may be anything. */
export interface ExpectedDelta {
  /** Top-level keys in any order, or keys with their values: all of them. */
  added?: readonly string[] | Record<string, unknown>;
  /** The same. */
  modified?: readonly string[] | Record<string, unknown>;
  /** Top-level keys in any order. */
  removed?: readonly string[];
  /** The same. */
  unchanged?: readonly string[];
}

/** What is expected of an alert; texts may be expressions. */
export interface ExpectedAlert {
  /** What it is about. */
  component?: 'memory' | 'cache' | 'cpu' | 'disk' | 'agents' | 'performance';
  /** How bad it is. */
  type?: 'info' | 'warning' | 'critical';
  /** What is the matter, in a few words. */
  title?: string | RegExp;
  /** The same with figures. */
  message?: string | RegExp;
  /** Whether it is over. */
  resolved?: boolean;
}

/** Whose answer is expected, and which. */
export interface ExpectedAnswer {
  /** Whose it is, or of whom it can be read. */
  agentId?: string;
  /** Of which model. */
  model?: string;
  /** Given under which prompt of the system. */
  systemPrompt?: string;
  /** The answer; without it any will do. */
  value?: unknown;
}

/**
 * What `expect` has after `expect.extend(matchers)`. `R` is what a matcher gives. A matcher that is used for what it is not for
 * throws `E_INVALID_ARGUMENT`, with `.not` as well: a promise that was not awaited, a copy of a result, a system that is over.
 */
export interface OptimizationMatchers<R = void> {
  /** A result of `optimizeAgentContext` is the (filtered) context itself. */
  toBeFullContext(): R;
  /** A result says that nothing changed. */
  toBeUnchangedContext(): R;
  /**
   * A result says what changed.
   * @example expect(result).toBeDelta({ modified: ['currentTask'], removed: [] });
   */
  toBeDelta(expected?: ExpectedDelta): R;
  /** A result has fewer tokens than its context, by these. Default at least 1. */
  toHaveSavedTokens(expected?: TokenBounds): R;
  /**
   * The filter left the value at a dotted path out, what it is in, or parts of its text. Also of `filterContext`.
   * @example expect(result).toHaveDropped('files.docs/old.md', { reason: 'score' });
   */
  toHaveDropped(path: string, options?: { reason?: DroppedPart['reason'] }): R;
  /** What a lookup gave is not `null`; with a value, equals it. */
  toBeCacheHit(value?: unknown): R;
  /**
   * A system or a cache has an answer. Looks it up, which counts as a lookup. Await it.
   * @example await expect(system).toHaveCached('What is a mutex?', { value: 'A lock.' });
   */
  toHaveCached(query: string, expected?: ExpectedAnswer): Promise<R>;
  /**
   * The monitor of a system, or one by itself, raised such an alert within 24 hours, over or not.
   * @example expect(system).toHaveRaisedAlert({ component: 'memory', type: 'critical' });
   */
  toHaveRaisedAlert(expected?: ExpectedAlert): R;
  /** The health of a system is `'healthy'`; with a bound its score, 0–100, is not under it. */
  toBeHealthy(expected?: { atLeast?: number }): R;
  /** An agent is to wait, by a system or a memory manager. */
  toHaveThrottled(agentId: string): R;
  /**
   * An emitter tells an event while a function is at work. With data: an event has all that they say, which may be expressions
   * for texts and asymmetric matchers. Await it.
   * @example await expect(() => clock.advance(1_000)).toEmit(system, 'memoryAlert', { type: 'critical' });
   */
  toEmit(emitter: Pick<EventEmitter, 'on' | 'off'>, event: string, data?: unknown): Promise<R>;
}

/** What a matcher gives to its test framework. */
export interface MatcherOutcome {
  /** Whether it is as expected. */
  pass: boolean;
  /** What to tell if the test does not hold. */
  message(): string;
}

/**
 * The matchers, for `expect.extend(matchers)`. `import 'agentwise-optimization/testing/jest'` does that and declares them for the global
 * `expect` of `@types/jest`; `…/testing/jest-globals` for that of `@jest/globals`; `…/testing/vitest` for that of Vitest.
 */
export const matchers: {
  [Name in keyof OptimizationMatchers]: (
    this: any,
    received: any,
    ...expected: any[]
  ) => ReturnType<OptimizationMatchers[Name]> extends Promise<unknown> ? Promise<MatcherOutcome> : MatcherOutcome;
};

export default createTestSystem;
