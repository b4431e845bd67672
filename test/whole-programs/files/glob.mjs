// glob, fast-glob and klaw
import fastGlob from 'fast-glob';
import { glob } from 'glob';
import klaw from 'klaw';
import { relative } from 'node:path';
import { input, numbered } from '../kit.mjs';
input(numbered(60, (index) => [`in/${index % 5}/${index % 4}/file${index}.${index % 2 ? 'js' : 'ts'}`, '']));
console.log((await glob('in/**/*.js', { stat: true })).sort().join(' '));
console.log(
  (await fastGlob(['in/**/*.ts', '!**/3/**'], { stats: true }))
    .map(({ path, stats }) => `${path} ${stats.size}`)
    .sort()
    .join(' '),
);
const walked = [];
for await (const { path, stats } of klaw('in')) walked.push(`${relative('.', path)} ${stats.isDirectory()}`);
console.log(walked.sort().join('\n'));
