import testing from './testing.js';

export const { createTestSystem, FakeClock, matchers } = testing;
export default createTestSystem;
