// Without this import what is declared below is a module of its own, which Vitest does not know.
import 'vitest';
import type { OptimizationMatchers } from '../testing.js';

declare module 'vitest' {
  interface Assertion<T = any> extends OptimizationMatchers<void> {}
}
