/** One line changed in one of 200 files: what is sent of it against the whole context. */

import { countTokensAsync, TokenOptimizer } from '../../../index.mjs';
import { repositoryFiles } from '../../bench/contexts.mjs';
import { quantile } from '../../bench/harness.mjs';
import { random } from '../../bench/random.mjs';
import { sourceFiles } from './generated.mjs';
import { Receiver, sendAndRestore } from './restored.mjs';

export const TARGET_SHARE = 0.02;

const FILES = 200;
/** Edits one after the other, each in another file. */
const EDITS = 10;
const SEED = 11;
const TASK = 'Add rate limiting to the public API and cover it with tests';

const FORMS = {
  'one key with all files': (files) => ({ files: Object.fromEntries(files), currentTask: TASK }),
  'each file a key': (files) => ({ ...Object.fromEntries(files), currentTask: TASK }),
};

/** A line in the middle replaced by another. */
function edited(text, serial) {
  const lines = text.split('\n');
  lines[lines.length >> 1] = `    limit_${serial} = bucket.take(${serial}, now)  # one more for each caller`;
  return lines.join('\n');
}

async function editRow({ source, files, form, encoding }) {
  const next = random(SEED);
  const order = files.map((_, at) => [next(), at]).sort(([a], [b]) => a - b);
  const optimizer = new TokenOptimizer(null, null, null, null, { encoding });
  const receiver = new Receiver(optimizer);
  const send = (context) => sendAndRestore(optimizer, receiver, { agent: 'coder', context });
  let current = files;
  const first = await send(FORMS[form](current));
  const shares = { transport: [], prompt: [] };
  let exact = first.isExact ? 1 : 0;
  let [whole, transport, fetched] = [0, 0, 0];
  const edits = order.slice(0, EDITS);
  for (const [serial, [, place]] of edits.entries()) {
    current = current.map(([path, text], at) => [path, at === place ? edited(text, serial) : text]);
    const context = FORMS[form](current);
    whole = await countTokensAsync(JSON.stringify(context));
    const sent = await send(context);
    shares.transport.push(sent.transport / whole);
    shares.prompt.push((sent.prompt + sent.fetched) / whole);
    transport += sent.transport;
    fetched += sent.fetched;
    if (sent.isExact) exact++;
  }
  await optimizer.close();
  return {
    source,
    files: files.length,
    form,
    encoding,
    whole,
    sent: transport / edits.length,
    fetched,
    transport: { median: quantile(shares.transport, 0.5), worst: Math.max(...shares.transport) },
    prompt: { median: quantile(shares.prompt, 0.5), worst: Math.max(...shares.prompt) },
    edits: edits.length,
    isExact: exact === edits.length + 1,
  };
}

export async function editRows(progress) {
  const sources = { generated: sourceFiles(FILES, SEED), 'this repository': repositoryFiles().slice(0, FILES) };
  const rows = [];
  for (const [source, files] of Object.entries(sources)) {
    for (const form of Object.keys(FORMS)) {
      for (const encoding of ['keys', 'blocks']) {
        progress(`one edit: ${source}, ${form}, ${encoding}`);
        rows.push(await editRow({ source, files, form, encoding }));
      }
    }
  }
  return { rows };
}
