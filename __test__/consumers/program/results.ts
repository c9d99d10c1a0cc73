import { ok, strictEqual } from 'node:assert';
import AgentContextFilter from 'agentwise-optimization/context';
import { ProductionMonitor } from './monitoring/ProductionMonitor.js';
import MemoryManager from './optimization/MemoryManager.js';
import OptimizationOrchestrator from './optimization/OptimizationOrchestrator.js';
import ProductionOptimizationSystem from './optimization/ProductionOptimizationSystem.js';
import TokenOptimizer from './optimization/TokenOptimizer.js';

/**
 * Types of the application's own for what the original had as `any`, with fields that only the application knows: where such
 * a type is asked for, the results have it.
 */
interface AgentContext {
  currentTask: string;
  files: string[];
  owner?: { name: string };
}
interface Labelled {
  type: 'frontend' | 'backend';
  tokensSaved: string;
  currentTask: string;
}
interface Status {
  initialized: boolean;
  deployment?: string;
  region: string;
  components: { memoryManager: { process: { heapUsed: number } } | null };
}
interface Health {
  overall: 'healthy' | 'warning' | 'critical' | 'down' | 'asleep';
  details: string[];
}
/** Of fields that the original had. */
interface Known {
  initialized: boolean;
  uptime: number;
  environment: string;
  components: { memoryManager: { process: { heapUsed: number } } | null };
}

const tasks = (context: AgentContext): string => context.currentTask;
const region = (status: Status): string | undefined => status.region;
const since = (status: Known): number => status.uptime;
const retry = async <T>(work: () => Promise<T>): Promise<T> => work().catch(work);
const identity = <T>(value: T): T => value;
const scored = <T extends { score: number }>(value: T): T => value;

/** A system as parts of the application see it. */
interface Optimizing {
  optimizeAgentContext(agentId: string, context: AgentContext): Promise<AgentContext>;
  getStatus(): Status;
  getHealthStatus(): Health;
  performMaintenance(): Promise<void>;
}

export class Reader {
  status: Status | null = null;
  last?: AgentContext;
  health;
  contexts = new Map<string, AgentContext>();
  list: AgentContext[] = [];
  jobs: (() => Promise<void>)[];
  constructor(private system: ProductionOptimizationSystem) {
    this.health = system.getHealthStatus();
    this.jobs = [() => system.performMaintenance(), () => system.startMonitoringDashboard()];
  }
  read(): Status {
    this.status = this.system.getStatus();
    return this.system.getStatus();
  }
  async next(agentId: string, given: any): Promise<AgentContext> {
    this.last = await this.system.optimizeAgentContext(agentId, given);
    this.contexts.set(agentId, await this.system.optimizeAgentContext(agentId, {}));
    this.list.push(await this.system.optimizeAgentContext(agentId, { some: 'thing' }));
    return this.system.optimizeAgentContext(agentId, given);
  }
  maintain(): Promise<void> {
    return this.system.performMaintenance();
  }
}

/** A result is asked for as a type of the application. */
export async function asked(system: ProductionOptimizationSystem, context: AgentContext, given: any) {
  const one: AgentContext = await system.optimizeAgentContext('a', given);
  const two: AgentContext = (await system.optimizeAgentContext('a', {})) ?? context;
  const three: AgentContext = system ? await system.optimizeAgentContext('a', {}) : context;
  const four: AgentContext = { ...(await system.optimizeAgentContext('a', {})), currentTask: 'mine' };
  const five = (await system.optimizeAgentContext('a', {})) as AgentContext;
  const six: AgentContext = await retry(() => system.optimizeAgentContext('a', {}));
  const seven = await retry<AgentContext>(async () => await system.optimizeAgentContext('a', {}));
  let eight: AgentContext | null = null;
  eight = await system.optimizeAgentContext('a', given);
  const texts = [tasks(await system.optimizeAgentContext('a', {})), region(system.getStatus())];
  const held: { status: Status; all: Status[]; health: Health } = {
    status: system.getStatus(),
    all: [system.getStatus()],
    health: system.getHealthStatus(),
  };
  const [left, right]: [AgentContext, AgentContext] = await Promise.all([
    system.optimizeAgentContext('a', context),
    system.optimizeAgentContext('b', given),
  ]);
  const each: AgentContext[] = await Promise.all(['a'].map((id) => system.optimizeAgentContext(id, context)));
  const sure = await Promise.all(['a'].map(async (id): Promise<AgentContext> => system.optimizeAgentContext(id, {})));
  const parameter = (status: Status = system.getStatus()): Status => status;
  const seen: Optimizing = system;
  const read: () => Status = system.getStatus.bind(system);
  const stats: { mine: string } = new MemoryManager().getMemoryStats();
  const filters: { mine: string } = new AgentContextFilter().getFilterStats();
  const monitored: { mine: string } = new ProductionMonitor().getStatus();
  const optimizer = new TokenOptimizer();
  const report: { mine: string } = optimizer.getOptimizationReport();
  const more: { mine: string }[] = [
    optimizer.getEnhancedOptimizationReport(),
    optimizer.getSharedContextStats(),
    optimizer.getProductionHealthStatus(),
    await optimizer.optimizeAgentConfiguration(['a'], given),
    await optimizer.compressSharedContext(['a']),
    await optimizer.trimContext(given),
    await optimizer.computeContextDiff(given, given),
  ];
  return [
    ...[one, two, three, four, five, six, seven, eight, texts, held, left, right, each, sure, parameter, seen, read],
    ...[stats, filters, monitored, report, more],
  ];
}

