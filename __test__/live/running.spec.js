/** A running system answers other programs of its user: who finds it, what it says, and what is left when it ends. */

const fs = require('node:fs');
const path = require('node:path');
const { useOwnDirectory, useSystems, runNode, KEEP_ALL } = require('../support.js');
const { systems, filesOf, findSystems, patient, until } = require('./support.js');

const onUnix = process.platform === 'win32' ? describe.skip : describe;
const { path: own } = useOwnDirectory();
const { open } = useSystems();
const { version } = require('../../package.json');
const { removeTree } = require('../remove.js');
/** Only root can become somebody else. */
const asRoot = process.geteuid?.() === 0 ? test : test.skip;

const isIsoTime = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

/** Longer than the time between two looks of a system at its socket. */
const NEXT_LOOK_MS = 15_000;

onUnix('a running system', () => {
  test('says who it is and how it is', async () => {
    const system = await open({ ...KEEP_ALL, projectId: 'shop', environment: 'production' });
    await system.optimizeAgentContext('agent', { currentTask: 'build' });
    await system.cacheResponse('q', 'a');
    await system.getCachedResponse('q');
    const [found, ...others] = await systems(1);
    expect(others).toEqual([]);
    expect(found).toMatchObject({
      pid: process.pid,
      project: 'shop',
      environment: 'production',
      version,
      state: 'answering',
      socket: system.getStatus().live.socket,
    });
    expect(found.startedAt).toBeInstanceOf(Date);
    expect(Math.abs(Date.now() - found.startedAt)).toBeLessThan(60_000);

    const status = await found.ask('/status', patient);
    const own = JSON.parse(JSON.stringify(system.getStatus()));
    const moving = ['uptime', 'hostCpuPercentage', 'statistics', 'components', 'recommendations'];
    for (const name of Object.keys(own).filter((name) => !moving.includes(name))) {
      expect([name, status[name]]).toEqual([name, own[name]]);
    }
    expect(Object.keys(status.components)).toEqual(Object.keys(own.components));
    expect(status.statistics.timestamp).toEqual(isIsoTime);
    const health = await found.ask('/health', patient);
    expect(health).toMatchObject({ overall: system.getHealthStatus().overall, environment: 'production' });

    const figures = await found.ask('/metrics.json', patient);
    expect(figures).toMatchObject({
      timestamp: isIsoTime,
      health: { overall: health.overall, score: health.score },
      statistics: { cacheHitRate: 100 },
      cache: { overall: { totalHits: 1, totalMisses: 0 } },
      memory: { process: { rss: expect.any(Number), heapUsed: expect.any(Number) } },
      tokens: expect.any(Object),
      agents: { active: 1, throttled: 0, largest: [{ agentId: 'agent', bytes: expect.any(Number) }] },
    });
    expect(figures).toHaveProperty('latencies');
    expect(await found.ask('/', patient)).toMatchObject({ pid: process.pid, startedAt: isIsoTime });
    await expect(found.ask('/nothing', patient)).rejects.toMatchObject({ code: 'E_NOT_AVAILABLE' });
  });

  test('says the latencies that its monitor measures', async () => {
    const system = await open({ ...KEEP_ALL, enableProductionMonitoring: true });
    await system.optimizeAgentContext('agent', { currentTask: 'build' });
    const [found] = await systems(1);
    const figures = await until(
      () => found.ask('/metrics.json', patient),
      ({ metrics }) => metrics !== null,
    );
    expect(figures.metrics).toMatchObject({ cpu: { usage: expect.any(Number) } });
    expect(typeof figures.latencies).toBe('object');
  });

  test('has its socket for its user alone, and leaves none', async () => {
    const system = await open(KEEP_ALL);
    await systems(1);
    const { socket, reason } = system.getStatus().live;
    expect(reason).toBeNull();
    expect(path.basename(socket)).toMatch(/^[0-9a-f]{16}\.sock$/);
    expect(path.basename(socket)).not.toContain(String(process.pid));
    const mode = (file) => fs.statSync(file).mode & 0o777;
    expect([mode(socket), mode(path.dirname(socket))]).toEqual([0o600, 0o700]);
    const [found] = await findSystems('.cache', patient);
    await system.shutdown();
    expect([filesOf('.sock'), filesOf('.json')]).toEqual([[], []]);
    expect(await findSystems('.cache')).toEqual([]);
    await expect(found.ask('/status')).rejects.toMatchObject({ code: 'E_NOT_AVAILABLE' });
  });

  asRoot('hangs up on other users, wherever the file modes let them in', async () => {
    const system = await open(KEEP_ALL);
    const [{ socket }] = await systems(1);
    for (const name of ['.', '.cache', '.cache/live']) fs.chmodSync(name, 0o755);
    fs.chmodSync(socket, 0o666);
    const heard = (user) =>
      runNode(`
        process.seteuid(${user});
        const socket = require('node:net').connect(${JSON.stringify(socket)});
        let heard = '';
        socket.on('data', (text) => { heard += text; });
        socket.on('error', () => {});
        socket.on('close', () => console.log(JSON.stringify(heard.split('\\r\\n')[0])));
        socket.write('GET / HTTP/1.0\\r\\n\\r\\n');`);
    expect(await heard(12345)).toBe('');
    expect(await heard(0)).toBe('HTTP/1.0 200 OK');
    expect(system.getStatus().live.socket).toBe(socket);
  });

  test('is one of several in a process, each with its own', async () => {
    const opened = await Promise.all(['a', 'b', 'c'].map((projectId) => open({ ...KEEP_ALL, projectId })));
    const found = await systems(3);
    expect(found.map(({ project }) => project).sort()).toEqual(['a', 'b', 'c']);
    await opened[1].shutdown();
    expect((await systems(2)).map(({ project }) => project).sort()).toEqual(['a', 'c']);
  });

  test.each([
    ['liveSocket is off', { liveSocket: false }],
    ['there is no cache', { enableAdvancedCaching: false }],
    ['the cache is in memory', { cache: { persistToDisk: false } }],
  ])('is not found when %s', async (_, config) => {
    const system = await open({ ...KEEP_ALL, ...config });
    expect(system.getStatus().live).toEqual({ socket: null, reason: null });
    await system.shutdown();
    expect(fs.existsSync(own('.cache', 'live'))).toBe(false);
  });

  test('can be switched off and on while it runs', async () => {
    const system = await open(KEEP_ALL);
    await systems(1);
    await system.updateConfiguration({ liveSocket: false });
    await until(() => filesOf('.sock').length === 0);
    await system.updateConfiguration({ liveSocket: true });
    await systems(1);
  });

  test('makes its socket again when somebody removed it, and goes on when the directory is gone', async () => {
    const system = await open(KEEP_ALL);
    const [{ socket }] = await systems(1);
    fs.rmSync(socket);
    const [again] = await systems(1);
    expect(again.socket).not.toBe(socket);
    removeTree(own('.cache', 'live'));
    await until(() => filesOf('.sock').length === 1, undefined, NEXT_LOOK_MS);
    removeTree(own('.cache'));
    await system.optimizeAgentContext('agent', { currentTask: 'build' });
    await system.shutdown();
  });

  test('is found below a path that is too long for a socket', async () => {
    const cacheDir = path.join('d'.repeat(100), 'e'.repeat(100));
    const system = await open({ ...KEEP_ALL, cache: { cacheDir } });
    if (process.platform === 'linux') {
      const [found] = await systems(1, cacheDir);
      expect(await found.ask('/health', patient)).toMatchObject({ overall: 'healthy' });
    } else {
      await until(() => system.getStatus().live.reason?.includes('too long'));
    }
  });

  test('says why it cannot be asked, and works', async () => {
    fs.mkdirSync('.cache', { mode: 0o700 });
    fs.writeFileSync(own('.cache', 'live'), 'in the way');
    const system = await open(KEEP_ALL);
    await until(() => system.getStatus().live.reason?.includes('live'));
    expect(system.getHealthStatus().overall).toBe('healthy');
    await system.optimizeAgentContext('agent', { currentTask: 'build' });
    await expect(findSystems('.cache')).rejects.toMatchObject({ code: 'E_NOT_OWNED' });
  });
});
