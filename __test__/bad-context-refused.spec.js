const {
  useOwnDirectory,
  useSystems,
  failureOf,
  contextWays,
  Point,
  nested,
  nestedArrays,
  snapshot,
  expectUntouched,
} = require('./support.js');

useOwnDirectory();
const { open } = useSystems();

const WAYS = contextWays(open);

const throwing = (message) => () => {
  throw new Error(message);
};
const cycle = () => {
  const context = { currentTask: 'x', a: { b: [0, {}] } };
  context.a.b[1].back = context.a;
  return context;
};
const direct = () => {
  const context = { currentTask: 'x' };
  context.self = context;
  return context;
};
const array = () => {
  const list = [1];
  list.push(list);
  return { list };
};

/** Refused: name, context, the path that the message names. */
const REFUSED = [
  ['undefined', () => undefined, /undefined/],
  ['a function', () => () => 1, /function/],
  ['a symbol', () => Symbol('a'), /symbol/],
  ['a BigInt', () => 10n, /BigInt/],
  ['a BigInt in it', () => ({ currentTask: 'x', a: { b: [1, { c: 10n }] } }), /a\.b\.1\.c/],
  ['a BigInt under a key with dots', () => ({ 'index.ts': { size: 1n } }), /index\.ts\.size/],
  ['a direct cycle', direct, /\bself\b/],
  ['an indirect cycle', cycle, /a\.b\.1\.back/],
  ['an array in itself', array, /list\.1/],
  [
    'a getter that throws',
    () => ({ a: { b: Object.defineProperty({}, 'c', { get: throwing('no way'), enumerable: true }) } }),
    /a\.b\.c.*no way/,
  ],
  ['a toJSON that throws', () => ({ a: { b: { toJSON: throwing('no way') } } }), /a\.b.*no way/],
  [
    'a toJSON getter that throws',
    () => ({ a: Object.defineProperty({}, 'toJSON', { get: throwing('no way') }) }),
    /\ba\b.*no way/,
  ],
  ['a toJSON that gives a BigInt', () => ({ a: { toJSON: () => 1n } }), /\ba\b/],
  ['a class instance with a cycle', () => ({ a: Object.assign(new Point(), { self: null }), b: knot() }), /\bb\b/],
  ['a toJSON that gives undefined as root', () => ({ toJSON: () => undefined }), /JSON/],
  ['1,500 levels', () => nested(1500), /deep/],
  ['1,500 levels of arrays', () => nestedArrays(1500), /deep/],
  ['100,000 levels', () => nested(100_000), /deep/],
  ['a proxy that throws', () => ({ a: new Proxy({}, { ownKeys: throwing('no way') }) }), /\ba\b.*no way/],
  ['a revoked proxy', () => ({ a: revoked() }), /\ba\b/],
  [
    'a getter that throws null',
    () => ({
      get a() {
        throw null;
      },
    }),
    /\ba\b/,
  ],
];

function knot() {
  const point = new Point();
  point.self = point;
  return point;
}

function revoked() {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

describe.each(WAYS)('%s refuses', (_, make) => {
  let run;
  beforeEach(async () => {
    run = await make();
  });

  test.each(REFUSED)('%s by rejecting, and says where', async (_name, context, where) => {
    const given = context();
    const pending = run(given);
    expect(pending).toBeInstanceOf(Promise);
    const error = await failureOf(pending);
    expect([error.name, error.code]).toEqual(['AgentwiseError', 'E_CONTEXT_INVALID']);
    expect(error.message).toMatch(where);
  });

  test('a cycle without touching the object', async () => {
    for (const make of [cycle, direct, array]) {
      const context = make();
      const before = snapshot(context);
      await failureOf(run(context));
      expectUntouched(before, snapshot(context));
    }
  });

  test('and works on after each', async () => {
    for (const [, context] of REFUSED) {
      await failureOf(run(context()));
      expect(await run({ currentTask: 'x', a: { b: [1] } })).toEqual({ currentTask: 'x', a: { b: [1] } });
    }
  });

  test('without showing content', async () => {
    const error = await failureOf(run({ password: 'hunter2', a: 123456789n }));
    expect(error.message).not.toMatch(/hunter2|123456789/);
  });
});
