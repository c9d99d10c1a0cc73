import sharedContext from './shared-context.js';

export const { SharedContextClient, startSharedContextServer, AgentwiseError } = sharedContext;
export default SharedContextClient;
