/** What `npm publish` would send, with the addon as it is built here, in a program's folder as npm would leave it. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PACKAGE_ROOT } from './child.js';

/** The machine that the tests run on; the only one whose addon is in the package that they try. */
export const TARGET = `${process.platform}-${process.arch}`;

const BUILT = join(PACKAGE_ROOT, 'build/Release/ringlet.node');

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
  const home = mkdtempSync(join(tmpdir(), 'ringlet-package-'));
  const installed = join(home, 'node_modules/ringlet');
  let tarball = '';

  before('installing what would be published', () => {
    const pack = ['pack', '--silent', '--ignore-scripts', '--pack-destination', home];
    tarball = join(home, execFileSync('npm', pack, { cwd: PACKAGE_ROOT, encoding: 'utf8' }).trim());
    mkdirSync(installed, { recursive: true });
    execFileSync('tar', ['-xf', tarball, '-C', installed, '--strip-components=1']);
    // A prebuilt one takes a minute to compile; prebuilds.test.ts has those.
    mkdirSync(join(installed, 'prebuilds'), { recursive: true });
    copyFileSync(BUILT, join(installed, 'prebuilds', `${TARGET}.node`));
    const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as Manifest;
    for (const name of Object.keys(manifest.dependencies)) {
      symlinkSync(join(PACKAGE_ROOT, 'node_modules', name), join(home, 'node_modules', name));
    }
  });

  after(() => rmSync(home, { recursive: true, force: true }));

  return {
    home,
    installed,
    get tarball() {
      return tarball;
    },
  };
}
