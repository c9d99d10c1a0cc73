#!/usr/bin/env node
/**
 * What a Linux module asks of the system that it is loaded on: its shared libraries and, of glibc, the newest version. Reads
 * the ELF file with `readelf` (GNU binutils), and so can be run anywhere for any processor.
 *
 *     node npm/libraries.mjs <module.node> --glibc 2.17    at most this version may be asked for
 *     node npm/libraries.mjs <module.node> --glibc own     at most that of this machine
 *     node npm/libraries.mjs <module.node>                 a module for musl
 *
 * Exit code 1 if it asks for more.
 */

import { execFileSync } from 'node:child_process';
import { basename, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Libraries that every Linux of the kind has where Node.js runs: Node itself needs libgcc_s. */
const ALLOWED = {
  gnu: /^(ld-linux-\S+|libc|libm|libdl|libpthread|librt|libgcc_s)\.so\.\d+$/,
  musl: /^(libc\.musl-\w+\.so\.1|libc\.so|libgcc_s\.so\.1)$/,
};

const readelf = (option, file) =>
  execFileSync('readelf', ['--wide', option, file], { encoding: 'utf8', maxBuffer: 64 << 20 });

/** As numbers, part by part: 2.9 is older than 2.17. */
export function isOlder(one, other) {
  const [left, right] = [one, other].map((version) => version.split('.').map(Number));
  for (let at = 0; at < Math.max(left.length, right.length); at++) {
    const difference = (left[at] ?? 0) - (right[at] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

/** @returns the libraries, and the newest version of glibc; `null` where none is asked for. */
export function needs(file) {
  const libraries = [...readelf('--dynamic', file).matchAll(/\(NEEDED\)[^[]*\[([^\]]+)\]/g)].map(([, name]) => name);
  const versions = [...readelf('--version-info', file).matchAll(/\bGLIBC_(\d+(?:\.\d+)+)\b/g)].map(
    ([, version]) => version,
  );
  const glibc = versions.reduce((newest, version) => (newest && !isOlder(newest, version) ? newest : version), null);
  return { libraries, glibc };
}

/** @param {string | undefined} most newest version of glibc that may be asked for; none for musl. @returns what is wrong. */
export function problems({ libraries, glibc }, most) {
  const foreign = libraries.filter((name) => !ALLOWED[most ? 'gnu' : 'musl'].test(name));
  const found = foreign.map((name) => `it needs ${name}`);
  if (glibc && !most) found.push(`it needs glibc ${glibc}, and is for musl`);
  if (glibc && most && isOlder(most, glibc)) found.push(`it needs glibc ${glibc}; at most ${most} is allowed`);
  return found;
}

/** The version that this Node.js runs with; `undefined` with musl. */
const ownGlibc = () => process.report.getReport().header.glibcVersionRuntime;

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const [file, option, version, ...rest] = process.argv.slice(2);
  const isSound = option === undefined || (option === '--glibc' && /^(own|\d+(\.\d+)+)$/.test(version ?? ''));
  if (!file || !isSound || rest.length > 0) {
    console.error('usage: node npm/libraries.mjs <module.node> [--glibc <version>|own]');
    process.exit(2);
  }
  try {
    const found = needs(file);
    const most = version === 'own' ? ownGlibc() : version;
    console.log(
      `${basename(file)}: ${found.libraries.join(', ')}; ${found.glibc ? `glibc ${found.glibc} or later` : 'no glibc'}`,
    );
    for (const problem of problems(found, most)) {
      console.error(`${basename(file)}: ${problem}`);
      process.exitCode = 1;
    }
  } catch (error) {
    console.error(`npm/libraries.mjs: ${error.message}`);
    process.exitCode = 1;
  }
}
