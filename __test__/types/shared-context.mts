/** The shared context: from the package and from its subpath, with typed options, results and events. */

import type { EventEmitter } from 'node:events';
import { SharedContextClient, startSharedContextServer } from 'agentwise-optimization';
import Default, {
  type ContextDiff,
  type SharedContextClient as FromEntry,
  type SharedContextAnswer,
  type SharedContextClientOptions,
  type SharedContextClientStats,
  type SharedContextFailure,
  type SharedContextServer,
  startSharedContextServer as start,
} from 'agentwise-optimization/shared-context';
import { check, type Same } from './check.mjs';

check<Same<typeof Default, typeof SharedContextClient>>();
check<Same<FromEntry, SharedContextClient>>();
check<Same<typeof start, typeof startSharedContextServer>>();

export async function client(): Promise<void> {
  const options: SharedContextClientOptions = {
    projectId: 'project',
    agentId: 'agent',
    url: 'https://example.org/contexts',
    token: 'secret',
    allowInsecure: false,
    liveUpdates: true,
    requestTimeoutMs: 1,
    connectTimeoutMs: 1,
    maxBytes: 1024,
    maxContextBytes: 1024,
    retries: 0,
    retryDelayMs: 1,
    maxRetryDelayMs: 1,
    pingIntervalMs: 10,
    pongTimeoutMs: 10,
  };
  await using made = new SharedContextClient(options);
  const emitter: EventEmitter = new Default({ projectId: 'project' });
  void emitter;
  const context = await made.getContext({ useCache: false });
  check<Same<typeof context, any>>();
  const answer = await made.setContext({ any: ['thing'] });
  check<Same<typeof answer, SharedContextAnswer | null>>();
  const updated = await made.updateContext({ added: { a: 1 }, removed: ['b'] });
  check<Same<typeof updated, SharedContextAnswer | null>>();
  const diff = made.createDiff(null, { a: 1 });
  check<Same<typeof diff, ContextDiff>>();
  const stats = made.getStats();
  check<Same<typeof stats, SharedContextClientStats>>();
  check<Same<typeof stats.currentVersion, number>>();
  check<Same<typeof stats.wsConnected, boolean>>();
  check<Same<typeof stats.whatever, any>>();
  check<Same<ReturnType<typeof made.isConnected>, boolean>>();
  await made.disconnect();

  made.on('update', ({ projectId, version, changes, timestamp }) => {
    check<Same<[typeof projectId, typeof version], [string, number]>>();
    check<Same<typeof changes.removed, string[]>>();
    check<Same<typeof timestamp, Date | undefined>>();
  });
  made.once('connected', ({ version }) => check<Same<typeof version, number>>());
  made.on('disconnected', ({ reason }) => check<Same<typeof reason, string>>());
  made.on('deleted', ({ projectId }) => check<Same<typeof projectId, string>>());
  made.on('warning', ({ code, reason }) =>
    check<Same<[typeof code, typeof reason], [SharedContextFailure['code'], string]>>(),
  );
  made.on('mine', (...any) => any);

  // @ts-expect-error a project is needed
  new SharedContextClient({});
  // @ts-expect-error there is no such option
  new SharedContextClient({ projectId: 'project', timeout: 5 });
  // @ts-expect-error keys in a list
  await made.updateContext({ removed: 'a' });
  // @ts-expect-error a boolean
  await made.getContext({ useCache: 'yes' });
}

export async function server(): Promise<SharedContextServer> {
  await using closed = await startSharedContextServer();
  check<Same<[typeof closed.url, typeof closed.port], [string, number]>>();
  // @ts-expect-error a number
  await startSharedContextServer({ port: '3003' });
  // @ts-expect-error there is no such option
  await startSharedContextServer({ compress: true });
  return start({ port: 0, host: '::1', token: 'secret', allowedHosts: ['box'], maxBacklogBytes: 1 });
}
