/**
 * Runs tests on other kernels than this machine's: `npm run test:kernels`, or `npm run test:kernels -- 6.1 5.10`.
 *
 * Without arguments on those that `.ci/run` tries. `--suite` names what to run there, more than once if need be:
 * `contract`, `engine`, `fault`, `compat` or a file below `build/test`, behind an @ the one configuration for it,
 * as in `contract@sqPoll alone`. `--logs` names a folder for all that was said. Kernels come by apt from Debian's
 * archive and stay in `~/.cache/ringlet-kernels` (RINGLET_KERNELS_CACHE), from where they are taken next time; without
 * that folder they are fetched anew.
 *
 * The last lines are a table of kernels and suites. The exit status says whether all passed, and no kernel complained.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, homedir, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Suite } from './packages.mjs';
import { bootUserMode, prepareUserMode } from './user-mode.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const CACHE = process.env.RINGLET_KERNELS_CACHE ?? join(homedir(), '.cache/ringlet-kernels');
const LIMIT_MS = 15 * 60_000;
/** Commands that the guests or their making need, and the packages that have them. */
const TOOLS = { 'mkfs.ext4': 'e2fsprogs', modprobe: 'kmod', ip: 'iproute2', patchelf: 'patchelf' };
const ON_A_RING = ['contract@loop', 'engine', 'fault'];
const WITHOUT_RING = ['contract@node', 'fault'];

/** By name: the Debian suite that has it, and what runs there unless other suites are named. */
const KERNELS = {
  '5.10': { debian: 'bullseye', suites: WITHOUT_RING },
  6.1: { debian: 'bookworm', suites: ON_A_RING },
  6.12: { debian: 'trixie', suites: ON_A_RING },
  newest: { debian: 'sid', suites: ON_A_RING },
};
const TRIED_EACH_TIME = ['6.1', '6.12'];
/** What a kernel says when something is wrong with it. */
const COMPLAINT =
  /\b(WARNING|BUG|UBSAN|INFO: task|Oops|Call Trace|general protection|self-detected stall|Kernel panic)\b/;

function checkTools() {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Error('User-Mode Linux is there for x64');
  const missing = Object.keys(TOOLS).filter((tool) => {
    try {
      execFileSync('sh', ['-c', `PATH=$PATH:/usr/sbin:/sbin command -v ${tool}`], { stdio: 'ignore' });
      return false;
    } catch {
      return true;
    }
  });
  if (missing.length === 0) return;
  throw new Error(`missing: apt-get install ${missing.map((tool) => TOOLS[tool]).join(' ')}`);
}

function suiteNamed(name) {
  const [what, only = ''] = name.split('@');
  const files = what.endsWith('.js') ? what : `${what}/**/*.test.js`;
  return { name, files: [`build/test/${files}`], only };
}

/** Boots one kernel. Returns what came of each suite, and what the kernel complained of. */
async function runOn(name, suites, logs) {
  const out = join(logs, name);
  mkdirSync(out, { recursive: true });
  const { debian } = KERNELS[name];
  const folder = join(CACHE, `user-mode-${debian}`);
  const plan = { suites: suites.map(suiteNamed), limitMs: LIMIT_MS };
  writeFileSync(join(out, 'plan.json'), JSON.stringify(plan));
  const settings = { RINGLET_ROOT: ROOT, RINGLET_OUT: out, RINGLET_NODE: process.execPath };
  const hasEnded = await bootUserMode(folder, out, settings, LIMIT_MS);
  const read = (file) => {
    try {
      return readFileSync(join(out, file), 'utf8');
    } catch {
      return '';
    }
  };
  const { release = 'did not come up', results = [] } = JSON.parse(read('report.json') || '{}');
  const lines = (read('dmesg') || read('console')).split('\n');
  const complaints = lines.filter((line) => COMPLAINT.test(line));
  const outputs = results.map(({ log }) => read(basename(log)));
  const isGood =
    hasEnded &&
    complaints.length === 0 &&
    results.length === suites.length &&
    results.every(({ status }) => status === 0);
  return { name, release, results, outputs, complaints, isGood, console: hasEnded ? '' : read('console') };
}

/** Calls `each` for every item, so many at a time. */
async function inParallel(items, count, each) {
  const results = [];
  const left = items.entries();
  const work = async () => {
    for (const [index, item] of left) results[index] = await each(item);
  };
  await Promise.all(Array.from({ length: count }, work));
  return results;
}

function show({ name, release, results, outputs, complaints, console: said }) {
  console.log(`\n== ${name}: Linux ${release}`);
  results.forEach(({ name: suite, status }, index) => {
    const output = outputs[index];
    if (status === 0)
      console.log(
        output
          .split('\n')
          .filter((line) => /^(skipped:|\d+ passed)/.test(line))
          .join('\n'),
      );
    else console.log(`-- ${suite}, status ${status}\n${output}`);
  });
  for (const complaint of complaints) console.log(`the kernel says: ${complaint}`);
  if (said) console.log(`the guest did not end by itself; its console:\n${said}`);
}

function tableOf(runs) {
  const rows = runs.flatMap(({ name, release, results, complaints }) => [
    ...results.map(({ name: suite, passed, failed, skipped, seconds }) => {
      const counts =
        passed === undefined ? 'did not end' : `${passed} passed, ${failed} failed, ${skipped} skipped`;
      return [name, release, suite, counts, `${seconds.toFixed(0)} s`];
    }),
    ...(complaints.length === 0 ? [] : [[name, release, 'dmesg', `${complaints.length} complaints`, '']]),
  ]);
  const all = [['kernel', 'release', 'suite', 'tests', 'took'], ...rows];
  const widths = all[0].map((_unused, column) => Math.max(...all.map((row) => row[column].length)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

async function main() {
  const options = { suite: { type: 'string', multiple: true }, logs: { type: 'string' } };
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const names = positionals.length > 0 ? positionals : TRIED_EACH_TIME;
  const unknown = names.find((name) => !(name in KERNELS));
  if (unknown) throw new Error(`no kernel '${unknown}'; there are ${Object.keys(KERNELS).join(', ')}`);
  checkTools();
  for (const name of names) {
    const { debian } = KERNELS[name];
    const release = prepareUserMode(new Suite(debian, CACHE), join(CACHE, `user-mode-${debian}`));
    console.log(`${name}: Linux ${release}, of Debian ${debian}`);
  }
  const logs = values.logs ?? mkdtempSync(join(tmpdir(), 'ringlet-kernels-'));
  try {
    const runs = await inParallel(names, availableParallelism(), (name) =>
      runOn(name, values.suite ?? KERNELS[name].suites, logs),
    );
    for (const run of runs) show(run);
    console.log(`\n${tableOf(runs)}`);
    process.exitCode = runs.every(({ isGood }) => isGood) ? 0 : 1;
  } finally {
    if (values.logs === undefined) rmSync(logs, { recursive: true, force: true });
  }
}

try {
  await main();
} catch (error) {
  console.error(`other kernels: ${error.message}`);
  process.exitCode = 1;
}
