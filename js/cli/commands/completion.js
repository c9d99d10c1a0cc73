'use strict';

/** The command `completion`. */

module.exports = function add() {};
