// ESLint mends files
import { ESLint } from 'eslint';
import { input, numbered } from '../kit.mjs';
input(numbered(10, (index) => [`file${index}.js`, `var a = ${index}\nif (a == 1) { a = 2; }\n`]));
const rules = { 'no-var': 'error', eqeqeq: 'error', 'prefer-const': 'warn' };
const eslint = new ESLint({ overrideConfigFile: true, overrideConfig: [{ rules }], fix: true });
const results = await eslint.lintFiles(['*.js']);
await ESLint.outputFixes(results);
console.log(results.map(({ messages, output }) => [messages.length, output]));
