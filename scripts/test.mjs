/**
 * `npm test`: all tests, by mocha, in two processes at a time. Arguments go to mocha, which is alone then; with test
 * files among them it runs these only.
 *
 * Beside the others run those that a busy machine does nothing to, and that do nothing to others: they compute,
 * compare, or wait for ends, and none mounts, measures, or counts what is not the process's own. Their output comes
 * last, before one line for both.
 */
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const MOCHA = join(root, 'node_modules/mocha/bin/mocha.js');
const REPORTER = ['--reporter', 'test/support/reporter.cjs'];
const BESIDE = [
  'compat/**/*',
  'docstrings',
  'drop-in',
  'engine/cancel-capacity',
  'engine/child-processes',
  'engine/credentials',
  'engine/dropped-rings',
  'engine/exit-in-flight',
  'engine/worker-terminate',
  'fuzz/**/*',
  'install/**/*',
  'package',
  'regression/**/*',
  'simulation/**/*',
].map((name) => `build/test/${name}.test.js`);
/** What .mocharc.json says but for its files, which mocha would add to those that are named. */
const WITHOUT_CONFIG = ['--no-config', '--timeout', '30000', '--slow', '2000', '--forbid-only'];
const COUNTS = /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/gm;

const given = process.argv.slice(2);
const children = [];
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    for (const child of children) child.kill(signal);
  });
}

/** Runs mocha to its end; its status, what it said, and, at once if `isLive`, on this process's output too. */
async function mocha(args, isLive) {
  const color = process.stdout.isTTY ? ['--color'] : [];
  const child = spawn(process.execPath, [MOCHA, ...REPORTER, ...color, ...args], {
    cwd: root,
    stdio: ['inherit', 'pipe', isLive ? 'inherit' : 'pipe'],
  });
  children.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text) => {
      output += text;
      if (isLive) process.stdout.write(text);
    });
  }
  const status = await new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (code, signal) => resolve(signal === null ? code : 1));
  });
  return { status, output };
}

if (given.length > 0) {
  const namesFiles = given.some((argument) => argument.endsWith('.test.js'));
  process.exitCode = (await mocha(namesFiles ? [...WITHOUT_CONFIG, ...given] : given, true)).status;
} else {
  const beside = mocha([...WITHOUT_CONFIG, ...BESIDE], false);
  const main = await mocha(
    BESIDE.flatMap((files) => ['--ignore', files]),
    true,
  );
  const other = await beside;
  process.stdout.write(other.output);
  const total = [0, 0, 0];
  const outputs = [main.output, other.output];
  for (const [, ...counts] of outputs.flatMap((output) => [...output.matchAll(COUNTS)].slice(-1))) {
    counts.forEach((count, index) => {
      total[index] += Number(count ?? 0);
    });
  }
  const [passed, failed, skipped] = total;
  console.log('\nIn all:');
  // Once more, where the end of a long log is all that a reader sees.
  for (const [line] of outputs.flatMap((output) => [...output.matchAll(/^failed: .*$/gm)])) console.log(line);
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  process.exitCode = main.status || other.status;
}
