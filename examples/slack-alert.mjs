/**
 * An alert that reaches Slack, and the message that it is over. The "Slack" here is a server on this machine, so that it runs
 * anywhere; with a real webhook in SLACK_WEBHOOK_URL nothing else changes.
 *
 *   node slack-alert.mjs
 */

import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import ProductionMonitor from 'agentwise-optimization/monitor';

const slack = createServer(async (request, response) => {
  const { text: summary, attachments } = JSON.parse(await text(request));
  console.log('slack got:', summary, '/', attachments.length, 'attachment');
  response.end('ok');
});
slack.listen(0, '127.0.0.1');
await once(slack, 'listening');

// Addresses come from the environment only, never from a configuration file.
process.env.SLACK_WEBHOOK_URL = `http://127.0.0.1:${slack.address().port}/services/T/B/x`;

// A real program leaves `persistMetrics` out: history and alerts then survive a restart, in `.cache/monitor`.
const monitor = new ProductionMonitor({
  environment: 'production',
  enableSlackAlerts: true,
  console: false,
  persistMetrics: false,
});
monitor.on('alertNotDelivered', ({ channel, reason }) => console.error(channel, 'gave up:', reason));

try {
  // Most alerts come from rules (memory, processor, disk, hit rate, errors); a program raises its own like this.
  let delivered = once(monitor, 'alertDelivered', { signal: AbortSignal.timeout(20_000) });
  const alert = monitor.createAlert({
    type: 'critical',
    component: 'agents',
    title: 'The backend agent gives no answer',
    message: 'Three calls in a row took longer than 60 s.',
    metadata: { agent: 'backend-specialist' },
  });
  // The same alert is not raised again within five minutes.
  if (alert === null) throw new Error('this alert was raised just now');
  let [{ channel, ids }] = await delivered;
  console.log('delivered by', channel, ids.includes(alert.id));

  delivered = once(monitor, 'alertDelivered', { signal: AbortSignal.timeout(20_000) });
  monitor.resolveAlert(alert.id);
  [{ channel, ids }] = await delivered;
  console.log('resolved, told by', channel);

  const { delivered: sent, queued, dead } = monitor.getStatus().channels.find(({ name }) => name === 'slack');
  console.log({ sent, queued, dead });
} finally {
  await monitor.stop();
  slack.close();
}
