/** Reads a package without unpacking it. */

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

/** The manifest in a tarball: npm puts it at `package/package.json`. */
export function manifestOf(tarball) {
  const archive = gunzipSync(readFileSync(tarball));
  // A tar archive is headers of 512 bytes, each followed by its file in blocks of 512 bytes.
  for (let at = 0; at + 512 <= archive.length; ) {
    const name = archive.toString('utf8', at, at + 100).split('\0')[0];
    const size = Number.parseInt(archive.toString('latin1', at + 124, at + 136), 8) || 0;
    if (name === 'package/package.json') return JSON.parse(archive.toString('utf8', at + 512, at + 512 + size));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  throw new Error(`${tarball} has no package/package.json`);
}
