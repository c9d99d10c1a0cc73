'use strict';

/**
 * The command `migrate`: puts this package in the place of the optimization layer of an Agentwise checkout, and back. It
 * changes files and nothing else: which package manager installs, and when, is the user's.
 */

const { UsageError } = require('../failures.js');

module.exports = function add(program, { action, examples }) {
  program
    .command('migrate')
    .description('puts this package in the place of the seven optimization modules of an Agentwise checkout')
    .argument('[dir]', 'the checkout (default: the working directory)')
    .option('--dry-run', 'changes nothing, shows what would change')
    .option('--undo', 'puts back what was replaced')
    .option('--force', 'although git has changes; over own scripts; with --undo over what was edited since')
    .option('--package <spec>', 'what to depend on, as package.json has it (default: this version and later)')
    .withoutGlobals('environment', 'config')
    .addHelpText('after', examples('migrate --dry-run', 'migrate', 'migrate ../agentwise --json', 'migrate --undo'))
    .action(
      action(async (given) => {
        // From here on a signal waits until all files are written.
        void given.signal;
        return given.options.undo ? undo(given) : migrate(given);
      }),
    );
};

/** What `package.json` gets: `--package`, else this version with a caret. */
function specOf({ options, command }) {
  const { package: spec } = options;
  if (spec === undefined) return { spec: `^${require('../../../package.json').version}`, isGiven: false };
  if (spec.trim() !== spec || spec === '' || /\p{Cc}/u.test(spec)) {
    throw new UsageError(command, '--package must be a version, or where to get the package');
  }
  return { spec, isGiven: true };
}

/** What there is to say of a plan, whether it is carried out or not. */
function findingsOf(plan) {
  const { PACKAGE } = require('../migrate/modules.js');
  const { missingNames } = require('../migrate/callers.js');
  const { configurationOf } = require('../migrate/configuration.js');
  const { warningsOf } = require('../migrate/warnings.js');
  const { checkout, modules, scripts } = plan;
  const dependency = { name: PACKAGE, ...plan.dependency };
  const configuration = configurationOf(checkout);
  const texts = { replaced: ({ after }) => after, already: ({ text }) => text };
  const replaced = modules.flatMap((module) => {
    const textOf = texts[module.state];
    return textOf ? [{ file: module.file, entry: module.entry, text: textOf(module) }] : [];
  });
  const callers = { missing: missingNames(plan.callers.imports, replaced), isPartial: plan.callers.isPartial };
  return {
    modules: modules.map(({ file, entry, state }) => ({ file, entry, state })),
    scripts,
    dependency,
    configuration,
    warnings: warningsOf({ modules, scripts, dependency, configuration, callers }),
  };
}

/** Texts of what a plan changes, for `--dry-run`. */
function diffsOf({ modules, manifest }) {
  const { MANIFEST } = require('../migrate/plan.js');
  const replaced = modules
    .filter(({ state }) => state === 'replaced')
    .map(({ file, text, after }) => ({ name: file, before: text, after }));
  return manifest.before === manifest.after ? replaced : [...replaced, { name: MANIFEST, ...manifest }];
}

function stateOf(isChange, isDry) {
  if (!isChange) return 'unchanged';
  return isDry ? 'planned' : 'done';
}

async function migrate(given) {
  const { planMigration } = require('../migrate/plan.js');
  const { guardOf } = require('../migrate/guard.js');
  const { applyChanges } = require('../migrate/transaction.js');
  const { nextSteps } = require('../migrate/next.js');
  const { removeLeft } = require('../migrate/waiting.js');
  const { dryRun: isDry = false, force: isForced = false } = given.options;
  const spec = specOf(given);
  const plan = planMigration(given.args[0] ?? '.', { ...spec, isForced });
  const isChange = plan.changes.length > 0;
  const guard = isChange ? guardOf(plan, { isForced }) : {};
  if (guard.refusal && !isDry) throw guard.refusal;
  const findings = findingsOf(plan);
  if (!isDry) removeLeft(plan.checkout);
  if (isChange && !isDry) applyChanges(plan.changes);
  const forced = guard.risk && `${guard.risk}: --force ${isDry ? 'goes' : 'went'} on all the same`;
  findings.warnings.unshift(...[guard.refusal?.message ?? forced, guard.warning].filter(Boolean));
  const result = {
    action: 'migrate',
    state: stateOf(isChange, isDry),
    directory: plan.checkout.root,
    ...findings,
    ...(isChange && !isDry ? nextSteps(plan.checkout, plan.manifest.after, spec) : { next: [], note: null }),
  };
  return told(given, result, isDry ? diffsOf(plan) : []);
}

async function undo(given) {
  const { planUndo } = require('../migrate/undo.js');
  const { MANIFEST } = require('../migrate/plan.js');
  const { applyChanges } = require('../migrate/transaction.js');
  const { installCommand } = require('../migrate/next.js');
  const { removeLeft } = require('../migrate/waiting.js');
  const { dryRun: isDry = false, force: isForced = false, package: spec } = given.options;
  if (spec !== undefined) throw new UsageError(given.command, '--package has no meaning with --undo');
  const plan = planUndo(given.args[0] ?? '.', { isForced });
  const isChange = plan.changes.length > 0;
  if (!isDry) removeLeft(plan.checkout);
  if (isChange && !isDry) applyChanges(plan.changes);
  const state = stateOf(isChange, isDry);
  const result = {
    action: 'undo',
    state: state === 'done' && plan.left.length > 0 ? 'partly' : state,
    directory: plan.checkout.root,
    modules: plan.modules.map(({ file, state: how }) => ({ file, state: how })),
    warnings: [
      ...plan.left.map((name) => `${MANIFEST}: ${name} was changed since, and stays; --undo --force puts it back`),
      ...plan.kept,
    ],
    next: isChange && !isDry && plan.manifest ? [installCommand(plan.checkout)] : [],
  };
  return told(given, result, isDry && plan.manifest ? [{ name: MANIFEST, ...plan.manifest }] : []);
}

function told(given, result, diffs) {
  const { textOf } = require('../migrate/text.js');
  for (const warning of result.warnings) given.warn(warning);
  return { data: result, text: textOf(result, diffs, given.output) };
}
