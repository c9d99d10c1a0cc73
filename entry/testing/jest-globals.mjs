import './jest.js';
