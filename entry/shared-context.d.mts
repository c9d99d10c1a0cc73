export * from './shared-context.js';
export { SharedContextClient as default } from './shared-context.js';
