/** One process of usableDiskPeers: ends with status 0 if the peer of that name stores and reads an entry. */

import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DISK_PEERS } from './disk-peers.mjs';

const [name, parent] = process.argv.slice(2);
const folder = await mkdtemp(join(parent, 'probe-'));
const peer = DISK_PEERS.find((one) => one.name === name);
const store = await peer.store(folder);
await store.write([{ key: 'a', value: { b: 1 } }]);
if ((await store.get('a'))?.b !== 1) throw new Error('the entry does not come back');
await store.close();
await rm(folder, { recursive: true, force: true });
