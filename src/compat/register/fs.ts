/** `ringlet/register/fs`: files of a whole program. */
import { registerFiles } from './parts.js';

registerFiles();