/** A result is in a variable of no declared type, and passed on: it is what the context was. */
export async function passedOn(
  system: ProductionOptimizationSystem,
  context: AgentContext,
  maybe: AgentContext | undefined,
  labelled: Labelled,
  given: any,
) {
  const ofType = await system.optimizeAgentContext('a', context);
  const ofAny = await system.optimizeAgentContext('a', given);
  const ofLiteral = await system.optimizeAgentContext('a', { currentTask: 'x', files: [] });
  const ofSpread = await system.optimizeAgentContext('a', { ...context, more: 1 });
  const ofMaybe = await system.optimizeAgentContext('a', maybe);
  const ofEither = system ? await system.optimizeAgentContext('a', context) : context;
  const ofOther = await new TokenOptimizer().optimizeContext('a', context);
  const all = await Promise.all(['a'].map((id) => system.optimizeAgentContext(id, context)));
  const read = [ofType, ofAny, ofLiteral, ofSpread, ofMaybe, ofEither, ofOther, ...all].map(tasks);
  // Fields of the result's own names, and `null` or `[]` in a literal: what was `any` is.
  const label = await system.optimizeAgentContext('a', labelled);
  const same: Labelled = label;
  const empty = await system.optimizeAgentContext('a', { files: [], history: null });
  const deep = [label.type, label.currentTask, empty.files[0]?.name, empty.history?.deep, ofType.owner.name];
  const then = await system.optimizeAgentContext('a', context).then((one: AgentContext) => one.files);
  const { agents } = await new TokenOptimizer().optimizeAgentConfiguration(['a'], given);
  const configured = Object.values(agents).map((agent) => tasks(agent.context));
  const status = system.getStatus();
  let carried = context;
  for (const id of ['a', 'b']) {
    const next = await system.optimizeAgentContext(id, carried);
    carried = next;
  }
  return [read, same, deep, then, configured, since(status), carried];
}

/** Nothing is asked for: known fields have their types, without `?.`. */
export async function inferred(system: ProductionOptimizationSystem): Promise<number> {
  const { uptime = 0, components = {}, statistics: { tokensSaved = 0 } = {} } = system.getStatus();
  const {
    components: {
      memoryManager: {
        process: { heapUsed },
      },
    },
    ...rest
  } = system.getStatus();
  const health = ({ score } = system.getHealthStatus()): string => score.toFixed();
  const [first, second] = await Promise.all([
    system.optimizeAgentContext('a', { currentTask: 'x' }),
    Promise.resolve(system.getStatus()),
  ]);
  const all = await Promise.all(['a', 'b'].map((id) => system.optimizeAgentContext(id, { id })));
  const late = new Promise<never>((_, reject) => setTimeout(reject, 60_000).unref());
  const race = await Promise.race([system.optimizeAgentContext('a', {}), late]);
  const [settled] = await Promise.allSettled([system.optimizeAgentContext('a', {})]);
  const again = await retry(() => system.optimizeAgentContext('a', {}));
  const text = `${(await system.optimizeAgentContext('a', {})).type} ${system.getHealthStatus().score.toFixed()}`;
  const spread = { ...system.getStatus(), extra: 1 };
  for (const [name, part] of Object.entries(system.getHealthStatus().components)) void [name, part?.score];
  const key: keyof ReturnType<typeof system.getStatus> = 'uptime';
  const result: Awaited<ReturnType<ProductionOptimizationSystem['optimizeAgentContext']>> = first;
  const sizes = [
    ...[uptime, tokensSaved, heapUsed, rest.uptime, first.tokensSaved, second.uptime, race.tokensSaved],
    ...[
      settled.status === 'fulfilled' ? settled.value.tokensSaved : 0,
      again.tokensSaved,
      spread.uptime + spread.extra,
    ],
    ...[identity(system.getStatus()).uptime, scored(system.getHealthStatus()).score],
    ...all.map((one) => one.tokensSaved),
  ];
  void [components, health(), text, system.getStatus()[key], result.type, JSON.stringify(system.getStatus())];
  return sizes.reduce((sum, size) => sum + size, 0);
}

export async function results(): Promise<void> {
  const system = await ProductionOptimizationSystem.create({ environment: 'development', finalReport: false });
  const context: AgentContext = { currentTask: 'a task', files: ['a.ts'], owner: { name: 'me' } };
  const given: any = context;
  ok(Number.isFinite(await inferred(system)));
  ok((await asked(system, context, given)).length > 0);
  const labelled: Labelled = { type: 'frontend', tokensSaved: 'many', currentTask: 'x' };
  system.resetAgent('a');
  strictEqual((await system.optimizeAgentContext('a', labelled)).type, 'frontend');
  const reader = new Reader(system);
  strictEqual(reader.read().initialized, true);
  for (const job of [...reader.jobs, () => reader.maintain()]) await job();
  strictEqual((await reader.next('b', given)).currentTask, undefined);
  strictEqual(reader.last?.currentTask, 'a task');
  await system.shutdown();
  const orchestrator = new OptimizationOrchestrator({ environment: 'development' });
  const status: Status = orchestrator.getStatus();
  const optimized: AgentContext = await orchestrator.optimizeAgentContext('a', given);
  ok(status && optimized.files.length === 1);
  await orchestrator.shutdown();
}
