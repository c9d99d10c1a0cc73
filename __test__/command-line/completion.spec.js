'use strict';

/** Completion, asked of the shells themselves. */

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const { start } = require('../processes.js');
const { COMMANDS } = require('../../js/cli/program.js');
const { CLI, WELL, linesOf, useCommandLine } = require('./support.js');

const { cli, directory } = useCommandLine();

const hasShell = (name) => spawnSync(name, ['-c', 'exit 0']).status === 0;
const where = (name) => (hasShell(name) ? test : test.skip);

const NAME = 'agentwise-optimization';

/** What bash offers for the last of `words`, in the order of its answer. */
async function offered(...words) {
  const script = `
    eval "$("$0" "$1" completion bash)"
    shift
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
    _agentwise_optimization
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const args = ['--norc', '-c', script, process.execPath, CLI, NAME, ...words];
  const { stdout, ...rest } = await start('bash', args, { cwd: directory.path() });
  expect(rest).toEqual(WELL);
  return linesOf(stdout).filter((line) => line !== '');
}

test.each(['bash', 'zsh', 'fish'])('%s prints a script, or the same as data', async (shell) => {
  const { stdout, ...rest } = await cli(['completion', shell]);
  expect(rest).toEqual(WELL);
  const data = await cli(['completion', shell, '--json']);
  expect(JSON.parse(data.stdout)).toEqual({ shell, script: stdout });
  for (const name of COMMANDS) expect(stdout).toContain(name);
});

test.each([[[]], [['csh']], [['bash', 'zsh']]])('completion %j is wrong usage', async (args) => {
  const { code, stdout, stderr } = await cli(['completion', ...args]);
  expect([code, stdout, stderr.split('\n')[0]]).toEqual([3, '', expect.stringMatching(/^E_USAGE: /)]);
});

describe('bash', () => {
  where('bash')('knows the program after the script', async () => {
    const script = 'eval "$("$0" "$1" completion bash)" && complete -p agentwise-optimization';
    const { stdout, ...rest } = await start('bash', ['--norc', '-c', script, process.execPath, CLI], {
      cwd: directory.path(),
    });
    expect(rest).toEqual(WELL);
    expect(stdout).toBe('complete -F _agentwise_optimization agentwise-optimization\n');
  });

  where('bash')('completes commands, options and values', async () => {
    expect(await offered('he')).toEqual(['health', 'help']);
    expect((await offered('')).slice(0, COMMANDS.length)).toEqual(COMMANDS);
    expect(await offered('health', '--en')).toEqual(['--environment']);
    expect(await offered('health', '--environment', 'p')).toEqual(['production']);
    expect(await offered('health', '--environment', '=', 'st')).toEqual(['staging']);
    expect(await offered('--environment', 'health', 'alert-test', '--channel', 'p')).toEqual(['pagerduty']);
    expect(await offered('completion', '')).toEqual(expect.arrayContaining(['bash', 'zsh', 'fish']));
    expect(await offered('help', 'shared')).toEqual(['shared-context']);
    expect(await offered('health', 'nothing-of-the-kind')).toEqual([]);
  });

  where('bash')('completes files where an option takes one, with blanks in their names', async () => {
    fs.writeFileSync('one file.json', '');
    fs.writeFileSync('other.json', '');
    expect((await offered('--config', 'o')).sort()).toEqual(['one file.json', 'other.json']);
    expect(await offered('--config', 'one')).toEqual(['one file.json']);
    expect(await offered('shared-context', '--token-file', 'ot')).toEqual(['other.json']);
  });
});

describe('zsh', () => {
  where('zsh')('takes the script', async () => {
    const script = `
      autoload -Uz compinit && compinit -D
      source <("$0" "$1" completion zsh)
      print -r -- $_comps[agentwise-optimization]`;
    const { stdout, ...rest } = await start('zsh', ['-f', '-c', script, process.execPath, CLI], {
      cwd: directory.path(),
    });
    expect(rest).toEqual(WELL);
    expect(stdout).toBe('_agentwise_optimization\n');
  });
});

describe('fish', () => {
  where('fish')('takes the script and completes', async () => {
    fs.writeFileSync('other.json', '');
    fs.writeFileSync('complete.fish', (await cli(['completion', 'fish'])).stdout);
    const ask = async (line) => {
      const script = `source complete.fish; complete -C '${NAME} ${line}'`;
      const { stdout, ...rest } = await start('fish', ['--no-config', '-c', script], {
        cwd: directory.path(),
        env: { HOME: directory.path() },
      });
      expect(rest).toEqual(WELL);
      return linesOf(stdout).map((found) => found.split('\t')[0]);
    };
    expect(await ask('he')).toEqual(['health', 'help']);
    expect(await ask('health --environment p')).toEqual(['production']);
    expect(await ask('--environment health alert-test --channel p')).toEqual(['pagerduty']);
    expect(await ask('completion z')).toEqual(['zsh']);
    expect(await ask('health --conf')).toEqual(['--config']);
    expect(await ask('--config ot')).toEqual(['other.json']);
  });
});
