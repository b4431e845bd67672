/** `ringlet/register/dgram`: UDP of a whole program. */
import { registerDatagrams } from './parts.js';

registerDatagrams();
