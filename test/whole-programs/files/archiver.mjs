// archiver writes a ZIP
import { ZipArchive } from 'archiver';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { input, numbered } from '../kit.mjs';
input(numbered(30, (index) => [`in/file${index}`, `${index} `.repeat(index * 100)]));
const output = createWriteStream('all.zip');
const archive = new ZipArchive({ zlib: { level: 9 } });
const date = new Date(1e12);
archive.pipe(output);
archive.directory('in', 'folder', { date });
archive.append(createReadStream('in/file5'), { name: 'again', date });
archive.append('text', { name: 'text', date });
await Promise.all([archive.finalize(), once(output, 'close')]);
console.log(archive.pointer());
