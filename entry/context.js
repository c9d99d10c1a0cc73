'use strict';

const { AgentContextFilter } = require('../js/agent-context-filter.js');
const { AgentwiseError } = require('../js/errors.js');

module.exports = { AgentContextFilter, AgentwiseError, default: AgentContextFilter };

Object.defineProperty(module.exports, '__esModule', { value: true });
