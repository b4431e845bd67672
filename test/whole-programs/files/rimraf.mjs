// rimraf and del
import { deleteAsync } from 'del';
import { rimraf } from 'rimraf';
import { input, numbered } from '../kit.mjs';
input(numbered(100, (index) => [`in/${index % 7}/${index % 3}/file${index}`, '']));
console.log(await rimraf('in/0'), await rimraf(['in/1', 'none']), await rimraf('in/2/*', { glob: true }));
console.log((await deleteAsync(['in/3/**', '!in/3'])).length);
