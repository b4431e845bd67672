/**
 * Runs what users have in a container without io_uring: `npm run test:container`, or `npm run test:container -- auto demo`.
 *
 * Docker's default seccomp profile and capabilities are in force (test/support/container.py). The contract suite runs on
 * `epoll` and on `auto` rings, then the README's `demo`, and the smoke run of the benchmark (`bench`). What the profile
 * refused is counted, and has to be what is known to be: a ring on epoll makes no call that it refuses.
 * The exit status says whether all passed, and so does the last line.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const CONTAINER = join(ROOT, 'test/support/container.py');
const MOCHA = ['node_modules/mocha/bin/mocha.js', '--no-config', '--timeout', '60000', '--forbid-only'];
const REPORTER = ['--reporter', 'test/support/reporter.cjs'];
const CONTRACT = [...MOCHA, ...REPORTER, 'build/test/contract/**/*.test.js'];
/** What is refused, of which thread: calls of other programs, and what is tried to learn that there is no io_uring. */
const EXPECTED = {
  // The C library's way to a thread or a process; it takes clone then.
  clone3: /./,
  // Rings by name and 'auto' ones, the benchmark's C programs, and from Node 22 on libuv's own.
  io_uring_setup: /./,
  // What tests would mount, and namespaces they would make: they skip.
  mount: /^(mount|python)/,
  unshare: /^unshare$/,
};

const folder = mkdtempSync(join(tmpdir(), 'ringlet-container-'));
const failed = [];

/** Runs a Node program in a container. */
function run(title, args, env) {
  console.log(`\n== ${title}`);
  const report = join(folder, 'refused.json');
  const argv = [CONTAINER, '--report', report, process.execPath, ...args];
  const { status } = spawnSync('python3', argv, {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  if (status !== 0) failed.push(`${title}: status ${status}`);
  const refused = JSON.parse(readFileSync(report, 'utf8'));
  for (const [call, threads] of Object.entries(refused)) {
    for (const [thread, count] of Object.entries(threads)) {
      console.log(`refused: ${call} of ${thread}, ${count} times`);
      if (!EXPECTED[call]?.test(thread)) failed.push(`${title}: ${call} of ${thread} was refused`);
    }
  }
}

const PARTS = {
  epoll: () => run('the contract on epoll', CONTRACT, { RINGLET_TEST_ONLY: 'epoll' }),
  auto: () => run('the contract on auto', CONTRACT, { RINGLET_TEST_ONLY: 'auto' }),
  demo: () => run('the demo', ['build/examples/syslog-collector.js']),
  bench: () => run('the benchmark', ['build/bench/run.js', '--quick']),
};

try {
  const named = process.argv.slice(2);
  const unknown = named.find((part) => !(part in PARTS));
  if (unknown) throw new Error(`no part '${unknown}'; there are ${Object.keys(PARTS).join(', ')}`);
  for (const part of named.length > 0 ? named : Object.keys(PARTS)) PARTS[part]();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(failed.length === 0 ? '\nall passed in a container' : `\nfailed:\n${failed.join('\n')}`);
process.exitCode = failed.length === 0 ? 0 : 1;
