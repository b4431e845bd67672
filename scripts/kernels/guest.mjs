/**
 * In the guest: runs the suites of `plan.json`, one after the other, and writes down what came of each.
 *
 *     node guest.mjs OUT ROOT    # the folder of the plan and the results, and what is to be the suites' root
 *
 * Each has a log of its own, and `report.json` grows with each, so that a guest that hangs has told what it could.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';

const [out, root] = process.argv.slice(2);
const { suites, limitMs, patience } = JSON.parse(readFileSync(join(out, 'plan.json'), 'utf8'));
const COUNTS = /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/m;
const TIMEOUT_MS = 25_000 * patience;
const MOCHA = [
  'node_modules/mocha/bin/mocha.js',
  '--no-config',
  '--forbid-only',
  '--timeout',
  `${TIMEOUT_MS}`,
];
const REPORTER = ['--reporter', 'test/support/reporter.cjs'];

/** Suites with kinds of ring of their own have these in their titles. */
function only(configuration) {
  return configuration ? ['--invert', '--grep', `\\[(?!${configuration})[a-z]`] : [];
}

function runSuite({ files, configuration, log }) {
  const path = join(out, log);
  const started = performance.now();
  const output = openSync(path, 'w');
  const mocha = [...MOCHA, ...REPORTER, ...only(configuration), ...files];
  const program = [root, 'env', '-C', process.cwd(), process.execPath, ...mocha];
  const { status } = spawnSync('chroot', program, {
    stdio: ['ignore', output, output],
    env: { ...process.env, RINGLET_TEST_ONLY: configuration, RINGLET_TEST_PATIENCE: `${patience}` },
    timeout: limitMs,
    killSignal: 'SIGKILL',
  });
  closeSync(output);
  const counts = COUNTS.exec(readFileSync(path, 'utf8'))?.slice(1) ?? [];
  const [passed, failed, skipped] = counts.map((count) => Number(count ?? 0));
  return { status, passed, failed, skipped, seconds: Math.round((performance.now() - started) / 1000) };
}

const report = { release: release(), results: {} };
for (const suite of suites) {
  report.results[suite.name] = runSuite(suite);
  writeFileSync(join(out, 'report.json'), JSON.stringify(report));
}
