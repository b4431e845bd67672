// tar packs and unpacks, compressed
import { statSync } from 'node:fs';
import { chmod, symlink } from 'node:fs/promises';
import { create, extract, list } from 'tar';
import { input, numbered } from '../kit.mjs';
input(numbered(50, (index) => [`in/${index % 5}/file${index}`, `${index} `.repeat(index * 50)]));
await chmod('in/0/file0', 0o755);
await symlink('file1', 'in/1/link');
await create({ gzip: true, file: 'all.tgz', portable: true, mtime: new Date(0) }, ['in']);
const names = [];
await list({ file: 'all.tgz', onReadEntry: ({ path }) => names.push(path) });
await extract({
  file: 'all.tgz',
  cwd: '.',
  strip: 0,
  newer: false,
  C: (await import('node:fs')).mkdirSync('out') ?? 'out',
});
console.log(names.sort().join(' '), statSync('out/in/0/file0').mode.toString(8));
