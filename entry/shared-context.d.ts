export {
  AgentwiseError,
  ContextDiff,
  SharedContextAnswer,
  SharedContextClient,
  SharedContextClient as default,
  SharedContextClientEvents,
  SharedContextClientOptions,
  SharedContextClientStats,
  SharedContextFailure,
  SharedContextServer,
  SharedContextServerOptions,
  startSharedContextServer,
} from '../index.js';
