/** `node --import ringlet/register app.js`: files, TCP and UDP of a whole program. Each part can be had alone. */
import { registerDatagrams, registerFiles, registerStreams } from './parts.js';

registerFiles();
registerStreams();
registerDatagrams();
