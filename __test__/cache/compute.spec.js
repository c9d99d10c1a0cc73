const { failureOf } = require('../support.js');
const { useCaches, sleep, until, untilQuick, heardBy, toDisk } = require('./support.js');

const { open } = useCaches();

const fail = (message = 'no') => {
  throw new Error(message);
};
/** Ends the life of what `key` has. */
const expired = (cache, key = 'key') => until(async () => !(await cache.has(key)));

describe.each([[true], [false]])('getOrCompute with persistToDisk %p', (persistToDisk) => {
  let cache;
  beforeEach(() => {
    cache = open({ persistToDisk });
  });

  test('computes what is missing and finds it afterwards', async () => {
    const compute = jest.fn(async ({ key, stale, signal }) => ({ key, stale: `${stale}`, aborted: signal.aborted }));
    const expected = { key: 'key', stale: 'undefined', aborted: false };
    expect(await cache.getOrCompute('key', compute)).toEqual(expected);
    expect(await cache.getOrCompute('key', compute)).toEqual(expected);
    expect(await cache.get('key')).toEqual(expected);
    if (persistToDisk) await toDisk(cache);
    expect(await cache.getOrCompute('key', compute)).toEqual(expected);
    expect(compute).toHaveBeenCalledTimes(1);
  });

  test('names the key as the caller did', async () => {
    for (const key of ['', '\ud800', '\u0001"a"', '__proto__'])
      expect(await cache.getOrCompute(key, (context) => [context.key])).toEqual([key]);
  });

  test('computes once for a hundred callers, and each gets a copy', async () => {
    const compute = jest.fn(async () => {
      await sleep(20);
      return { list: [] };
    });
    const found = await Promise.all(Array.from({ length: 100 }, () => cache.getOrCompute('key', compute)));
    expect(compute).toHaveBeenCalledTimes(1);
    expect(new Set(found).size).toBe(100);
    found[0].list.push(1);
    expect(found.slice(1)).toEqual(Array(99).fill({ list: [] }));
    expect(await cache.get('key')).toEqual({ list: [] });
  });

  test('gives the value as JSON would, also to who computed it', async () => {
    expect(await cache.getOrCompute('key', () => ({ at: new Date(0), gone: undefined }))).toStrictEqual({
      at: '1970-01-01T00:00:00.000Z',
    });
  });

  test('an error is for all that wait, and is not kept', async () => {
    const error = new Error('no');
    const compute = jest.fn(async () => {
      await sleep(10);
      throw error;
    });
    const callers = Array.from({ length: 10 }, () => failureOf(cache.getOrCompute('key', compute)));
    for (const found of await Promise.all(callers)) expect(found).toBe(error);
    expect(compute).toHaveBeenCalledTimes(1);
    expect(await cache.has('key')).toBe(false);
    expect(await cache.getOrCompute('key', () => 'now')).toBe('now');
  });

  test.each([
    [new Error('no')],
    ['a string'],
    [undefined],
    [null],
    [0],
  ])('%p thrown at once comes as it is', async (thrown) => {
    const compute = () => {
      throw thrown;
    };
    const how = await cache.getOrCompute('key', compute).then(
      () => 'resolved',
      (error) => ({ error }),
    );
    expect(how).toEqual({ error: thrown });
    expect(how.error).toBe(thrown);
    expect(await cache.getOrCompute('key', () => 1)).toBe(1);
  });

  test('what JSON cannot hold is refused', async () => {
    for (const value of [10n, () => 1, Symbol('s')])
      expect((await failureOf(cache.getOrCompute('key', () => value))).code).toBe('E_INVALID_ARGUMENT');
    expect(await cache.has('key')).toBe(false);
  });

  test('a cached null is a hit', async () => {
    await cache.set('key', null);
    expect(await cache.getOrCompute('key', () => fail())).toBeNull();
    expect(await cache.getOrCompute('computed', () => null)).toBeNull();
    expect(await cache.getOrCompute('computed', () => fail())).toBeNull();
  });

  test('undefined is null and not kept', async () => {
    const compute = jest.fn(() => undefined);
    expect(await cache.getOrCompute('key', compute)).toBeNull();
    expect(await cache.getOrCompute('key', compute)).toBeNull();
    expect(compute).toHaveBeenCalledTimes(2);
    expect(await cache.has('key')).toBe(false);
  });

  test.each([[null], [undefined]])('%p is kept for negativeTtlSeconds', async (nothing) => {
    await untilQuick(async (seconds, isWithin) => {
      const key = `for ${seconds} s`;
      const compute = jest.fn(() => nothing);
      const options = { ttlSeconds: 1000, negativeTtlSeconds: seconds };
      const lives = heardBy(cache, 'cacheSet');
      const ofKey = () => lives.filter(([, { layer, key: of }]) => layer === 'L1' && of === key);
      const livesOfKey = () => ofKey().map(([, { entry }]) => entry.ttl);
      for (let at = 0; at < 3; at++) expect(await cache.getOrCompute(key, compute, options)).toBeNull();
      if (!isWithin()) return false;
      expect(compute).toHaveBeenCalledTimes(1);
      expect(livesOfKey()).toEqual([seconds]);
      await expired(cache, key);
      expect(await cache.getOrCompute(key, () => 'now', options)).toBe('now');
      expect(livesOfKey()).toEqual([seconds, 1000]);
      return true;
    });
  });

  test('forceRefresh computes anew; an error leaves what was there', async () => {
    await cache.set('key', 'old');
    await expect(cache.getOrCompute('key', () => fail(), { forceRefresh: true })).rejects.toThrow('no');
    expect(await cache.get('key')).toBe('old');
    expect(await cache.getOrCompute('key', () => 'new', { forceRefresh: true })).toBe('new');
    expect(await cache.get('key')).toBe('new');
  });

  test('a value that is too large is given and not kept', async () => {
    const small = open({ persistToDisk, maxEntrySizeMB: 0.001, cacheDir: `${process.cwd()}/small` });
    for (const large of ['x'.repeat(5000), ['x'.repeat(5000)]]) {
      const compute = jest.fn(() => large);
      expect(await small.getOrCompute('key', compute)).toEqual(large);
      expect(await small.getOrCompute('key', compute)).toEqual(large);
      expect(compute).toHaveBeenCalledTimes(2);
      expect(await small.has('key')).toBe(false);
    }
  });

  test('may compute from another key', async () => {
    const fibonacci = (n) =>
      cache.getOrCompute(`${n}`, async () => (n < 2 ? n : (await fibonacci(n - 1)) + (await fibonacci(n - 2))));
    expect(await fibonacci(20)).toBe(6765);
  });

  test('what was stored while it computed stays, and the caller gets what was computed', async () => {
    const found = cache.getOrCompute('key', async () => {
      await cache.set('key', 'stored');
      return 'computed';
    });
    expect(await found).toBe('computed');
    expect(await cache.get('key')).toBe('stored');
  });

  test('what was removed while it computed stays removed', async () => {
    await cache.set('key', 'stored');
    const refresh = async () => {
      await cache.delete('key');
      return 'computed';
    };
    expect(await cache.getOrCompute('key', refresh, { forceRefresh: true })).toBe('computed');
    expect(await cache.get('key')).toBeNull();
  });

  test('stores under tags and a life', async () => {
    await cache.getOrCompute('key', () => 1, { ttlSeconds: 1000, tags: ['tag'], durable: true });
    expect(await cache.deleteByTag('tag')).toBe(1);
  });

  describe('aborts', () => {
    const reason = new Error('enough');

    test('before: nothing is computed, whatever is there', async () => {
      const compute = jest.fn();
      const options = { signal: AbortSignal.abort(reason) };
      await expect(cache.getOrCompute('key', compute, options)).rejects.toBe(reason);
      expect(compute).not.toHaveBeenCalled();
    });

    test('of one leaves the others what they wait for', async () => {
      const controller = new AbortController();
      let inner;
      const compute = async ({ signal }) => {
        inner = signal;
        await sleep(30);
        return 'value';
      };
      const one = failureOf(cache.getOrCompute('key', compute, { signal: controller.signal }));
      const two = cache.getOrCompute('key', compute);
      await until(() => inner);
      controller.abort(reason);
      expect(await one).toBe(reason);
      expect(await two).toBe('value');
      expect(inner.aborted).toBe(false);
    });

    test('of all abort the computation, and the next caller computes anew', async () => {
      const controllers = [new AbortController(), new AbortController()];
      let inner;
      const compute = ({ signal }) => {
        inner = signal;
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      };
      const waiting = controllers.map(({ signal }) => failureOf(cache.getOrCompute('key', compute, { signal })));
      await until(() => inner);
      controllers[0].abort(new Error('first'));
      expect((await waiting[0]).message).toBe('first');
      expect(inner.aborted).toBe(false);
      controllers[1].abort(reason);
      expect(await waiting[1]).toBe(reason);
      expect([inner.aborted, inner.reason]).toEqual([true, reason]);
      expect(await cache.getOrCompute('key', () => 'now')).toBe('now');
    });
  });

  describe('stale values', () => {
    const revalidate = { ttlSeconds: 0.02, staleWhileRevalidateSeconds: 60 };

    test('are served at once and computed anew once in the background', async () => {
      let count = 0;
      let finish;
      const compute = jest.fn(async ({ stale }) => {
        count += 1;
        const computed = { count, stale: stale?.count };
        if (count > 1) await new Promise((resolve) => (finish = resolve));
        return computed;
      });
      await cache.getOrCompute('key', compute, revalidate);
      await expired(cache);
      expect(await cache.get('key')).toBeNull();
      for (let at = 0; at < 5; at++) {
        const options = { ...revalidate, ttlSeconds: 1000 };
        expect(await cache.getOrCompute('key', compute, options)).toEqual({ count: 1 });
      }
      await until(() => finish);
      finish();
      await until(() => cache.has('key'));
      expect(await cache.get('key')).toEqual({ count: 2, stale: 1 });
      expect(compute).toHaveBeenCalledTimes(2);
    });

    test('stay when computing anew in the background fails', async () => {
      await cache.getOrCompute('key', () => 'old', revalidate);
      await expired(cache);
      expect(await cache.getOrCompute('key', () => fail(), revalidate)).toBe('old');
      // Until the one that fails is over, it is the one that is under way.
      const compute = jest.fn(() => 'new');
      await until(async () => {
        const found = await cache.getOrCompute('key', compute, { ...revalidate, ttlSeconds: 1000 });
        if (compute.mock.calls.length === 0) expect(found).toBe('old');
        return (await cache.get('key')) === 'new';
      });
      expect(compute).toHaveBeenCalledTimes(1);
    });

    test('are not served with forceRefresh', async () => {
      await cache.getOrCompute('key', () => 'old', revalidate);
      await expired(cache);
      expect(await cache.getOrCompute('key', () => 'new', { ...revalidate, forceRefresh: true })).toBe('new');
    });

    test('stand in for an error within staleIfErrorSeconds', async () => {
      const options = { ttlSeconds: 0.02, staleIfErrorSeconds: 60 };
      await cache.getOrCompute('key', () => ['old'], options);
      await expired(cache);
      expect(await cache.getOrCompute('key', () => fail(), options)).toEqual(['old']);
      await expect(cache.getOrCompute('key', () => fail())).rejects.toThrow('no');
      expect(await cache.getOrCompute('key', () => 'new', options)).toBe('new');
    });

    test('do not stand in when their time is over', async () => {
      const options = { ttlSeconds: 0.01, staleIfErrorSeconds: 0.02, staleWhileRevalidateSeconds: 0.02 };
      await cache.getOrCompute('key', () => 'old', options);
      await sleep(60);
      await expect(cache.getOrCompute('key', () => fail(), options)).rejects.toThrow('no');
    });

    test('stored with staleSeconds may stand in too', async () => {
      await cache.set('key', 'old', 0.01, { staleSeconds: 60 });
      await expired(cache);
      if (persistToDisk) await toDisk(cache);
      expect(await cache.getOrCompute('key', () => fail(), { staleIfErrorSeconds: 60 })).toBe('old');
    });
  });
});

describe('getOrCompute refuses', () => {
  test.each([[undefined], [null], ['compute'], [{}]])('%p as a computation', async (compute) => {
    expect((await failureOf(open().getOrCompute('key', compute))).code).toBe('E_INVALID_ARGUMENT');
  });

  test.each([
    [{ signal: {} }],
    [{ durable: 1 }],
    [{ sliding: 1 }],
    [{ forceRefresh: 1 }],
    [{ leaseSeconds: 0 }],
    [{ leaseSeconds: '5' }],
    [{ staleWhileRevalidateSeconds: -1 }],
    [{ agentId: 5 }],
    ['options'],
  ])('options %p before it computes', async (options) => {
    const compute = jest.fn(() => 1);
    expect((await failureOf(open().getOrCompute('key', compute, options))).code).toBe('E_INVALID_ARGUMENT');
    expect(compute).not.toHaveBeenCalled();
  });
});
