// less, with an import
import less from 'less';
import { readFile, writeFile } from 'node:fs/promises';
import { input } from '../kit.mjs';
input({ 'a.less': `@import 'b';\n.a { color: @c; .d { width: (2 + 3px); } }\n`, 'b.less': '@c: #f00;\n' });
const { css, imports } = await less.render(await readFile('a.less', 'utf8'), {
  filename: `${process.cwd()}/a.less`,
});
await writeFile('a.css', css);
console.log(css, imports.length);
