// JSZip, to a file as a stream and back
import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import Zip from 'jszip';
const zip = new Zip();
zip.file('folder/', null, { dir: true, date: new Date(1e12) });
for (let index = 0; index < 20; index++)
  zip.file(`folder/file${index}`, 'text '.repeat(index * 30), { date: new Date(1e12) });
await pipeline(zip.generateNodeStream({ compression: 'DEFLATE' }), createWriteStream('all.zip'));
const read = await Zip.loadAsync(await readFile('all.zip'));
console.log(Object.keys(read.files).length, (await read.file('folder/file19').async('string')).length);
