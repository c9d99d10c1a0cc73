'use strict';

/** How commands are asked wrongly, and what they say to it. */

const { REFUSED, linesOf, useCommandLine } = require('./support.js');

const { cli } = useCommandLine();

describe('a usage error has exit code 3, its message on standard error and nothing on standard output', () => {
  test.each([
    ['an unknown command', ['dance'], 'dance'],
    ['a name of Object.prototype', ['toString'], 'toString'],
    ['the name __proto__', ['__proto__'], '__proto__'],
    ['an empty command', [''], 'command'],
    ['an argument too many', ['health', 'now'], 'health now'],
    ['an unknown option', ['health', '--verbose'], '--verbose'],
    ['an unknown short option', ['health', '-x'], '-x'],
    ['the nearest name', ['helth'], 'health'],
    ['the nearest option', ['health', '--jsno'], '--json'],
    ['an option without a command', ['--json'], 'command is missing'],
    ['--environment without a value', ['health', '--environment'], '--environment'],
    ['--json with a value', ['health', '--json=yes'], '--json'],
  ])('%s', async (_, args, word) => {
    const { stderr, ...rest } = await cli(args);
    expect(rest).toEqual(REFUSED);
    expect(stderr.split('\n')[0]).toContain(word);
    expect(stderr).not.toMatch(/^ +at /m);
  });

  test.each(['test', '', 'Production'])("the environment '%s' is refused with its code", async (environment) => {
    const { stderr, ...rest } = await cli(['health', `--environment=${environment}`]);
    expect(rest).toEqual(REFUSED);
    expect(linesOf(stderr)).toEqual([expect.stringMatching(/^E_CONFIG_INVALID: .*environment.*production/)]);
  });
});
