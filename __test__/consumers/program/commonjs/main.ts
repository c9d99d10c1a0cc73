import '../main.js';
import { required } from './required.js';

required();
