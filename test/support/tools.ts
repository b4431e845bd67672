/** Bundlers, test runners and compilers, as test/tools pins them: installed by the first test that needs them. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { PACKAGE_ROOT } from './child.js';

export const TOOLS = join(PACKAGE_ROOT, 'test/tools');
const LOCK = join(TOOLS, 'package-lock.json');
/** The lock file that was installed. */
const INSTALLED = join(TOOLS, 'node_modules/.installed-lock.json');
const INSTALLING_MS = 300_000;

/** Call inside `describe`. */
export function needsTools(): void {
  before('installing the tools', function () {
    this.timeout(INSTALLING_MS);
    const lock = readFileSync(LOCK, 'utf8');
    if (existsSync(INSTALLED) && readFileSync(INSTALLED, 'utf8') === lock) return;
    const options = { cwd: TOOLS, stdio: 'ignore', timeout: INSTALLING_MS } as const;
    execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], options);
    writeFileSync(INSTALLED, lock);
  });
}

/** The program of a tool, as a file for Node. */
export function toolProgram(name: string, command = name): string {
  const manifestPath = join(TOOLS, 'node_modules', name, 'package.json');
  const { bin } = JSON.parse(readFileSync(manifestPath, 'utf8')) as { bin: string | Record<string, string> };
  const path = typeof bin === 'string' ? bin : bin[command];
  if (path === undefined) throw new Error(`${name} has no command '${command}'`);
  return createRequire(manifestPath).resolve(join(TOOLS, 'node_modules', name, path));
}
