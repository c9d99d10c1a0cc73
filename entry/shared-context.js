'use strict';

const { SharedContextClient } = require('../js/shared-context/client.js');
const { startSharedContextServer } = require('../js/shared-context/server.js');
const { AgentwiseError } = require('../js/errors.js');

module.exports = { SharedContextClient, startSharedContextServer, AgentwiseError, default: SharedContextClient };

Object.defineProperty(module.exports, '__esModule', { value: true });
