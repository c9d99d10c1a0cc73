/** Installs copies of the package under the working directory, as npm lays them out, and uses them from there. */

const fs = require('node:fs');
const { createRequire } = require('node:module');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const { CONFIG, SMALL } = require('./contexts.js');

const ROOT = path.join(__dirname, '..', '..', '..');

/** The published files that are needed at run time; the addon is in them here, as in a package built on the spot. */
const FILES = ['package.json', 'index.js', 'index.mjs', 'js'];

function install(application) {
  const directory = path.join(process.cwd(), application);
  for (const name of FILES) {
    fs.cpSync(path.join(ROOT, name), path.join(directory, 'node_modules', 'agentwise-optimization', name), {
      recursive: true,
    });
  }
  return directory;
}

async function works({ ProductionOptimizationSystem }) {
  const system = await ProductionOptimizationSystem.create(CONFIG);
  const heard = new Promise((resolve) => system.once('agentContextOptimized', resolve));
  const result = await system.optimizeAgentContext('frontend-specialist', SMALL);
  const { success } = await heard;
  await system.shutdown();
  return result.currentTask === SMALL.currentTask && success;
}

(async () => {
  const first = install('first');
  const required = createRequire(path.join(first, 'application.js'))('agentwise-optimization');
  fs.writeFileSync(path.join(first, 'application.mjs'), "export * from 'agentwise-optimization';\n");
  const imported = await import(pathToFileURL(path.join(first, 'application.mjs')).href);
  const second = createRequire(path.join(install('second'), 'application.js'))('agentwise-optimization');
  console.log(
    JSON.stringify({
      required: await works(required),
      imported: await works(imported),
      sameObjects: imported.ProductionOptimizationSystem === required.ProductionOptimizationSystem,
      secondCopy: await works(second),
      anotherClass: second.ProductionOptimizationSystem !== required.ProductionOptimizationSystem,
      allAtOnce: await Promise.all([required, second, required, second].map(works)),
    }),
  );
})();
