import { deepStrictEqual, ok, strictEqual } from 'node:assert';
import { EventEmitter } from 'node:events';
import AgentContextFilter, {
  AgentSpecialization,
  ContextElement,
  ContextFilterConfig,
  FilteredContext,
} from './context/AgentContextFilter.js';

const whole: ContextFilterConfig = {
  maxContextPerAgent: 50,
  globalMaxContext: 500,
  adaptiveReduction: true,
  contextImportanceThreshold: 0.3,
  enableSpecializationFiltering: true,
  memoryAwareFiltering: true,
};

const mine: AgentSpecialization = {
  name: 'report-specialist',
  keywords: ['report'],
  filePatterns: ['**/*.report.ts'],
  contextPriorities: { reports: 10, tests: 2 },
  maxContextSize: 40,
  requiredFields: ['reportRequirements'],
  optionalFields: [],
  excludePatterns: ['node_modules/**'],
};

export async function filter(): Promise<void> {
  for (const config of [undefined, {}, whole, { adaptiveReduction: false }]) void new AgentContextFilter(config);
  const made = new AgentContextFilter({ contextImportanceThreshold: 0.2 });
  ok(made instanceof EventEmitter);
  const results: FilteredContext[] = [];
  made.on('contextFiltered', (result: FilteredContext) => results.push(result));
  made.on('specializationAdded', (specialization: AgentSpecialization) => void specialization.name);
  made.on('configUpdated', (change: any) => void change.newConfig);
  made.addAgentSpecialization(mine);

  const context: any = { currentTask: 'a report', reportRequirements: ['totals'], 'index.ts': 'export {};' };
  const { agentId, original, filtered, reductionRatio, removedElements, importanceScores, memoryUsage, adaptations } =
    await made.filterContext('report-specialist', context);
  strictEqual(agentId, 'report-specialist');
  strictEqual(original, context);
  deepStrictEqual(filtered.reportRequirements, ['totals']);
  const paths: string[] = removedElements;
  const scores: Record<string, number> = importanceScores;
  const texts: string[] = adaptations;
  ok(reductionRatio >= 0 && reductionRatio <= 1 && memoryUsage > 0 && paths && scores && texts);
  const again: FilteredContext = await made.filterContext('report-specialist', context, 10, 20);
  strictEqual(again.filtered.currentTask, 'a report');
  strictEqual(results.length, 2);

  const stats = made.getFilterStats();
  const config: ContextFilterConfig = stats.config;
  const known: string[] = stats.agentSpecializations;
  ok(known.includes('report-specialist') && config.maxContextPerAgent === 50);
  ok(stats.cachedContexts >= 0 && stats.currentMemoryUsage >= 0);
  const size: number = made.getRecommendedContextSize('report-specialist', 50, 100);
  ok(size >= 10);
  made.updateConfig({ globalMaxContext: 400 });
  const element: Partial<ContextElement> = {};
  ok(element);
}
