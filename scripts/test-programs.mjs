/**
 * Runs other people's programs unchanged, each plain and under `ringlet/register`: `npm run test:programs`, with
 * `-- --quick` those whose packages are few and small, or some by name (`npm run test:programs -- rollup express`).
 *
 * A program is a file of test/whole-programs, in `files` or `network`. Its packages are those that are pinned there, by
 * lock file, installed into a temporary folder without their scripts; the quick ones are the `dependencies`. Each runs in
 * an empty folder of its own. The exit status, what it prints, and the names, kinds, modes and hashes of what it leaves
 * have to be the same.
 */
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const PROGRAMS = join(ROOT, 'test/whole-programs');
const REGISTER = join(ROOT, 'dist/compat/register/index.cjs');
const KINDS = ['files', 'network'];
const AT_A_TIME = 2;
const MS_MAX = 120_000;
const SHOWN_CHARACTERS = 3000;

function programs() {
  return KINDS.flatMap((kind) =>
    readdirSync(join(PROGRAMS, kind)).map((file) => ({
      title: `${kind}/${basename(file, '.mjs')}`,
      name: basename(file, '.mjs'),
      file: join(kind, file),
      text: readFileSync(join(PROGRAMS, kind, file), 'utf8'),
    })),
  );
}

/** What it ends with is 0 unless it says so: `// ends with 2`. */
function wantedEnd({ text }) {
  return Number(/^\/\/ ends with (\d+)$/m.exec(text)?.[1] ?? 0);
}

/** Whether it names a package. */
function uses({ text }, name) {
  return [`'${name}'`, `'${name}/`].some((quoted) => text.includes(quoted));
}

/** What is in a folder, a line for each. */
function treeOf(folder) {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
  return names.map((name) => lineOf(name, join(folder, name))).join('\n');
}

function lineOf(name, path) {
  const stats = lstatSync(path);
  const line = `${name} ${stats.mode.toString(8)}`;
  if (stats.isSymbolicLink()) return `${line} -> ${readlinkSync(path)}`;
  if (!stats.isFile()) return line;
  return `${line} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`;
}

/** Without what differs from run to run on Node alone as well. */
function evened(text) {
  return text
    .replaceAll(/\b\d+(\.\d+)? ?(ms|s|seconds)\b/g, 'TIME')
    .replaceAll(/\(node:\d+\)/g, '(node:PID)');
}

/** Those of its group are the process and all that it has started. */
function endGroup({ pid }) {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // There is none left.
  }
}

/** Runs a program once, in `folder`, which has its packages. */
async function run({ file, name }, flags, folder) {
  const home = join(folder, 'homes', name);
  const cwd = join(home, 'work');
  mkdirSync(cwd, { recursive: true });
  const env = { ...process.env, NO_COLOR: '1', TZ: 'UTC' };
  const stdio = ['ignore', 'pipe', 'pipe'];
  const argv = [...flags, join(folder, file)];
  const child = spawn(process.execPath, argv, { cwd, env, stdio, detached: true });
  const said = { stdout: '', stderr: '' };
  for (const stream of Object.keys(said)) {
    child[stream].setEncoding('utf8').on('data', (text) => {
      said[stream] += text;
    });
  }
  const timer = setTimeout(endGroup, MS_MAX, child);
  const [code, signal] = await new Promise((resolve) => child.on('close', (...end) => resolve(end)));
  clearTimeout(timer);
  endGroup(child);
  const outcome = {
    end: signal ?? code,
    stdout: evened(said.stdout),
    stderr: evened(said.stderr),
    tree: treeOf(cwd),
  };
  rmSync(home, { recursive: true, force: true });
  return outcome;
}

/** What is wrong, in words; undefined where it is as it has to be. */
async function compare(program, folder) {
  const plain = await run(program, [], folder);
  const show = (text) => `${text}`.slice(-SHOWN_CHARACTERS);
  if (plain.end !== wantedEnd(program)) return `ends with ${plain.end} on Node alone\n${show(plain.stderr)}`;
  const ours = await run(program, ['--import', REGISTER], folder);
  const part = Object.keys(plain).find((each) => plain[each] !== ours[each]);
  if (part === undefined) return undefined;
  return `differs in ${part}\n-- Node:\n${show(plain[part])}\n-- register:\n${show(ours[part])}\n${show(ours.stderr)}`;
}

const isQuick = process.argv.includes('--quick');
const named = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const { devDependencies } = JSON.parse(readFileSync(join(PROGRAMS, 'package.json'), 'utf8'));
const isSlow = (program) => Object.keys(devDependencies).some((name) => uses(program, name));
const left = programs().filter((program) =>
  named.length > 0 ? named.includes(program.name) : !isQuick || !isSlow(program),
);

const folder = mkdtempSync(join(tmpdir(), 'ringlet-programs-'));
const passed = [];
const failed = [];
try {
  cpSync(PROGRAMS, folder, { recursive: true });
  const omitted = isQuick ? ['--omit=dev'] : [];
  const how = ['--ignore-scripts', '--legacy-peer-deps', '--no-audit', '--no-fund', '--silent', ...omitted];
  execFileSync('npm', ['ci', ...how], { cwd: folder, stdio: 'inherit' });
  const runner = async () => {
    for (let program = left.shift(); program !== undefined; program = left.shift()) {
      const fault = await compare(program, folder);
      (fault === undefined ? passed : failed).push(program.title);
      console.log(fault === undefined ? `as on Node: ${program.title}` : `\n${program.title} ${fault}\n`);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, runner));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
for (const title of failed) console.log(`failed: ${title}`);
console.log(`\n${passed.length} passed, ${failed.length} failed`);
process.exitCode = failed.length === 0 ? 0 : 1;
