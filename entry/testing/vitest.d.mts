import type { OptimizationMatchers } from '../testing.js';

declare module 'vitest' {
  interface Assertion<T = any> extends OptimizationMatchers<void> {}
}
