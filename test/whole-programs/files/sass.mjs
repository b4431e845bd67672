// sass, by its command, with a source map
import { command, input } from '../kit.mjs';
input({ 'a.scss': `@use 'b';\n.a { .b { color: b.$c; } }\n`, '_b.scss': '$c: red;\n' });
await command('sass/sass.js', '--style=compressed', 'a.scss', 'out/a.css');
