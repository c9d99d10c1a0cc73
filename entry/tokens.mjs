import tokens from './tokens.js';

export const {
  TokenOptimizer,
  applyDelta,
  applyDeltaAsync,
  toMessage,
  renderForPrompt,
  countTokens,
  countTokensAsync,
  AgentwiseError,
} = tokens;
export default TokenOptimizer;
