// cpy copies by patterns
import cpy from 'cpy';
import { input, numbered } from '../kit.mjs';
input(numbered(30, (index) => [`in/${index % 3}/file${index}.txt`, `${index}`.repeat(500 * index)]));
const copied = await cpy(['in/**/*.txt', '!**/file7.txt'], 'out');
console.log(copied.length);
