/**
 * The context filter by itself: what of a project an agent needs for its task, within a number of tokens, what was left out
 * and why, and how to get it back.
 *
 *   node context-filter.mjs
 */

import { AgentContextFilter, countTokens } from 'agentwise-optimization';

const numbered = (count, line) => Array.from({ length: count }, (_, at) => line(at)).join('\n');

/** A project: a task, and files under their paths. */
const context = {
  currentTask: 'Refunds above 500 euros must need an approval by a second person',
  projectStructure: { 'src/billing': 2, 'src/ui': 1, db: 1 },
  'src/billing/refund.js': [
    'export function refund(order, amount) {',
    '  if (amount > order.total) throw new RangeError("more than was paid");',
    '  return ledger.book({ kind: "refund", order: order.id, amount });',
    '}',
  ].join('\n'),
  'src/billing/approval.js': 'export const approvals = (order) => database.select("approvals", { order: order.id });',
  'src/ui/colours.js': numbered(200, (at) => `export const colour${at} = "hsl(${at} 50% 50%)";`),
  'db/weather.sql': numbered(200, (at) => `insert into weather values (${at}, 'sunny');`),
};

const filter = new AgentContextFilter();
const before = countTokens(context);

// agent, context, load of the machine in %, MB that other agents hold, limits
const { filtered, dropped, importanceScores } = await filter.filterContext('backend-specialist', context, 0, 0, {
  maxTokens: 1000,
  wholeTexts: true, // else large files may stay in part
});

console.log('kept:', Object.keys(filtered));
console.log('within the limit:', countTokens(filtered) <= 1000, 'of', before, 'tokens');
console.log('refund.js scores', importanceScores['src/billing/refund.js'] > 0.3 ? 'high' : 'low');
for (const { path, reason } of dropped) console.log('left out:', path, `(${reason})`);

// A model that misses something asks for it by the reference.
const colours = dropped.find(({ path }) => path === 'src/ui/colours.js');
const text = await filter.resolveReference(colours.reference);
console.log('given back:', text === context['src/ui/colours.js']);

// A reference that nobody made is an error with a stable code, not an empty answer.
try {
  await filter.resolveReference('0000000000000000');
} catch (error) {
  console.log('unknown reference:', error.code);
}
