import context from './context.js';

export const { AgentContextFilter, AgentwiseError } = context;
export default AgentContextFilter;
