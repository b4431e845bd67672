// tsx runs TypeScript, in a child
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { input } from '../kit.mjs';
input({
  'a.ts': `import { b } from './b';\nimport { readFile } from 'node:fs/promises';\nenum E { A = 1 }\nconsole.log(b as number, E.A, (await readFile('b.ts')).length);\n`,
  'b.ts': 'export const b: number = 2;\n',
  'package.json': '{ "type": "module" }',
});
const tsx = `${dirname(createRequire(import.meta.url).resolve('tsx/package.json'))}/dist/loader.mjs`;
console.log(
  execFileSync(process.execPath, [...process.execArgv, '--import', tsx, 'a.ts'], { encoding: 'utf8' }),
);
