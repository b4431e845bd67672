/**
 * Runs tests on other kernels than this machine's: `npm run test:kernels`, or `npm run test:kernels -- 6.1 5.10`.
 *
 * Without arguments on those that `.ci/run` tries. `--suite` names what to run there, more than once if need be:
 * `contract`, `engine`, `fault`, `compat` or a file below `build/test`, behind an @ the one configuration for it,
 * as in `contract@sqPoll alone`. `--logs` names a folder for all that was said. Kernels come by apt from Debian's
 * archive and stay in `~/.cache/ringlet-kernels` (RINGLET_KERNELS_CACHE), from where they are taken next time; without
 * that folder they are fetched anew.
 *
 * 5.10, 6.1, 6.12 and newest are programs (User-Mode Linux); any other series, as 6.17, is a stock kernel in an
 * emulator, and takes hours for all of it.
 *
 * The last lines are a table of kernels and suites. The exit status says whether all passed, and no kernel complained.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Suite } from '../debian/suite.mjs';
import { bootEmulated, prepareEmulated } from './emulated.mjs';
import { bootUserMode, prepareUserMode } from './user-mode.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const CACHE = process.env.RINGLET_KERNELS_CACHE ?? join(homedir(), '.cache/ringlet-kernels');
const ON_A_RING = ['contract@loop', 'contract@epoll', 'engine@loop', 'fault@loop'];
/** Where io_uring is too old for rings. */
const WITHOUT_RING = ['contract@epoll', 'contract@node', 'engine@node', 'fault@node'];
const TRIED_EACH_TIME = ['6.1', '6.12'];

/** Commands that guests, or their making, need, and the packages that have them. */
const TOOLS = { 'mkfs.ext4': 'e2fsprogs', modprobe: 'kmod', ip: 'iproute2' };
/** How long a guest of each kind may take, how many times as long as usual each thing in it, and how it is made. */
const USER_MODE = {
  limitMs: 18 * 60_000,
  patience: 4,
  tools: { ...TOOLS, patchelf: 'patchelf' },
  prepare: prepareUserMode,
  boot: bootUserMode,
};
const EMULATED = {
  limitMs: 120 * 60_000,
  patience: 20,
  tools: { ...TOOLS, busybox: 'busybox-static', 'qemu-system-x86_64': 'qemu-system-x86' },
  prepare: prepareEmulated,
  boot: bootEmulated,
};
/** By name: the Debian suite that has it as a program, and what runs there unless other suites are named. */
const PROGRAMS = {
  '5.10': { debian: 'bullseye', suites: WITHOUT_RING },
  6.1: { debian: 'bookworm', suites: ON_A_RING },
  6.12: { debian: 'trixie', suites: ON_A_RING },
  newest: { debian: 'sid', suites: ON_A_RING },
};
/** The suite that has a stock kernel of every newer series. */
const STOCK = { debian: 'trixie-backports', suites: ON_A_RING };
/** What a kernel says when something is wrong with it. */
const COMPLAINT =
  /\b(WARNING|BUG|UBSAN|INFO: task|Oops|Call Trace|general protection|self-detected stall|Kernel panic)\b/;

function kernelNamed(name) {
  const program = PROGRAMS[name];
  if (program) return { name, ...USER_MODE, ...program, folder: join(CACHE, `user-mode-${program.debian}`) };
  if (/^\d+\.\d+$/.test(name)) return { name, ...EMULATED, ...STOCK, folder: join(CACHE, `stock-${name}`) };
  throw new Error(
    `no kernel '${name}'; there are ${Object.keys(PROGRAMS).join(', ')}, and stock ones such as 6.17`,
  );
}

function checkTools(tools) {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Error('the kernels are for Linux on x64');
  const missing = Object.keys(tools).filter((tool) => {
    try {
      execFileSync('sh', ['-c', `PATH=$PATH:/usr/sbin:/sbin command -v ${tool}`], { stdio: 'ignore' });
      return false;
    } catch {
      return true;
    }
  });
  if (missing.length === 0) return;
  throw new Error(`missing: apt-get install ${missing.map((tool) => tools[tool]).join(' ')}`);
}

