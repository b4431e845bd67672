// JSDoc, by its command
import { command, input } from '../kit.mjs';
input({
  'src/a.js':
    '/**\n * Adds.\n * @param {number} a one\n * @returns {number} more\n */\nexport function add(a) { return a + 1; }\n',
});
await command('jsdoc/jsdoc.js', '-X', 'src');
