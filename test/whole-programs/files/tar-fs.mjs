// tar-fs, one folder to another through streams
import { pipeline } from 'node:stream/promises';
import tar from 'tar-fs';
import { input, numbered } from '../kit.mjs';
input(numbered(40, (index) => [`in/${index % 4}/file${index}`, 'x'.repeat(index * 4000)]));
await pipeline(tar.pack('in'), tar.extract('out', { dmode: 0o755, fmode: 0o644 }));
console.log('copied');
