/**
 * Deletes compiled files whose source is gone: the compiler never does, and mocha would run a deleted test,
 * npm publish a deleted module. Plain JavaScript on Node's own modules.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** Output folder by source folder, as the four tsconfig.json files have it. */
const OUTPUTS = { src: 'dist', test: 'build/test', examples: 'build/examples', bench: 'build/bench' };

for (const [source, output] of Object.entries(OUTPUTS)) {
  if (!existsSync(join(root, output))) continue;
  for (const file of readdirSync(join(root, output), { recursive: true })) {
    const [, stem, ofTypes = '', ofCode = ''] =
      /^(.*?)(?:\.d\.([cm]?)ts|\.([cm]?)js)(?:\.map)?$/.exec(file) ?? [];
    if (stem === undefined) continue;
    if (!existsSync(join(root, source, `${stem}.${ofTypes}${ofCode}ts`))) rmSync(join(root, output, file));
  }
}
