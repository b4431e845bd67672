// fs-extra, by callbacks and promises
import fs from 'fs-extra';
import { input, numbered } from '../kit.mjs';
input(numbered(30, (index) => [`in/${index % 3}/file${index}`, `${index}`.repeat(index)]));
await fs.copy('in', 'out', { filter: (from) => !from.endsWith('7') });
await fs.move('out/0', 'moved/deep/0');
await fs.outputJson('made/here/a.json', { a: [1, 2] }, { spaces: 2 });
await fs.ensureSymlink('in/1/file1', 'links/one');
await fs.ensureLink('in/1/file4', 'links/hard');
await fs.emptyDir('out/1');
await fs.remove('in/2');
console.log(
  await fs.pathExists('in/2'),
  await fs.readJson('made/here/a.json'),
  (await fs.readdir('out/2')).sort().join(' '),
);
fs.stat('none', (error, stats) => console.log(error.message, stats));
