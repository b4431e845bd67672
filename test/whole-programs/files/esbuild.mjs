// esbuild, a process beside, spoken to over pipes
import { build } from 'esbuild';
import { input } from '../kit.mjs';
input({
  'a.ts': `import { b } from './b';\nconsole.log(b as number);\n`,
  'b.ts': 'export const b: number = 2;\n',
});
const { outputFiles, metafile } = await build({
  entryPoints: ['a.ts'],
  bundle: true,
  minify: true,
  outfile: 'out.js',
  metafile: true,
});
console.log(outputFiles, Object.keys(metafile.inputs).sort().join(' '));
