'use strict';

require('./jest.js');
