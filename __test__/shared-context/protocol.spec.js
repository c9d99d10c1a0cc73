'use strict';

/** The server as any client sees it, over plain HTTP. */

const zlib = require('node:zlib');
const { countTokens } = require('../../index.js');
const { canonicalJson, randomValue, seeded, sha256 } = require('../support.js');
const { ask, useSharedContext } = require('./support.js');

const { serve } = useSharedContext();

let server;
beforeEach(async () => {
  server = await serve();
});

const PATH = '/context/project';
const put = (context, more = {}) => ask(server, 'PUT', PATH, { body: { context, agentId: 'agent', ...more } });
const post = (diff, more = {}) => ask(server, 'POST', `${PATH}/diff`, { body: { diff, agentId: 'agent', ...more } });
const get = (query = '', headers = {}) => ask(server, 'GET', `${PATH}${query}`, { headers });
const hashOf = (context) => sha256(canonicalJson(context));

describe('GET', () => {
  test('answers 404 with a JSON body when there is no context', async () => {
    const { status, json, headers } = await get();
    expect([status, json.code, json.projectId]).toEqual([404, 'NOT_FOUND', 'project']);
    expect(headers['content-type']).toMatch(/^application\/json/);
  });

  test('gives the context with version, time and hash', async () => {
    const before = Date.now();
    const context = { b: [1, { z: 1, a: 2 }], a: 'text', é: null };
    const { json: stored } = await put(context);
    const { status, json } = await get();
    expect(status).toBe(200);
    expect(json).toEqual({
      projectId: 'project',
      version: stored.version,
      timestamp: expect.any(Number),
      context,
      hash: hashOf(context),
    });
    expect(Object.keys(json.context)).toEqual(['b', 'a', 'é']);
    expect(json.timestamp).toBeGreaterThanOrEqual(before);
  });

  test('gives the hash of RFC 8785 JSON for any context', async () => {
    const random = seeded(7);
    for (let at = 0; at < 100; at++) {
      const context = { value: randomValue(random), [`key ${at}`]: randomValue(random), 10: 1, 9: 2 };
      await put(context);
      const { json } = await get();
      expect(json.context).toEqual(JSON.parse(JSON.stringify(context)));
      expect(json.hash).toBe(hashOf(context));
    }
  });

  test('with since gives the changes of each version', async () => {
    const { json: first } = await put({ a: 1, b: 1 });
    const { json: second } = await post({ added: { c: 1 }, modified: { a: 2 }, removed: ['b'] });
    const { json: third } = await put({ a: 2 });
    const { json } = await get(`?since=${first.version}`);
    expect(json).toMatchObject({
      projectId: 'project',
      currentVersion: third.version,
      fromVersion: first.version,
      isFull: false,
      hash: third.hash,
    });
    expect(json.changes).toEqual([
      {
        version: second.version,
        timestamp: expect.any(Number),
        hash: second.hash,
        agentId: 'agent',
        changes: { added: { c: 1 }, modified: { a: 2 }, removed: ['b'] },
      },
      expect.objectContaining({ version: third.version, changes: { added: {}, modified: {}, removed: ['c'] } }),
    ]);
    expect((await get(`?since=${third.version}`)).json.changes).toEqual([]);
    expect(json.context).toBeUndefined();
  });

  test.each([0, 1, 2 ** 53 - 1])('with since=%d, which it does not know, gives the whole context', async (since) => {
    const { json: stored } = await put({ a: 1 });
    const { json } = await get(`?since=${since}`);
    expect(json).toMatchObject({ isFull: true, changes: [], context: { a: 1 }, currentVersion: stored.version });
    expect([json.version, json.hash, json.fromVersion]).toEqual([stored.version, stored.hash, since]);
  });

  test('with version gives an older context', async () => {
    const contexts = [{ a: 1, b: 2 }, { a: 2, c: [3] }, { c: [4] }, { d: 1, a: 1 }];
    const versions = [];
    for (const context of contexts) versions.push((await put(context)).json.version);
    for (const [at, version] of versions.entries()) {
      const { json } = await get(`?version=${version}`);
      expect([json.version, json.context, json.hash]).toEqual([version, contexts[at], hashOf(contexts[at])]);
    }
    const { status, json } = await get(`?version=${versions[0] - 1}`);
    expect([status, json.code, json.currentVersion]).toEqual([404, 'VERSION_GONE', versions.at(-1)]);
  });

  test.each(['-1', 'x', '1.5', '', 'NaN', '1e3', '99999999999999999'])('refuses the version %j', async (version) => {
    await put({ a: 1 });
    for (const name of ['since', 'version']) {
      const { status, json } = await get(`?${name}=${version}`);
      expect([status, json.code]).toEqual([400, 'VERSION']);
    }
  });

  test('gives an entity tag, and 304 for it', async () => {
    const { json } = await put({ a: 1 });
    const { headers } = await get();
    expect(headers.etag).toBe(`"${json.version}"`);
    const { status, data } = await get('', { 'If-None-Match': headers.etag });
    expect([status, data.length]).toEqual([304, 0]);
  });

  test('HEAD gives headers only', async () => {
    await put({ a: 1 });
    const { status, data, headers } = await ask(server, 'HEAD', PATH);
    expect([status, data.length]).toEqual([200, 0]);
    expect(Number(headers['content-length'])).toBeGreaterThan(0);
  });
});

