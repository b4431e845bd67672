// chokidar sees files come, change and go
import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { watch } from 'chokidar';
import { input } from '../kit.mjs';
input({ 'in/a': 'a', 'in/b': 'b' });
const watcher = watch('in');
const when = (event, path) =>
  new Promise((resolve) => watcher.on(event, (seen) => seen === path && resolve(`${event} ${path}`)));
await new Promise((resolve) => watcher.on('ready', resolve));
let next = when('add', 'in/c');
writeFileSync('in/c', 'c');
console.log(await next);
next = when('change', 'in/a');
appendFileSync('in/a', 'more');
console.log(await next);
next = when('unlink', 'in/b');
rmSync('in/b');
console.log(await next);
await watcher.close();
