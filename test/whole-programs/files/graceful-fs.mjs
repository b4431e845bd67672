// graceful-fs in the place of node:fs for the whole program
import fs from 'node:fs';
import { promisify } from 'node:util';
import graceful from 'graceful-fs';
import { input, numbered } from '../kit.mjs';
graceful.gracefulify(fs);
input(numbered(300, (index) => [`in/file${index}`, `${index}`]));
const all = await Promise.all(
  Array.from({ length: 300 }, (_unused, index) => promisify(fs.readFile)(`in/file${index}`, 'utf8')),
);
console.log(all.reduce((sum, text) => sum + Number(text), 0));
await Promise.all(
  all.map((_text, index) => promisify(graceful.writeFile)(`out${index % 30}`, `${index % 30}`)),
);
for (const name of ['none', 'in']) graceful.readFile(name, (error) => console.log(error.code));
graceful
  .createReadStream('in/file7')
  .pipe(graceful.createWriteStream('copy'))
  .on('close', () => graceful.rename('copy', 'copied', console.log));