describe('PUT', () => {
  test('says what it did', async () => {
    const context = { a: 'x'.repeat(1000), b: 1 };
    const size = Buffer.byteLength(JSON.stringify(context));
    const first = (await put(context)).json;
    expect(first).toEqual({
      projectId: 'project',
      version: expect.any(Number),
      hash: hashOf(context),
      optimized: false,
      isNew: true,
      size,
      optimizedSize: size,
    });
    const second = (await put({ ...context, b: 2 })).json;
    const delta = Buffer.byteLength(JSON.stringify({ added: {}, modified: { b: 2 }, removed: [] }));
    expect(second).toMatchObject({ isNew: false, optimized: true, size, optimizedSize: delta });
    expect(second.version).toBe(first.version + 1);
  });

  test('of the same context makes no new version', async () => {
    const { json: first } = await put({ a: { b: 1, c: 2 } });
    const { json: second } = await put({ a: { c: 2, b: 1 } });
    expect([second.version, second.hash]).toEqual([first.version, first.hash]);
  });

  test('with a base version that is not the current one is a conflict', async () => {
    const { json: first } = await put({ a: 1 });
    const { json: second } = await put({ a: 2 }, { baseVersion: first.version });
    const { status, json } = await put({ a: 3 }, { baseVersion: first.version });
    expect([status, json.code, json.currentVersion]).toEqual([409, 'VERSION_CONFLICT', second.version]);
    const matching = (tag) => ask(server, 'PUT', PATH, { body: { context: { a: 4 } }, headers: { 'If-Match': tag } });
    expect((await matching(`"${first.version}"`)).status).toBe(412);
    expect((await matching('"abc"')).status).toBe(412);
    expect((await matching(`"${second.version}"`)).status).toBe(200);
    expect((await get()).json.context).toEqual({ a: 4 });
  });

  test('with If-None-Match: * only makes new ones', async () => {
    const create = () => ask(server, 'PUT', PATH, { body: { context: { a: 1 } }, headers: { 'If-None-Match': '*' } });
    expect((await create()).status).toBe(200);
    const { status, json } = await create();
    expect([status, json.code]).toEqual([412, 'EXISTS']);
  });

  test.each([
    ['no JSON', '{', 'JSON'],
    ['nothing', '', 'JSON'],
    ['an array', '[]', 'BODY'],
    ['null', 'null', 'BODY'],
    ['no context', '{}', 'BODY'],
    ['a list as context', '{"context":[]}', 'BODY'],
    ['null as context', '{"context":null}', 'BODY'],
    ['a bad agent', '{"context":{},"agentId":5}', 'BODY'],
    ['a bad base version', '{"context":{},"baseVersion":"1"}', 'BODY'],
    ['a bad request id', '{"context":{},"requestId":{}}', 'BODY'],
    ['a bad restore', '{"context":{},"restore":1}', 'BODY'],
    ['a deep context', `{"context":{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}}`, 'BODY'],
  ])('refuses %s', async (_, body, code) => {
    const { status, json } = await ask(server, 'PUT', PATH, { body });
    expect([status, json.code]).toEqual([400, code]);
    expect((await get()).status).toBe(404);
  });
});

