/**
 * Writes docs/troubleshooting.md from `errors.cjs`.
 *
 *   npm run docs:errors             writes the page
 *   npm run docs:errors -- --check  exit code 1 if the page is not what it would write
 *
 * The examples are run by `npm run docs:blocks`, as those of every other page.
 */

import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import rows from './errors.cjs';
import { aligned } from './text.mjs';

const TARGET = new URL('../troubleshooting.md', import.meta.url);

const HEAD = `<!-- Generated from docs/tools/errors.cjs by \`npm run docs:errors\`. Do not edit. -->

# Troubleshooting

Every error of this package is an \`AgentwiseError\` with a stable \`code\`, from calls that throw and from those that reject alike. A
code never changes its meaning; messages may. Commands print the code first, and end with exit code 3.

Where there is no error, but something is not as it should be: \`npx agentwise-optimization doctor\` looks at everything that this
package needs around it, the [monitor's alerts](monitoring.md#alerts) and \`getHealthStatus()\` say what is wrong in a running system,
[operations/](operations/README.md#when-an-alert-comes) where to look first. \`DEBUG=agentwise-optimization\` writes log lines.

Each example is a program of its own.
`;

const SYSTEM = (config) => `const system = await ProductionOptimizationSystem.create(${config});`;
const IMPORT = "import ProductionOptimizationSystem from 'agentwise-optimization';";

function example({ js, sh, system, setUp, prints }) {
  const parts = [];
  if (sh) {
    if (setUp) parts.push(`<!-- before:\n${setUp}\n-->`);
    parts.push(`\`\`\`sh exit=3\n${sh}\n\`\`\``);
  } else {
    const code = js.trim();
    const config = system === true ? "{ environment: 'development', finalReport: false }" : system;
    const files = ['readFileSync', 'writeFileSync'].filter((name) => `${code}${setUp}`.includes(name));
    const imports = [];
    if (files.length > 0) imports.push(`import { ${files.join(', ')} } from 'node:fs';`);
    if (code.includes('ProductionOptimizationSystem') || config) imports.push(IMPORT);
    const lines = [...(imports.length > 0 ? [...imports, ''] : [])];
    if (setUp) lines.push(setUp);
    if (config) lines.push(SYSTEM(config));
    parts.push(`\`\`\`js alone\n${[...lines, code].join('\n')}\n\`\`\``);
  }
  parts.push(`\`\`\`text output\n${prints}\n\`\`\``);
  return parts.join('\n\n');
}

const section = (row) => `## \`${row.code}\`

**When:** ${row.when}.

${row.cause}

**What to do:** ${row.remedy}

${example(row)}
`;

/** As GitHub makes it of a heading. */
const anchor = (code) => `#${code.toLowerCase()}`;

const table = aligned([
  ['Code', 'When'],
  ...rows.map(({ code, when, cli }) => [
    `[\`${code}\`](${anchor(code)})`,
    `${cli ? 'commands only: ' : ''}${when.replaceAll('|', '\\|')}`,
  ]),
]);

const page = `${HEAD}\n${table}\n\n${rows.map(section).join('\n')}`;

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
if (!values.check) {
  await writeFile(TARGET, page);
} else if ((await readFile(TARGET, 'utf8').catch(() => '')) !== page) {
  console.error('docs/troubleshooting.md is not up to date: run npm run docs:errors');
  process.exitCode = 1;
}
