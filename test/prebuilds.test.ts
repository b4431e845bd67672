/** The addons of the published package: each is made here, and asks no more than the oldest systems it is for have. */
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'chai';
import { PACKAGE_ROOT } from './support/child.js';
import { skip } from './support/skip.js';

/** What is tested of scripts/prebuild.mjs. */
interface Prebuilding {
  TARGETS: readonly string[];
  prebuiltPath(target: string): string;
  faultsOf(target: string, path?: string): string[];
}

const SCRIPT = join(PACKAGE_ROOT, 'scripts/prebuild.mjs');
const MACHINES: Record<string, string> = { x64: 'Advanced Micro Devices X86-64', arm64: 'AArch64' };

function readelf(...args: string[]): string {
  return execFileSync('readelf', ['-W', ...args], { encoding: 'utf8' });
}

describe('Prebuilt addons', function () {
  this.timeout(600_000);
  let prebuilding: Prebuilding;

  before('making all of them', async function () {
    for (const program of ['x86_64-linux-gnu-g++', 'aarch64-linux-gnu-g++', 'readelf', 'dpkg-deb']) {
      if (spawnSync(program, ['--version']).error) skip(this, `there is no ${program}`);
    }
    prebuilding = (await import(SCRIPT)) as Prebuilding;
    execFileSync(process.execPath, [SCRIPT], { stdio: ['ignore', 'ignore', 'inherit'] });
  });

  it('are for x64 and arm64, for glibc and for musl', () => {
    const { TARGETS, prebuiltPath } = prebuilding;
    expect(TARGETS).to.have.members(['linux-x64', 'linux-arm64', 'linuxmusl-x64', 'linuxmusl-arm64']);
    for (const target of TARGETS) {
      const machine = /Machine:\s+(.+)/.exec(readelf('-h', prebuiltPath(target)))?.[1];
      expect(machine, target).to.equal(MACHINES[target.split('-')[1] ?? '']);
    }
  });

  it('ask for no symbol newer than glibc 2.28, none that musl lacks, and for no library but these', () => {
    const { TARGETS, prebuiltPath, faultsOf } = prebuilding;
    for (const target of TARGETS) {
      const path = prebuiltPath(target);
      expect(faultsOf(target), target).to.deep.equal([]);
      const versions = [...readelf('-V', path).matchAll(/Name: (\S+)/g)].map(([, name = '']) => name);
      const minors = versions.map((name) => Number(/^GLIBC_2\.(\d+)/.exec(name)?.[1] ?? Number.NaN));
      if (target.startsWith('linuxmusl')) expect(versions, target).to.deep.equal([]);
      else expect(Math.max(...minors), `${target}: ${versions.join()}`).to.be.at.most(28);
    }
  });

  it('bind their symbols when they are loaded, and show Node no more than their entry', () => {
    const { TARGETS, prebuiltPath } = prebuilding;
    for (const target of TARGETS) {
      expect(readelf('-d', prebuiltPath(target)), target).to.contain('BIND_NOW');
      const symbols = readelf('--dyn-syms', prebuiltPath(target)).split('\n');
      const shown = symbols.filter((line) => /\b(GLOBAL|WEAK|UNIQUE)\b/.test(line) && !/\bUND\b/.test(line));
      expect(
        shown.map((line) => line.trim().split(/\s+/).at(-1)),
        target,
      ).to.have.members(['napi_register_module_v1', 'node_api_module_get_api_version_v1']);
    }
  });

  it('one for this machine alone is told from them', () => {
    const here = join(PACKAGE_ROOT, 'build/Release/ringlet.node');
    expect(prebuilding.faultsOf('linux-x64', here)).to.include('loads libstdc++.so.6');
    expect(prebuilding.faultsOf('linuxmusl-x64', prebuilding.prebuiltPath('linux-x64')).join()).to.contain(
      'loads libc.so.6',
    );
  });
});