describe('POST diff', () => {
  test('says what it saved, exactly', async () => {
    const context = { text: 'The quick brown fox jumps over the lazy dog. '.repeat(50), b: 1 };
    const { json: first } = await put(context);
    const { json } = await post({ modified: { b: 2 } });
    const next = { ...context, b: 2 };
    const changes = { added: {}, modified: { b: 2 }, removed: [] };
    expect(json).toEqual({
      projectId: 'project',
      version: first.version + 1,
      hash: hashOf(next),
      tokensSaved: countTokens(next) - countTokens(changes),
      subscribers: 0,
      overwritten: [],
    });
  });

  test('takes a diff without an envelope too', async () => {
    await put({ a: 1, b: 1 });
    await ask(server, 'POST', `${PATH}/diff`, { body: { added: { c: 1 }, removed: ['a'], agentId: 'agent' } });
    expect((await get()).json.context).toEqual({ b: 1, c: 1 });
  });

  test('that comes twice with one id is applied once, and answered the same', async () => {
    await put({ text: 'word '.repeat(100) });
    const first = await post({ added: { a: 1 } }, { requestId: 'one' });
    await post({ modified: { a: 2 } }, { requestId: 'two' });
    const again = await post({ added: { a: 1 } }, { requestId: 'one' });
    expect(again.json).toEqual(first.json);
    expect(first.json.tokensSaved).toBeGreaterThan(50);
    expect((await get()).json.context.a).toBe(2);
    // Ids belong to their agent.
    await post({ added: { a: 3 } }, { requestId: 'one', agentId: 'other' });
    expect((await get()).json.context.a).toBe(3);
  });

  test('names the keys of others that it overwrote', async () => {
    const { json: base } = await put({ a: 1, b: 1, c: 1, d: 1 });
    await post({ modified: { a: 2, b: 2 }, removed: ['c'] }, { agentId: 'other' });
    await post({ modified: { d: 2 } });
    const diff = { modified: { a: 3, b: 2, d: 3 }, added: { c: 3 } };
    const { json } = await post(diff, { baseVersion: base.version });
    // b was already so, and d is the agent's own.
    expect(json.overwritten.sort()).toEqual(['a', 'c']);
    expect((await get()).json.context).toEqual({ a: 3, b: 2, c: 3, d: 3 });
  });

  test.each([
    ['a diff that is a list', { diff: [] }],
    ['an added that is a list', { diff: { added: [] } }],
    ['a removed that is an object', { diff: { removed: {} } }],
    ['a removed of numbers', { diff: { removed: [1] } }],
    ['a modified that is null', { diff: { modified: null } }],
  ])('refuses %s', async (_, body) => {
    const { json: before } = await put({ a: 1 });
    const { status, json } = await ask(server, 'POST', `${PATH}/diff`, { body });
    expect([status, json.code]).toEqual([400, 'BODY']);
    expect((await get()).json.version).toBe(before.version);
  });

  test('needs a context', async () => {
    expect((await post({ added: { a: 1 } })).status).toBe(404);
  });
});

