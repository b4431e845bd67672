// webpack bundles, with a cache in files
import webpack from 'webpack';
import { input, numbered } from '../kit.mjs';
input({
  'src/index.js': `${Array.from({ length: 20 }, (_unused, index) => `import './part${index}.js';`).join('\n')}\n`,
  ...numbered(20, (index) => [`src/part${index}.js`, `console.log('part ${index}');\n`]),
});
const compiler = webpack({
  context: process.cwd(),
  mode: 'production',
  entry: './src/index.js',
  output: { path: `${process.cwd()}/out` },
  devtool: 'source-map',
});
const stats = await new Promise((resolve, reject) =>
  compiler.run((error, result) => (error ? reject(error) : resolve(result))),
);
console.log(
  stats
    .toJson({ all: false, assets: true })
    .assets.map(({ name, size }) => `${name} ${size}`)
    .join('\n'),
);
await new Promise((resolve) => compiler.close(resolve));
