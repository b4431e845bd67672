/** What `npm publish` would send, as `npm install --ignore-scripts` would leave it in a program's folder. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PACKAGE_ROOT } from './child.js';

/** The machine that the tests run on; the only one whose addon is in the package that they try. */
export const TARGET = `${process.platform}-${process.arch}`;

interface Manifest {
  dependencies: Record<string, string>;
}

export interface PackedPackage {
  /** A folder with nothing in it but the tarball, and `node_modules`. */
  readonly home: string;
  readonly tarball: string;
  /** The package in its `node_modules`. */
  readonly installed: string;
}

/** Call inside `describe`. */
export function packedPackage(): PackedPackage {
  const prebuilds = join(PACKAGE_ROOT, 'prebuilds');
  const hadPrebuilds = existsSync(prebuilds);
  const home = mkdtempSync(join(tmpdir(), 'ringlet-package-'));
  const installed = join(home, 'node_modules/ringlet');
  let tarball = '';

  before('installing what would be published', () => {
    execFileSync(process.execPath, ['scripts/prebuild.mjs', TARGET], { cwd: PACKAGE_ROOT, stdio: 'ignore' });
    const pack = ['pack', '--silent', '--ignore-scripts', '--pack-destination', home];
    tarball = join(home, execFileSync('npm', pack, { cwd: PACKAGE_ROOT, encoding: 'utf8' }).trim());
    mkdirSync(installed, { recursive: true });
    execFileSync('tar', ['-xf', tarball, '-C', installed, '--strip-components=1']);
    const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as Manifest;
    for (const name of Object.keys(manifest.dependencies)) {
      symlinkSync(join(PACKAGE_ROOT, 'node_modules', name), join(home, 'node_modules', name));
    }
  });

  after(() => {
    rmSync(home, { recursive: true, force: true });
    if (!hadPrebuilds) rmSync(prebuilds, { recursive: true, force: true });
  });

  return {
    home,
    installed,
    get tarball() {
      return tarball;
    },
  };
}
