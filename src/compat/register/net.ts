/** `ringlet/register/net`: TCP of a whole program. */
import { registerStreams } from './parts.js';

registerStreams();
