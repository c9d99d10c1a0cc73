import type { OptimizationMatchers } from '../testing.js';

declare global {
  namespace jest {
    interface Matchers<R, T> extends OptimizationMatchers<R> {}
  }
}
