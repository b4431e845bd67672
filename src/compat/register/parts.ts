/** The parts of `ringlet/register`: all entries import this one, so that it and they are two files in the package. */
export { registerDatagrams } from './datagrams.js';
export { registerFiles } from './files.js';
export { registerStreams } from './streams.js';
