// svgo and clean-css
import { readFile, writeFile } from 'node:fs/promises';
import CleanCss from 'clean-css';
import { optimize } from 'svgo';
import { input } from '../kit.mjs';
input({
  'a.svg':
    '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"><!-- c --><g><path d="M 0 0 L 10 10"/></g></svg>',
  'a.css': `@import url(b.css);\na { color: #ff0000 }\n`,
  'b.css': 'b { margin: 0px }',
});
await writeFile('out.svg', optimize(await readFile('a.svg', 'utf8')).data);
const { styles, errors } = await new CleanCss({ returnPromise: true }).minify(['a.css']);
await writeFile('out.css', styles);
console.log(styles, errors);
