import { expect } from 'vitest';
import testing from '../testing.js';

expect.extend(testing.matchers);
