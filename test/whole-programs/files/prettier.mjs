// prettier formats files in place, by its command
import { command, input, numbered } from '../kit.mjs';
input({
  ...numbered(10, (index) => [`source${index}.js`, `const a${index}={b:1,c:[ 1,2 ]};;call( a${index} )\n`]),
  'page.md': '*  one\n*  two\n',
  'styles.css': 'a{color:red;b:c}',
  '.prettierrc': '{ "semi": false }',
});
await command('prettier/bin/prettier.cjs', '--list-different', '--write', '.');
