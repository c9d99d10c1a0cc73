'use strict';

/** The seven modules of an Agentwise checkout, and what stands in their place. */

const PACKAGE = 'agentwise-optimization';

/** This package, and those of the platforms, which stand beside it where tarballs are installed. */
const isOwnName = (name) => name === PACKAGE || /^agentwise-optimization-(darwin|linux|win32)-[a-z0-9-]+$/.test(name);

/** `file` from the root of the checkout; `entry` is what its callers get instead. */
const MODULES = Object.freeze(
  [
    { file: 'src/optimization/MemoryManager.ts', entry: `${PACKAGE}/memory` },
    { file: 'src/optimization/OptimizationOrchestrator.ts', entry: `${PACKAGE}/orchestrator` },
    { file: 'src/optimization/ProductionOptimizationSystem.ts', entry: PACKAGE },
    { file: 'src/optimization/TokenOptimizer.ts', entry: `${PACKAGE}/tokens` },
    { file: 'src/caching/AdvancedCacheManager.ts', entry: `${PACKAGE}/cache` },
    { file: 'src/context/AgentContextFilter.ts', entry: `${PACKAGE}/context` },
    { file: 'src/monitoring/ProductionMonitor.ts', entry: `${PACKAGE}/monitor` },
  ].map(Object.freeze),
);

/** Where the original stands: neither TypeScript nor Jest nor ts-node takes a file of this ending. */
const originalOf = (file) => `${file}.orig`;

/** Where older originals stand, `number` from 1: of modules that came again after a migration. */
const olderOriginalOf = (file, number) => `${originalOf(file)}.${number}`;

/** Whether a path is one of these two. */
const isOriginal = (file) => /\.ts\.orig(?:\.[1-9]\d*)?$/.test(file);

const BOM = '\ufeff';

/** The end of the first line, as the rest of a file has it. */
const lineEndOf = (text) => (/^[^\n]*\r\n/.test(text) ? '\r\n' : '\n');

const COMMENTS = /\/\*[\s\S]*?\*\/|\/\/[^\r\n]*/g;
const RE_EXPORT = /\s*export\s+(?:type\s+)?(?:\*(?:\s+as\s+\w+)?|\{[^{}]*\})\s*from\s*(['"])([^'"]*)\1\s*;?/y;

/** Whether a module does nothing but re-export from this package: then there is nothing to replace. */
function isReplacement(text) {
  const code = text.replace(BOM, '').replace(COMMENTS, ' ').trimEnd();
  let at = 0;
  while (at < code.length) {
    RE_EXPORT.lastIndex = at;
    const [, , from] = RE_EXPORT.exec(code) ?? [];
    if (from !== PACKAGE && !from?.startsWith(`${PACKAGE}/`)) return false;
    at = RE_EXPORT.lastIndex;
  }
  return at > 0;
}

const OWN_EXPORT = new RegExp(
  `\\bexport\\s+(?:type\\s+)?(?:\\*(?:\\s+as\\s+\\w+)?|\\{[^{}]*\\})\\s*from\\s*(['"])${PACKAGE}(?:/[^'"\\n]*)?\\1`,
);

/** Whether a module re-exports from this package among other things: somebody has edited what stands in its place. */
const isEditedReplacement = (text) => OWN_EXPORT.test(text.replace(COMMENTS, ' ')) && !isReplacement(text);

module.exports = {
  PACKAGE,
  MODULES,
  isOwnName,
  BOM,
  originalOf,
  olderOriginalOf,
  isOriginal,
  lineEndOf,
  isReplacement,
  isEditedReplacement,
};
