/**
 * A package registry on loopback with exactly the packages that it is given, so that an install can be tried as a user does
 * it, without anything being published. It knows no users; what is published to it is gone when it closes.
 */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { manifestOf } from '../../npm/manifest.mjs';

/** What `npm publish` sends: the manifest of one version, its tag, and its tarball as base64. */
async function receive(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  const { versions, 'dist-tags': tags, _attachments: attachments } = JSON.parse(Buffer.concat(parts));
  const [[manifest], [{ data }]] = [Object.values(versions), Object.values(attachments)];
  return { manifest, tag: Object.keys(tags).join(), content: Buffer.from(data, 'base64') };
}

/**
 * @param {string[]} tarballs what can be installed
 * @param {object[]} manifests packages that are only known by their manifest: those of other platforms, which npm looks at
 * and leaves alone
 * @returns {Promise<{ url: string, published: string[], close: () => Promise<void> }>} `published` grows with what is published: `<name>@<version> <tag>`
 */
export async function startRegistry(tarballs, manifests = []) {
  const packages = new Map();
  const published = [];
  const server = createServer(async (request, response) => {
    const [, name, file] = decodeURIComponent(request.url).split('/');
    const found = packages.get(name);
    if (request.method === 'PUT') {
      const { manifest, tag, content } = await receive(request);
      published.push(`${manifest.name}@${manifest.version} ${tag}`);
      add(manifest, content);
      response.writeHead(201, { 'content-type': 'application/json' }).end('{}');
    } else if (request.method !== 'GET' || !found || (file && !found.tarball)) {
      response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":"not found"}');
    } else if (file) {
      response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(found.tarball);
    } else {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(found.document));
    }
  });
  // A connection that is closed just when npm asks by it costs the ten seconds after which it asks again.
  server.keepAliveTimeout = 0;
  await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${server.address().port}`;

  function add(manifest, tarball) {
    const { name, version } = manifest;
    const content = tarball ?? Buffer.from(name);
    const dist = {
      tarball: `${url}/${name}/${version}.tgz`,
      integrity: `sha512-${createHash('sha512').update(content).digest('base64')}`,
    };
    const hasInstallScript = Boolean(manifest.scripts?.install);
    const versions = { [version]: { ...manifest, dist, hasInstallScript } };
    packages.set(name, { tarball, document: { name, 'dist-tags': { latest: version }, versions } });
  }
  for (const manifest of manifests) add(manifest);
  for (const tarball of tarballs) add(manifestOf(tarball), readFileSync(tarball));
  const close = () =>
    new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  return { url, published, close };
}
