/**
 * Vercel AI SDK: a middleware that answers a prompt that was answered before from the cache, whole and as a stream. For any
 * model; the one here is the mock of the SDK.
 *
 *   node ai-sdk.mts    Node.js 22.18 or later; before that compile it first, as tsconfig.json says
 */

import AdvancedCacheManager from 'agentwise-optimization/cache';
import { generateText, type LanguageModelMiddleware, simulateReadableStream, streamText, wrapLanguageModel } from 'ai';
import { MockLanguageModelV3 } from 'ai/test';

type WrapGenerate = Parameters<NonNullable<LanguageModelMiddleware['wrapGenerate']>>[0];
type Call = WrapGenerate['params'];
type Result = Awaited<ReturnType<WrapGenerate['doGenerate']>>;
type Stream = Awaited<ReturnType<WrapGenerate['doStream']>>['stream'];
type Part = Stream extends ReadableStream<infer Each> ? Each : never;

/** What decides the answer: all of the call but its headers and its signal. */
const keyOf = ({ abortSignal: _signal, headers: _headers, ...call }: Call) => JSON.stringify(call);

/** What is kept of a result. Not what travelled: headers and bodies may hold what is nobody's business. */
const kept = ({ content, finishReason, usage, warnings, providerMetadata, response }: Result) => ({
  ...{ content, finishReason, usage, warnings, providerMetadata },
  response: { id: response?.id, modelId: response?.modelId, timestamp: response?.timestamp },
});

/** A `Date` comes back from the cache as text. */
const withDate = <Dated extends object>(part: Dated): Dated =>
  'timestamp' in part && typeof part.timestamp === 'string' ? { ...part, timestamp: new Date(part.timestamp) } : part;

/**
 * For answers of text, reasoning and tool calls; files that a model makes are bytes, and no JSON. Answers with a `temperature`
 * over 0 are stored as well: whoever wants another one each time leaves such calls out.
 *
 * @param options.ttlSeconds how long an answer lives
 */
function cacheMiddleware(cache: AdvancedCacheManager, { ttlSeconds = 3600 } = {}): LanguageModelMiddleware {
  return {
    specificationVersion: 'v3',

    // Calls with the same prompt at the same time are one call of the model.
    wrapGenerate: async ({ doGenerate, params, model }) => {
      const options = { ttlSeconds, model: model.modelId };
      const result = await cache.getOrCompute(
        `generate ${keyOf(params)}`,
        async () => kept(await doGenerate()),
        options,
      );
      return { ...result, response: withDate(result.response) };
    },

    wrapStream: async ({ doStream, params, model }) => {
      const key = `stream ${keyOf(params)}`;
      const stored = await cache.get<Part[]>(key, { model: model.modelId, exact: true });
      if (stored !== null) return { stream: simulateReadableStream({ chunks: stored.map(withDate) }) };
      const { stream, ...rest } = await doStream();
      const parts: Part[] = [];
      const keep = new TransformStream<Part, Part>({
        transform(part, controller) {
          parts.push(part);
          controller.enqueue(part);
        },
        // Only here is the answer whole: one that broke off or failed is not stored. What cannot be stored is not lost.
        async flush() {
          if (parts.some(({ type }) => type === 'error')) return;
          await cache.set(key, parts, ttlSeconds, { model: model.modelId }).catch(({ code }) => console.warn(code));
        },
      });
      return { stream: stream.pipeThrough(keep), ...rest };
    },
  };
}

const finish = {
  finishReason: { unified: 'stop', raw: 'stop' },
  usage: {
    inputTokens: { total: 8, noCache: 8, cacheRead: 0, cacheWrite: 0 },
    outputTokens: { total: 3, text: 3, reasoning: 0 },
  },
} as const;
const mock: MockLanguageModelV3 = new MockLanguageModelV3({
  modelId: 'mock',
  doGenerate: async () => ({
    content: [{ type: 'text', text: `answer ${mock.doGenerateCalls.length}` }],
    warnings: [],
    response: { timestamp: new Date(0) },
    ...finish,
  }),
  doStream: async () => ({
    stream: simulateReadableStream<Part>({
      chunks: [
        { type: 'stream-start', warnings: [] },
        { type: 'text-start', id: '1' },
        { type: 'text-delta', id: '1', delta: 'one two ' },
        { type: 'text-delta', id: '1', delta: 'three' },
        { type: 'text-end', id: '1' },
        { type: 'finish', ...finish },
      ],
    }),
  }),
});

// In memory only, as this is an example; leave the setting out to keep answers in `.cache`.
const cache = new AdvancedCacheManager({ persistToDisk: false });
try {
  const model = wrapLanguageModel({ model: mock, middleware: cacheMiddleware(cache) });
  const generate = async (prompt: string) => (await generateText({ model, prompt })).text;
  console.log(await generate('What is a cache?'), '/', await generate('What is a cache?'), '/', await generate('Why?'));
  console.log('calls of the model:', mock.doGenerateCalls.length);

  for (const round of ['first', 'again']) {
    let text = '';
    const { textStream } = streamText({
      model,
      prompt: 'Count to three',
      onError: ({ error }) => console.error(error),
    });
    for await (const delta of textStream) text += delta;
    console.log(`${round}: ${text}`);
  }
  console.log('streams of the model:', mock.doStreamCalls.length);
} finally {
  await cache.stop();
}