test('keys of Object.prototype are keys like any other', async () => {
  const body = '{"context":{"__proto__":{"x":1},"constructor":1,"a":{"__proto__":2}}}';
  await ask(server, 'PUT', '/context/__proto__', { body });
  await ask(server, 'POST', '/context/__proto__/diff', { body: '{"diff":{"added":{"toString":1},"removed":["a"]}}' });
  const { data } = await ask(server, 'GET', '/context/__proto__');
  expect(String(data)).toContain('"context":{"__proto__":{"x":1},"constructor":1,"toString":1}}');
  expect((await ask(server, 'GET', '/context/constructor')).status).toBe(404);
});

test('DELETE removes the context, and versions go on above the old ones', async () => {
  const { json: first } = await put({ a: 1 });
  const { status, json } = await ask(server, 'DELETE', PATH);
  expect([status, json]).toEqual([200, { projectId: 'project', version: first.version, deleted: true }]);
  expect((await ask(server, 'DELETE', PATH)).status).toBe(404);
  const { json: second } = await put({ a: 1 });
  expect(second.version).toBeGreaterThan(first.version);
  expect((await get(`?since=${first.version}`)).json.isFull).toBe(true);
});

test('health and metrics', async () => {
  await put({ a: 1 });
  expect((await ask(server, 'GET', '/health')).json).toMatchObject({ status: 'ok', projects: 1, subscribers: 0 });
  const { data, headers } = await ask(server, 'GET', '/metrics');
  expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
  const text = String(data);
  expect(text).toContain('agentwise_shared_context_projects 1\n');
  expect(text).toContain('agentwise_shared_context_requests_total{method="PUT",status="200"} 1\n');
  for (const line of text.trim().split('\n')) {
    expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+(\{\w+="\w+"(,\w+="\w+")*\})? \d+)$/);
  }
});

test.each([
  ['PATCH', PATH, 405],
  ['POST', PATH, 405],
  ['GET', `${PATH}/diff`, 405],
  ['POST', '/health', 405],
  ['DELETE', '/metrics', 405],
  ['GET', '/', 404],
  ['GET', '/context/', 404],
  ['GET', '/context/a/b', 404],
  ['GET', '/context/%E0%A4', 400],
  ['GET', '/context/%00', 400],
  ['GET', '/context/..', 400],
  ['GET', `/context/${'x'.repeat(257)}`, 400],
])('%s %s is answered with %d and JSON', async (method, path, expected) => {
  const { status, json, headers } = await ask(server, method, path);
  expect([status, typeof json.error, typeof json.code]).toEqual([expected, 'string', 'string']);
  if (expected === 405) expect(headers.allow).toMatch(/^[A-Z, ]+$/);
});

describe('compression', () => {
  const context = { text: 'word '.repeat(1000) };
  const decoders = { gzip: zlib.gunzipSync, br: zlib.brotliDecompressSync, deflate: zlib.inflateSync };

  test.each([
    ['gzip', 'gzip'],
    ['br', 'br'],
    ['deflate', 'deflate'],
    ['gzip, deflate, br', 'br'],
    ['gzip;q=1, br;q=0', 'gzip'],
    ['gzip;q=0', undefined],
    ['identity', undefined],
    ['nonsense', undefined],
    [undefined, undefined],
  ])('for Accept-Encoding %j is %j', async (accepted, expected) => {
    await put(context);
    const { headers, data } = await get('', accepted === undefined ? {} : { 'Accept-Encoding': accepted });
    expect(headers['content-encoding']).toBe(expected);
    expect(headers.vary).toBe('Accept-Encoding');
    const plain = expected ? decoders[expected](data) : data;
    expect(JSON.parse(plain).context).toEqual(context);
    if (expected) expect(data.length).toBeLessThan(plain.length / 5);
  });

  test('is not what compress=true asks for', async () => {
    await put(context);
    const { headers, json } = await get('?compress=true');
    expect([headers['content-encoding'], json.context]).toEqual([undefined, context]);
  });
});
