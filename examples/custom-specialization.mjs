/**
 * An agent of a kind of your own: what it works on decides what it is sent. In code, and in a file that editors of agents
 * write (`.claude/agents/<name>.md`).
 *
 *   node custom-specialization.mjs
 */

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AgentContextFilter } from 'agentwise-optimization';

const context = {
  currentTask: 'Work on what you are responsible for',
  projectStructure: { src: ['billing', 'search'] },
  complianceRules: 'Invoices are kept for ten years.',
  'src/billing/invoice.ts': 'export const invoice = (order: Order) => ledger.entry(order.id, order.total);',
  'src/search/index.ts': 'export const search = (words: string[]) => index.lookup(words).sort(byScore);',
  'src/colours.ts': 'export const colours = { background: "white", text: "black", link: "blue" };',
};

/** Keys of the context that an agent keeps, and why it does not keep the others. */
async function show(filter, agent) {
  const { filtered, dropped } = await filter.filterContext(agent, context);
  console.log(`${agent} keeps`, Object.keys(filtered).join(', '));
  for (const { path, reason } of dropped) console.log(`  not ${path} (${reason})`);
}

const billing = {
  name: 'billing',
  keywords: ['invoice', 'refund', 'ledger'],
  filePatterns: ['src/billing/**'],
  contextPriorities: { billing: 10 }, // 0 to 10
  maxContextSize: 20, // MB
  requiredFields: ['complianceRules'], // kept whatever happens
  optionalFields: ['recentChanges'],
  excludePatterns: ['**/node_modules', 'src/search/**'],
};

const filter = new AgentContextFilter();
filter.addAgentSpecialization(billing);
// Ids that contain the name are of this kind too.
await show(filter, 'billing-2');

// A specialization that cannot be right is refused, with what is wrong.
try {
  filter.addAgentSpecialization({ ...billing, contextPriorities: { billing: 11 } });
} catch (error) {
  console.log(`${error.code}: ${error.message}`);
}

const AGENT_FILE = `---
name: finder
description: Makes the search find things
filePatterns: ["src/search/**"]
excludePatterns: ["src/billing/**"]
---

You make the search of the shop better.
`;

// Files are looked for under the working directory. A temporary one, so that nothing is left behind.
const before = process.cwd();
const directory = await mkdtemp(join(tmpdir(), 'specialization-example-'));
try {
  await mkdir(join(directory, '.claude', 'agents'), { recursive: true });
  await writeFile(join(directory, '.claude', 'agents', 'finder.md'), AGENT_FILE);
  process.chdir(directory);
  const withFiles = new AgentContextFilter();
  await show(withFiles, 'finder');
  console.log('known:', withFiles.getFilterStats().agentSpecializations.includes('finder'));
} finally {
  process.chdir(before);
  await rm(directory, { recursive: true, force: true });
}
