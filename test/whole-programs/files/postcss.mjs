// PostCSS, with a plug-in of its user's
import { readFile, writeFile } from 'node:fs/promises';
import postcss from 'postcss';
import { input } from '../kit.mjs';
input({ 'a.css': 'a { color: red }\n@media print { b { top: 0 } }\n' });
const plugin = {
  postcssPlugin: 'loud',
  Declaration(each) {
    each.important = true;
  },
};
const result = await postcss([plugin]).process(await readFile('a.css'), {
  from: 'a.css',
  to: 'out.css',
  map: { inline: false },
});
await Promise.all([writeFile('out.css', result.css), writeFile('out.css.map', `${result.map}`)]);
console.log(result.css);
