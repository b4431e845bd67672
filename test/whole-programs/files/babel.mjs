// Babel compiles files
import { transformFileAsync } from '@babel/core';
import { writeFile } from 'node:fs/promises';
import { input, numbered } from '../kit.mjs';
input(
  numbered(10, (index) => [`file${index}.js`, `const f = (a) => a?.b ?? ${index};\nclass A { #x = 1; }\n`]),
);
for (let index = 0; index < 10; index++) {
  const { code } = await transformFileAsync(`file${index}.js`, {
    configFile: false,
    babelrc: false,
    compact: true,
  });
  await writeFile(`out${index}.js`, code, { mode: 0o600 });
}
console.log('compiled');
