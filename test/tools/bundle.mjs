/**
 * `node bundle.mjs TOOL ENTRY FOLDER [--external]`: bundles a program as that tool's documentation has it, and prints
 * the path of what is to be run. From a `.mjs` it makes an ES module, from a `.cjs` CommonJS; with --external, by the
 * line of docs/bundlers.md, ringlet stays outside.
 */
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, extname, join, relative } from 'node:path';

const [tool, entry, folder, flag] = process.argv.slice(2);
const isExternal = flag === '--external';
const isModule = extname(entry) === '.mjs';
const output = join(folder, basename(entry));

const TOOLS = {
  async esbuild(format = isModule ? 'esm' : 'cjs') {
    const { build } = await import('esbuild');
    const external = isExternal ? ['ringlet'] : [];
    const { warnings } = await build({
      entryPoints: [entry],
      outfile: format === 'cjs' ? output.replace(/\.mjs$/, '.cjs') : output,
      bundle: true,
      platform: 'node',
      format,
      external,
      logLevel: 'silent',
    });
    return warnings.map(({ text }) => text);
  },

  /** CommonJS of an ES module, which has no `import.meta.url`: what esbuild makes for Node unless told otherwise. */
  'esbuild to CommonJS': () => TOOLS.esbuild('cjs'),

  async rollup() {
    const { rollup } = await import('rollup');
    const { default: nodeResolve } = await import('@rollup/plugin-node-resolve');
    const { default: commonJs } = await import('@rollup/plugin-commonjs');
    const warnings = [];
    const bundle = await rollup({
      input: entry,
      plugins: [nodeResolve(), commonJs()],
      external: isExternal ? /^ringlet(\/|$)/ : [],
      onwarn: ({ message }) => warnings.push(message),
    });
    await bundle.write({ file: output, format: isModule ? 'es' : 'cjs' });
    return warnings;
  },

  async vite() {
    const { build } = await import('vite');
    const output = { entryFileNames: basename(entry) };
    await build({
      root: dirname(entry),
      configFile: false,
      logLevel: 'error',
      build: { ssr: entry, outDir: folder, rolldownOptions: { output } },
      ssr: isExternal ? { noExternal: true, external: ['ringlet'] } : { noExternal: true },
    });
    return [];
  },

  async webpack() {
    const { default: webpack } = await import('webpack');
    const compiler = webpack({
      mode: 'production',
      optimization: { minimize: false },
      target: 'node',
      context: dirname(entry),
      entry,
      output: { path: folder, filename: basename(entry), module: isModule },
      experiments: { outputModule: isModule },
      externals: isExternal ? [/^ringlet/] : [],
      externalsType: isModule ? 'module' : 'commonjs',
    });
    const stats = await new Promise((resolve, reject) => {
      compiler.run((error, result) => (error ? reject(error) : resolve(result)));
    });
    const { errors, warnings } = stats.toJson({ all: false, errors: true, warnings: true });
    return [...errors, ...warnings].map(({ message }) => message);
  },

  async ncc() {
    const { default: ncc } = await import('@vercel/ncc');
    const externals = isExternal ? ['ringlet', 'ringlet/fs/promises', 'ringlet/net'] : [];
    const { code, assets } = await ncc(entry, { cache: false, quiet: true, externals });
    for (const [name, { source }] of Object.entries({ ...assets, [basename(entry)]: { source: code } })) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), source);
    }
    return [];
  },

  async nft() {
    const { nodeFileTrace } = await import('@vercel/nft');
    const base = dirname(entry);
    const { fileList, warnings } = await nodeFileTrace([entry], { base });
    for (const name of fileList) cpSync(join(base, name), join(folder, name));
    return [...warnings].map(String);
  },
};

const warnings = await TOOLS[tool]();
if (warnings.length > 0) {
  console.error(warnings.join('\n'));
  process.exitCode = 1;
}
const isConverted = tool === 'esbuild to CommonJS';
console.log(relative(folder, isConverted ? output.replace(/\.mjs$/, '.cjs') : output));
