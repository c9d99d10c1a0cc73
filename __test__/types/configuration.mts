/** Types of what can be asked of a configuration. */

import {
  type CheckedConfiguration,
  type ConfigExplanation,
  type ConfigSource,
  checkConfiguration,
  configurationSchema,
  type OptimizationConfig,
  OptimizationOrchestrator,
  type ProductionOptimizationSystem,
} from 'agentwise-optimization';
import { check, type Same } from './check.mjs';

export async function running(system: ProductionOptimizationSystem): Promise<void> {
  const explained = system.explainConfig();
  check<Same<typeof explained, ConfigExplanation>>();
  check<Same<typeof explained.file, string | null>>();
  const ttl = explained.settings['cache.ttlSeconds'];
  check<Same<(typeof ttl)['source'], ConfigSource>>();
  await system.updateConfiguration({ cache: { ttlSeconds: 5 } }, { save: true });
  await system.updateConfiguration({ cache: { ttlSeconds: 5 } });
  // @ts-expect-error a flag
  await system.updateConfiguration({}, { save: 'yes' });
  const { changed, file } = await system.reloadConfiguration();
  check<Same<[typeof changed, typeof file], [boolean, string | null]>>();
  system.on('configurationUpdated', ({ source }) => check<Same<typeof source, 'update' | 'file' | 'tuning'>>());
  system.on('configurationError', ({ code, problems }) => {
    if (code === 'E_CONFIG_UNREADABLE') console.log(problems.map(({ path, message }) => `${path}: ${message}`));
  });
}

export function checked(): void {
  const found = checkConfiguration({
    environment: 'staging',
    configFile: 'own.yaml',
    cwd: '.',
    code: { autoTuning: true },
    env: process.env,
  });
  check<Same<typeof found, CheckedConfiguration>>();
  check<Same<typeof found.settings, OptimizationConfig | null>>();
  for (const { path, message, source } of found.problems) console.log(path.length, message.length, source);
  // @ts-expect-error no such environment
  checkConfiguration({ environment: 'live' });
  console.log(configurationSchema().properties);
}

export const orchestrator = (made: OptimizationOrchestrator): ConfigExplanation => made.explainConfig();
export const unwatched = new OptimizationOrchestrator({ environment: 'development', watchConfig: false });
