'use strict';

/** How the output of the examples is compared. That they run: `npm run examples`. */

const { difference, lineFits } = require('../examples/expected.cjs');

test.each([
  ['all the same', 'all the same', true],
  ['took … ms', 'took 12 ms', true],
  ['took … ms', 'took 12 s', false],
  ['a.c', 'abc', false],
  ['(x) [1]', '(x) [1]', true],
  ['…', '', true],
])('%j fits %j: %j', (wanted, line, fits) => {
  expect(lineFits(wanted, line)).toBe(fits);
});

test.each([
  ['a\nb', 'a\nb\n', null],
  ['a\n…\nd', 'a\nb\nc\nd', null],
  ['a\n…\nd', 'a\nd', null],
  ['…\nd\n…', 'd\nd\ne', null],
  ['a\nb', 'a\nc', 'line 2 is "c" instead of "b"'],
  ['a\nb', 'a', 'line 2 is the end instead of "b"'],
  ['a', 'a\nb', 'line 2 is "b" instead of the end'],
  ['a\n…\nd', 'a\nb\nc', 'line 4 is the end instead of "d"'],
])('%j against %j: %j', (wanted, output, problem) => {
  expect(difference(wanted, output)).toBe(problem);
});
