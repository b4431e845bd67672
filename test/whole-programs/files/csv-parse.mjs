// csv-parse on a stream of a file
import { createReadStream } from 'node:fs';
import { parse } from 'csv-parse';
import { input } from '../kit.mjs';
input({
  'a.csv': `id,text\n${Array.from({ length: 5000 }, (_unused, index) => `${index},"a ""quoted"" text, ${index}"`).join('\n')}\n`,
});
let [count, sum] = [0, 0];
for await (const { id, text } of createReadStream('a.csv').pipe(parse({ columns: true })))
  [count, sum] = [count + text.length, sum + Number(id)];
console.log(count, sum);
