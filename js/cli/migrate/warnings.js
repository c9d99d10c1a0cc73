'use strict';

/** What a migration leaves to the user to look at. None of it keeps it from being done. */

const { EXAMPLE } = require('./manifest.js');

/** Most missing names that are told one by one. */
const MAX_NAMES = 50;

function ofModule({ file, state, entry, other }) {
  if (other) return [`${other} is there and stays: only ${file} is replaced`];
  return state === 'edited' ? [`${file} re-exports ${entry} and has more: it stays as it is`] : [];
}

function ofScript({ name, state, before }) {
  if (state === 'foreign') return [`script ${name} is not the one of Agentwise and stays: ${before}; --force sets it`];
  if (state === 'absent') return [`there is no ${EXAMPLE.file}, so there is no script ${name}`];
  return [];
}

function ofDependency({ section, name }) {
  if (section === 'dependencies') return [];
  return [`${name} stands in ${section}: the modules need it among the dependencies`];
}

function ofConfiguration({ file, problems, unchecked }) {
  if (unchecked !== undefined) return [`${file} was not checked: ${unchecked}`];
  return problems.map((problem) => `${file}: ${problem}`);
}

function ofCallers({ missing, isPartial }) {
  const lines = missing.slice(0, MAX_NAMES).map(({ file, line, name, entry, isOffered }) => {
    const why = isOffered ? `the re-export of ${entry} lacks: add it there` : `${entry} does not export`;
    return `${file}:${line} imports ${name}, which ${why}`;
  });
  if (missing.length > MAX_NAMES)
    lines.push(`${missing.length - MAX_NAMES} more imports of names that are not exported`);
  if (isPartial) lines.push('there are too many source files: not all of their imports were looked at');
  return lines;
}

/** @returns {string[]} a line each */
function warningsOf({ modules, scripts, dependency, configuration, callers }) {
  return [
    ...modules.flatMap(ofModule),
    ...scripts.flatMap(ofScript),
    ...ofDependency(dependency),
    ...configuration.flatMap(ofConfiguration),
    ...ofCallers(callers),
  ];
}

module.exports = { warningsOf };
