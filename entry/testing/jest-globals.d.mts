import './jest-globals.js';
