#!/usr/bin/env node
'use strict';

/** The program `agentwise-optimization`. How it ends: see `run.js`. */

const { main } = require('./run.js');

main(process.argv.slice(2));
