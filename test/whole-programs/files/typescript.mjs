// the compiler of TypeScript, by its command
// ends with 2
import { command, input, numbered } from '../kit.mjs';
input({
  'tsconfig.json':
    '{ "compilerOptions": { "outDir": "out", "declaration": true, "types": [], "lib": ["es2020"], "module": "commonjs", "target": "es2020" }, "include": ["src"] }',
  ...numbered(20, (index) => [
    `src/file${index}.ts`,
    `export const value${index}: number = ${index};\nexport type T${index} = { a: string };\n`,
  ]),
  'src/wrong.ts': 'export const wrong: string = 5;\n',
});
await command('typescript/lib/tsc.js');
