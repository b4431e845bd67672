// yazl writes a ZIP that yauzl reads
import { once } from 'node:events';
import { createWriteStream, mkdirSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import yauzl from 'yauzl';
import yazl from 'yazl';
import { input, numbered } from '../kit.mjs';
input(numbered(30, (index) => [`in${index}`, `${index} `.repeat(index * 100)]));
const zip = new yazl.ZipFile();
for (let index = 0; index < 30; index++)
  zip.addFile(`in${index}`, `file${index}`, { mtime: new Date(1e12), mode: 0o100640 });
zip.addBuffer(Buffer.from('hello'), 'buffer', { mtime: new Date(1e12) });
zip.end();
await pipeline(zip.outputStream, createWriteStream('all.zip'));
mkdirSync('out');
const opened = await new Promise((resolve, reject) =>
  yauzl.open('all.zip', { lazyEntries: true }, (error, file) => (error ? reject(error) : resolve(file))),
);
opened
  .on('entry', (entry) =>
    opened.openReadStream(entry, async (error, stream) => {
      if (error) throw error;
      await pipeline(stream, createWriteStream(`out/${entry.fileName}`));
      opened.readEntry();
    }),
  )
  .readEntry();
await once(opened, 'end');
console.log(opened.entryCount);
