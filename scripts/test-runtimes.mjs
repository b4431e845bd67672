/**
 * Runs the fallback's tests on Bun and Deno: `npm run test:runtimes`, or `npm run test:runtimes -- bun`.
 *
 * The releases are those that `test/runtimes/` pins, by lock file; their packages bring the program. What runs are the
 * suites of the contract that each can, on `backend: 'node'`, which is all that there is there. Not among them is what a
 * runtime's own modules do otherwise than Node's (errors' words, events of sockets, descriptors that it keeps), and
 * what needs the addon: polls, watches, extended attributes.
 * The exit status says whether all passed, and so does the last line.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const PINS = join(ROOT, 'test/runtimes');

const SUITE_MS_MAX = 120_000;

const ON_BOTH = [
  'abort-races',
  'allocate',
  'datagram-ancillary',
  'datagram-crowd',
  'datagram-leases',
  'datagram-receive',
  'datagram-unix',
  'file-blocks',
  'interval',
  'listener-address',
  'open-close',
  'open-rules',
  'range-hints',
  'read',
  'read-file',
  'read-files',
  'readv-writev',
  'stat-sync-truncate',
  'stream-connect',
  'stream-flow',
  'streams',
  'write',
  'write-file',
  'write-file-atomic',
];

const RUNTIMES = {
  bun: {
    command: ['@oven/bun-linux-x64/bin/bun'],
    suites: [
      ...ON_BOTH,
      'abort',
      'datagram-connect',
      'datagram-send-many',
      'rename-unlink-mkdir',
      'stream-ends',
      'stream-faults',
    ],
  },
  deno: {
    command: ['@deno/linux-x64-glibc/deno', 'run', '--allow-all'],
    suites: [
      ...ON_BOTH,
      'async-context',
      'callers-memory',
      'handle-attributes',
      'handles',
      'observation',
      'odd-arrays',
      'option-names',
      'receive-buffers',
      'ring-close',
      'stream-adapters',
      'stream-iter',
    ],
  },
};

/** Each suite in a process of its own: what a runtime has left of one, the next is not to answer for. */
function run(folder, { command: [program, ...flags], suites }) {
  const counts = { passed: 0, failed: 0 };
  for (const name of suites) {
    const argv = [...flags, join(PINS, 'run-mocha.mjs'), `build/test/contract/${name}.test.js`];
    const { status, stdout, stderr } = spawnSync(join(folder, 'node_modules', program), argv, {
      cwd: ROOT,
      encoding: 'utf8',
      env: { ...process.env, RINGLET_TEST_ONLY: 'node' },
      timeout: SUITE_MS_MAX,
    });
    const [, passed, failed] = /^(\d+) passed, (\d+) failed/m.exec(stdout) ?? [];
    counts.passed += Number(passed ?? 0);
    counts.failed += Number(failed ?? 1);
    if (status !== 0 || failed !== '0') console.log(`${name}: status ${status}\n${stdout}\n${stderr}`);
  }
  return counts;
}

const named = process.argv.slice(2);
for (const name of named) {
  if (!(name in RUNTIMES))
    throw new Error(`no runtime '${name}'; there are ${Object.keys(RUNTIMES).join(', ')}`);
}
const folder = mkdtempSync(join(tmpdir(), 'ringlet-runtimes-'));
const failed = [];
try {
  for (const file of ['package.json', 'package-lock.json'])
    copyFileSync(join(PINS, file), join(folder, file));
  execFileSync('npm', ['ci', '--no-audit', '--no-fund', '--silent'], { cwd: folder, stdio: 'inherit' });
  for (const [name, runtime] of Object.entries(RUNTIMES)) {
    if (named.length > 0 && !named.includes(name)) continue;
    const counts = run(folder, runtime);
    console.log(`${name}: ${counts.passed} passed, ${counts.failed} failed`);
    if (counts.failed > 0) failed.push(name);
  }
} finally {
  rmSync(folder, { recursive: true });
}
console.log(failed.length === 0 ? 'all passed' : `failed on ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;
