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
  legalComments: 'none',
  logLevel: 'warning',
});
