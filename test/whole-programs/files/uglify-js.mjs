// UglifyJS, by its command
import { command, input } from '../kit.mjs';
input({ 'a.js': 'var unused = 1; function f(long) { return long + 1; }\nconsole.log(f(2));\n' });
await command('uglify-js/bin/uglifyjs', 'a.js', '-c', '-m', '-o', 'out.js');
