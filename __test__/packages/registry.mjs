/**
 * A package registry on loopback with exactly the packages that it is given, so that an install can be tried as a user does
 * it, without anything being published. It reads and serves; it knows no users and stores nothing.
 */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { manifestOf } from '../../npm/manifest.mjs';

/**
 * @param {string[]} tarballs what can be installed
 * @param {object[]} manifests packages that are only known by their manifest: those of other platforms, which npm looks at
 * and leaves alone
 */
export async function startRegistry(tarballs, manifests = []) {
  const packages = new Map();
  const server = createServer((request, response) => {
    const [, name, file] = decodeURIComponent(request.url).split('/');
    const found = packages.get(name);
    if (request.method !== 'GET' || !found || (file && !found.tarball)) {
      response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":"not found"}');
    } else if (file) {
      response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(readFileSync(found.tarball));
    } else {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(found.document));
    }
  });
  await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${server.address().port}`;

  function add(manifest, tarball) {
    const { name, version } = manifest;
    const content = tarball ? readFileSync(tarball) : Buffer.from(name);
    const dist = {
      tarball: `${url}/${name}/${version}.tgz`,
      integrity: `sha512-${createHash('sha512').update(content).digest('base64')}`,
    };
    const hasInstallScript = Boolean(manifest.scripts?.install);
    const versions = { [version]: { ...manifest, dist, hasInstallScript } };
    packages.set(name, { tarball, document: { name, 'dist-tags': { latest: version }, versions } });
  }
  for (const manifest of manifests) add(manifest);
  for (const tarball of tarballs) add(manifestOf(tarball), tarball);
  const close = () =>
    new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  return { url, close };
}
