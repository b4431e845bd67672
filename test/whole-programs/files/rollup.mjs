// rollup bundles modules, with chunks and source maps
import { rollup } from 'rollup';
import { input, numbered } from '../kit.mjs';
input(
  numbered(60, (index) => {
    const next =
      index < 59 ? `import { value as next } from './module${index + 1}.js';\n` : 'const next = 1;\n';
    const later = index % 20 === 10 ? `export const later = () => import('./module${index + 5}.js');\n` : '';
    return [
      `src/module${index}.js`,
      `${next}${later}export const value = ${index} + next;\nconsole.log(value);\n`,
    ];
  }),
);
const bundle = await rollup({ input: 'src/module0.js' });
const { output } = await bundle.write({ dir: 'out', sourcemap: true });
console.log(
  output
    .map(({ fileName }) => fileName)
    .sort()
    .join(' '),
);
await bundle.close();
