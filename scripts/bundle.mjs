/**
 * Puts what the package exports into a few files, in place of the modules that tsc has just written: loading
 * a hundred modules one by one takes five times as long as running them.
 *
 * The other modules stay beside them, for the command line, for tests and for readers. What the entries have in
 * common is in one file, so that there is one of everything. `tsc -p .` alone undoes it.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { exports: exported, engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** The ES modules that `exports` leads to, and what these load later (src/backend/select.ts). */
const entryPoints = Object.values(exported)
  .map((target) => (typeof target === 'string' ? target : target.default))
  .filter((target) => target.endsWith('.js'))
  .concat('dist/backend/concrete.js')
  .map((target) => join(root, target));

/** What every entry loads; another module of Node stays an import of the file that asks for it. */
const NEEDED_BY_ALL = new Set(
  ['events', 'fs', 'fs/promises', 'module', 'os', 'path', 'stream', 'url', 'util'].map(
    (name) => `node:${name}`,
  ),
);

/**
 * Node's modules by `process.getBuiltinModule`, name by name. Importing one as a module reads all that it exports
 * at once, and so loads what Node itself puts off until somebody asks: all of Web Crypto for `node:crypto`, the
 * deferred parts of `node:util`. Stated in the sources, that would be an import no editor understands.
 */
const builtins = {
  name: 'builtins',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:/ }, ({ path, importer }) => {
      // Its `export *` is of names that only the running Node knows.
      const isReexported = importer.endsWith('dist/fs/promises.js');
      const isExternal = isReexported || !NEEDED_BY_ALL.has(path);
      return isExternal ? { path, external: true } : { path, namespace: 'builtin', sideEffects: false };
    });
    onLoad({ filter: /^node:/, namespace: 'builtin' }, ({ path }) => {
      const names = Object.keys(process.getBuiltinModule(path)).filter((name) => name !== 'default');
      const lines = names.map((name) => `export const ${name} = /* @__PURE__ */ (() => builtin.${name})();`);
      const module = `const builtin = process.getBuiltinModule('${path}');\nexport default builtin;`;
      return { contents: [module, ...lines].join('\n') };
    });
  },
};

await build({
  entryPoints,
  outdir: join(root, 'dist'),
  outbase: join(root, 'dist'),
  allowOverwrite: true,
  bundle: true,
  splitting: true,
  chunkNames: 'bundle-[hash]',
  format: 'esm',
  platform: 'node',
  target: `node${engines.node.replace(/^\D*/, '')}`,
  packages: 'external',
  plugins: [builtins],
  legalComments: 'none',
  logLevel: 'warning',
});
