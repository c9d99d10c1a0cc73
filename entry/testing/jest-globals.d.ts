import type { OptimizationMatchers } from '../testing.js';

declare module 'expect' {
  interface Matchers<R extends void | Promise<void>, T = unknown> extends OptimizationMatchers<R> {}
}
