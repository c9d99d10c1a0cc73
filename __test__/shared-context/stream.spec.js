'use strict';

/** Live updates as any WebSocket client sees them. */

const { canonicalJson, sha256 } = require('../support.js');
const { ask, until, useSharedContext } = require('./support.js');

const { serve, socket } = useSharedContext();

const PATH = '/context/project';
const QUERY = 'projectId=project&agentId=agent';
const put = async (server, context) => (await ask(server, 'PUT', PATH, { body: { context, agentId: 'writer' } })).json;
const arrived = (ws, count) => until(() => ws.messages.length >= count, `${count} messages`);

test('a subscriber gets a snapshot, updates and the end', async () => {
  const server = await serve();
  const { version } = await put(server, { a: 1, b: 1 });
  const ws = await socket(server, QUERY);
  await arrived(ws, 1);
  const next = await put(server, { a: 2, c: 1 });
  await ask(server, 'DELETE', PATH);
  await arrived(ws, 3);
  expect(ws.messages).toEqual([
    {
      type: 'context_snapshot',
      projectId: 'project',
      version,
      timestamp: expect.any(Number),
      hash: sha256(canonicalJson({ a: 1, b: 1 })),
      context: { a: 1, b: 1 },
    },
    {
      type: 'context_update',
      projectId: 'project',
      version: next.version,
      timestamp: expect.any(Number),
      hash: next.hash,
      agentId: 'writer',
      changes: { added: { c: 1 }, modified: { a: 2 }, removed: ['b'] },
      context: { a: 2, c: 1 },
    },
    { type: 'context_deleted', projectId: 'project' },
  ]);
});

test('a context that is made later comes as a snapshot', async () => {
  const server = await serve();
  const ws = await socket(server, QUERY);
  const { version } = await put(server, { a: 1 });
  await arrived(ws, 1);
  expect(ws.messages[0]).toMatchObject({ type: 'context_snapshot', version, context: { a: 1 } });
});

test('snapshot=false and context=false leave out what they say', async () => {
  const server = await serve();
  await put(server, { a: 1 });
  const ws = await socket(server, `${QUERY}&snapshot=false&context=false`);
  await put(server, { a: 2 });
  await arrived(ws, 1);
  expect(ws.messages[0].type).toBe('context_update');
  expect(ws.messages[0].context).toBeUndefined();
});

test('subscribe_to_changes brings what was missed, or a snapshot', async () => {
  const server = await serve({ maxHistory: 2 });
  const versions = [];
  for (let a = 0; a < 5; a++) versions.push((await put(server, { a })).version);
  const ws = await socket(server, `${QUERY}&snapshot=false`);
  ws.send(JSON.stringify({ type: 'subscribe_to_changes', fromVersion: versions[2] }));
  await arrived(ws, 2);
  expect(ws.messages.map(({ type, version, changes }) => [type, version, changes.modified.a])).toEqual([
    ['context_update', versions[3], 3],
    ['context_update', versions[4], 4],
  ]);
  expect(ws.messages[1].context).toEqual({ a: 4 });
  for (const fromVersion of [versions[0], 'x', null, -1, 1e300]) {
    ws.messages.length = 0;
    ws.send(JSON.stringify({ type: 'subscribe_to_changes', fromVersion }));
    await arrived(ws, 1);
    expect(ws.messages[0]).toMatchObject({ type: 'context_snapshot', version: versions[4] });
  }
});

test('a ping is answered, and what is not understood is not', async () => {
  const server = await serve();
  const ws = await socket(server, QUERY);
  for (const text of ['{', 'null', '5', '[]', '{"type":{}}']) ws.send(text);
  ws.send(Buffer.from('{"type":"ping"}'));
  ws.send('{"type":"ping"}');
  await arrived(ws, 1);
  expect(ws.messages).toEqual([{ type: 'pong' }]);
});

test('POST says how many were told, and projects hear only of themselves', async () => {
  const server = await serve();
  await put(server, { a: 1 });
  const [one, two] = [await socket(server, QUERY), await socket(server, QUERY)];
  const other = await socket(server, 'projectId=other');
  const { json } = await ask(server, 'POST', `${PATH}/diff`, { body: { diff: { added: { b: 1 } } } });
  expect(json.subscribers).toBe(2);
  await arrived(one, 2);
  await arrived(two, 2);
  expect(other.messages).toEqual([]);
});
