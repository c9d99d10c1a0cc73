/** Changes of the configuration while a system runs: good ones are applied, bad ones change nothing. */

import { writeFileSync } from 'node:fs';

const GOOD = [
  ({ below }) => ({ cache: { l1MaxSize: 50 + below(2000) } }),
  ({ below }) => ({ cache: { l1MaxSizeMB: 1 + below(8) } }),
  ({ pick }) => ({ cache: { evictionPolicy: pick(['lru', 'lfu', 'adaptive']) } }),
  ({ below }) => ({ cache: { ttlSeconds: 20 + below(300), similarityThreshold: 0.8 + below(20) / 100 } }),
  ({ below }) => ({ cache: { l2MaxSizeMB: 8 + below(24), l3MaxSizeMB: 8 + below(24) } }),
  ({ below }) => ({ memory: { agentMemoryLimit: 1 + below(300), contextRetentionTime: 1000 + below(60_000) } }),
  ({ below }) => ({ monitoring: { healthCheckInterval: 200 + below(2000) } }),
  ({ chance }) => ({ enableProductionMonitoring: chance(0.7) }),
];
/** Of systems that filter. */
const OF_FILTER = [
  ({ below }) => ({ contextFilter: { contextImportanceThreshold: below(10) / 10 } }),
  ({ below }) => ({ contextFilter: { maxContextPerAgent: 0.02 + below(50), adaptiveReduction: below(2) === 0 } }),
];
const BAD = [
  { cache: { l1MaxSize: -1 } },
  { cache: { l1MaxSize: 77, ttlSeconds: 'an hour' } },
  { memory: { alertTreshold: 5 } },
  { contextFilter: { contextImportanceThreshold: 2 } },
  { tokens: { encoding: 'zip' } },
  { noSuchPart: {} },
];

/** The configuration file changes under a running system: what is whole is applied, what is not is refused. */
export async function changeFile(system, file, { die, ledger }) {
  const days = 1 + die.below(30);
  const good = JSON.stringify({ monitoring: { metricsRetention: days } });
  const bad = die.pick([good.slice(0, -3), '{"monitoring":{"metricsRetention":-1}}', '{"noSuchPart":{}}']);
  if (die.chance(0.5)) {
    writeFileSync(file, bad);
    const refused = await system.reloadConfiguration().then(
      () => null,
      (error) => error.code,
    );
    ledger.check('a bad file is refused', /^E_CONFIG_/.test(refused), String(refused));
  }
  writeFileSync(file, good);
  await system.reloadConfiguration();
  const { value } = system.explainConfig().settings['monitoring.metricsRetention'];
  ledger.check('a good file is applied', value === days, `${value} instead of ${days}`);
}

/** What was changed is in force, and said to be. */
function explained(settings, change, ledger) {
  for (const [part, values] of Object.entries(change)) {
    const paths =
      values === Object(values)
        ? Object.entries(values).map(([key, value]) => [`${part}.${key}`, value])
        : [[part, values]];
    for (const [path, value] of paths) {
      ledger.check('a setting is explained as it is', settings[path]?.value === value, () =>
        JSON.stringify({ path, value, explained: settings[path] }),
      );
    }
  }
}

export async function changeSettings(system, { die, ledger, isWhole }) {
  if (die.chance(0.3)) {
    const before = JSON.stringify(system.getStatus().components.cacheManager?.l1.maxSize);
    try {
      await system.updateConfiguration(die.pick(BAD));
      ledger.violated('a bad configuration is refused');
    } catch (error) {
      ledger.check('a bad configuration is refused', error.code === 'E_CONFIG_INVALID', () => String(error));
    }
    const after = JSON.stringify(system.getStatus().components.cacheManager?.l1.maxSize);
    ledger.check('a bad configuration changes nothing', before === after);
    return;
  }
  if (system.tune && die.chance(0.3)) {
    await system.tune();
    ledger.count('tuned');
    return;
  }
  const change = die.pick(isWhole ? GOOD : [...GOOD, ...OF_FILTER])(die);
  await system.updateConfiguration(change);
  ledger.count('configurations changed');
  if (system.explainConfig) explained(system.explainConfig().settings, change, ledger);
}
