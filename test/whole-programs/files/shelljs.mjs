// shelljs, in Sync and by a child
import shell from 'shelljs';
import { input } from '../kit.mjs';
input({ 'in/a': 'one\ntwo\n', 'in/b': 'three\n' });
shell.config.silent = true;
shell.cp('-R', 'in', 'out');
shell.sed('-i', /one/, '1', 'out/a');
console.log(`${shell.cat('out/*')}`, shell.ls('-R', '.').join(' '), shell.exec('cat in/b').stdout);
