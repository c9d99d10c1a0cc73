'use strict';

/** How entries are shown. Keys, names and values are foreign text: whatever a terminal would obey is escaped. */

const { bytes, duration, visible } = require('../text.js');

/** Of a list with `--long`, columns and whether they stand at the right. */
const WIDTHS = [
  ['LAYER', 5],
  ['SIZE', 9, 'right'],
  ['STORED', 9, 'right'],
  ['USES', 5, 'right'],
  ['LIFE LEFT', 13],
];

const row = (cells) =>
  cells
    .map((cell, at) => {
      const [, width, align] = WIDTHS[at];
      return align === 'right' ? cell.padStart(width) : cell.padEnd(width);
    })
    .join('  ');

const namespaceText = ([root, ...below]) =>
  [visible(root) || '(default)', ...below.map((name) => visible(name))].join('/');

/** Whose an entry is, where it is not everybody's. */
function ownerText({ agentId, model, promptSha256, tags }) {
  return [
    agentId !== undefined && `agent ${visible(agentId)}`,
    model !== undefined && `model ${visible(model)}`,
    promptSha256 !== undefined && `prompt ${promptSha256.slice(0, 8)}`,
    tags.length > 0 && `tags ${tags.map((tag) => visible(tag)).join(', ')}`,
  ]
    .filter(Boolean)
    .join(', ');
}

const lifeText = ({ stale, expiresAt }, now = Date.now()) => (stale ? 'stale' : duration((expiresAt - now) / 1000));

const heading = (paint, withNamespace) =>
  paint(`${row(WIDTHS.map(([name]) => name))}  ${withNamespace ? 'NAMESPACE  ' : ''}KEY`, 'bold');

/** One line of a list. */
function entryLine(entry, { isLong, withNamespace, paint }) {
  const name = `${withNamespace ? `${paint(namespaceText(entry.namespace), 'dim')}  ` : ''}${visible(entry.key)}`;
  if (!isLong) return name;
  const owner = ownerText(entry);
  const figures = [entry.layer, bytes(entry.size), bytes(entry.storedSize), `${entry.hitCount}`, lifeText(entry)];
  return `${row(figures)}  ${name}${owner === '' ? '' : paint(`  (${owner})`, 'dim')}`;
}

/** Everything of an entry but its value. */
function entryTable(entry, table) {
  const owner = ownerText(entry);
  return table([
    ['key', visible(entry.key)],
    ['namespace', namespaceText(entry.namespace)],
    ...(owner === '' ? [] : [['belongs to', owner]]),
    ['layer', entry.layers.join(', ')],
    ['size', `${bytes(entry.size)}, stored in ${bytes(entry.storedSize)}${entry.compressed ? ', compressed' : ''}`],
    ['created', entry.createdAt.toISOString()],
    ['last used', entry.lastAccessed.toISOString()],
    ['expires', `${entry.expiresAt.toISOString()} (${entry.stale ? 'stale' : `in ${lifeText(entry)}`})`],
  ]);
}

/** A value on as many lines as it has. */
function valueText(value) {
  const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2);
  return text
    .split('\n')
    .map((line) => line.split('\t').map(visible).join('\t'))
    .join('\n');
}

module.exports = { entryLine, entryTable, heading, namespaceText, ownerText, valueText };