function suiteNamed(name) {
  const [what, configuration = ''] = name.split('@');
  const files = what.endsWith('.js') ? what : `${what}/**/*.test.js`;
  const log = `${name.replaceAll(/[^\w.-]+/g, '-')}.log`;
  return { name, files: [`build/test/${files}`], configuration, log };
}

/** Boots one kernel. Returns what came of each suite, and what the kernel complained of. */
async function runOn({ name, folder, boot, limitMs, patience }, suiteNames, logs) {
  const out = join(logs, name);
  const read = (file) => {
    try {
      return readFileSync(join(out, file), 'utf8');
    } catch {
      return '';
    }
  };
  mkdirSync(out, { recursive: true });
  const suites = suiteNames.map(suiteNamed);
  writeFileSync(join(out, 'plan.json'), JSON.stringify({ suites, limitMs, patience }));
  const settings = { RINGLET_ROOT: ROOT, RINGLET_OUT: out, RINGLET_NODE: process.execPath };
  const hasEnded = await boot(folder, out, settings, limitMs);
  const { release = 'did not come up', results = {} } = JSON.parse(read('report.json') || '{}');
  const lines = (read('dmesg') || read('console')).split('\n');
  const complaints = lines.filter((line) => COMPLAINT.test(line));
  const outcomes = suites.map((suite) => ({ ...suite, output: read(suite.log), ...results[suite.name] }));
  const isGood = hasEnded && complaints.length === 0 && outcomes.every(({ status }) => status === 0);
  return { name, release, outcomes, complaints, isGood, console: hasEnded ? '' : read('console') };
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

function show({ name, release, outcomes, complaints, console: said }) {
  console.log(`\n== ${name}: Linux ${release}`);
  for (const { name: suite, status, output } of outcomes) {
    const lines = output.split('\n');
    const isGood = status === 0;
    const shown = isGood ? lines.filter((line) => /^(skipped:|\d+ passed)/.test(line)) : lines;
    console.log(`-- ${suite}${isGood ? '' : ', failed or did not end'}\n${shown.join('\n')}`);
  }
  for (const complaint of complaints) console.log(`the kernel says: ${complaint}`);
  if (said) console.log(`the guest did not end by itself; its console:\n${said}`);
}

function tableOf(runs) {
  const rows = runs.flatMap(({ name, release, outcomes, complaints }) => [
    ...outcomes.map(({ name: suite, passed, failed, skipped, seconds }) => {
      if (passed === undefined) return [name, release, suite, 'did not end', ''];
      return [name, release, suite, `${passed} passed, ${failed} failed, ${skipped} skipped`, `${seconds} s`];
    }),
    [name, release, 'dmesg', `${complaints.length} complaints`, ''],
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
  const kernels = (positionals.length > 0 ? positionals : TRIED_EACH_TIME).map(kernelNamed);
  for (const { name, debian, folder, tools, prepare } of kernels) {
    checkTools(tools);
    const release = prepare(new Suite(debian, CACHE), folder, name);
    console.log(`${name}: Linux ${release}, of Debian ${debian}`);
  }
  const logs = values.logs ?? mkdtempSync(join(tmpdir(), 'ringlet-kernels-'));
  try {
    const runs = await inParallel(kernels, availableParallelism(), (kernel) =>
      runOn(kernel, values.suite ?? kernel.suites, logs),
    );
    for (const run of runs) show(run);
    console.log(`\n${tableOf(runs)}`);
    process.exitCode = runs.every(({ isGood }) => isGood) ? 0 : 1;
  } finally {
    if (values.logs === undefined) rmSync(logs, { recursive: true, force: true });
  }
}

// Guests end with this process.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));
try {
  await main();
} catch (error) {
  console.error(`other kernels: ${error.message}`);
  process.exitCode = 1;
}
