const { usePeers, until } = require('./peers.js');

const peers = usePeers();

const ASKED = 'What is the best way to sharpen a kitchen knife?';
const STORED = 'How do I sharpen a kitchen knife?';

const finds = (peer, value, options) =>
  until(
    () => peer.call('get', ASKED, options),
    (found) => found === value,
  );

test('a question that another process stored is found in other words', async () => {
  const [reader, writer] = [peers.peer(), peers.peer()];
  await reader.store('first of all', 1);
  expect(await reader.get(ASKED)).toBeNull();
  await writer.store(STORED, 'of the other');
  await finds(reader, 'of the other');
  await writer.store(STORED, 'changed');
  expect(await reader.get(ASKED)).toBe('changed');
  await writer.call('delete', STORED);
  await writer.flush();
  expect(await reader.get(ASKED)).toBeNull();
});

test('questions that were stored before are found, in their scope only', async () => {
  const before = peers.peer();
  const filler = Array.from({ length: 3000 }, (_, index) => [`What does part ${index} of the engine do?`, index]);
  await before.call('set', STORED, 'of one', 0, { agentId: 'one' });
  await before.call('setAll', filler);
  await before.flush();
  await before.kill();
  const after = peers.peer();
  await finds(after, 'of one', { agentId: 'one' });
  await until(
    () => after.stats(),
    ({ similarity }) => similarity.isComplete && similarity.queries === 3001,
  );
  expect(await after.get(ASKED)).toBeNull();
  expect(await after.call('get', ASKED, { agentId: 'two' })).toBeNull();
  expect(await after.get('Please, what does part 17 of the engine do')).toBe(17);
  expect(await after.get('What does part 3017 of the engine do?')).toBeNull();
});
