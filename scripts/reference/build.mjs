/**
 * Makes the API reference from the docstrings: `npm run docs:api`, into docs/api/, to be opened in a browser.
 *
 * Fails for a public name without a text, and for a link that leads nowhere. typedoc needs an older compiler than the
 * package is built with, so it has a lock file of its own here.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = dirname(fileURLToPath(import.meta.url));
const options = { cwd: folder, stdio: 'inherit' };
const lock = readFileSync(join(folder, 'package-lock.json'), 'utf8');
/** The lock file that was installed. */
const installed = join(folder, 'node_modules/.installed-lock.json');

if (!existsSync(installed) || readFileSync(installed, 'utf8') !== lock) {
  execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], options);
  writeFileSync(installed, lock);
}
execFileSync(process.execPath, ['node_modules/typedoc/bin/typedoc', '--options', 'typedoc.json'], options);
