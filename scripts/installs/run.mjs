/**
 * Installs what would be published, and runs it: `npm run test:installs`, or with names of some of these:
 *
 *   managers    npm, pnpm, yarn with both linkers, bun: status 0, no script, no compiler, a ring
 *   userlands   Debian 11, 12 and 13 as debootstrap makes them (root's rights), with Node and npm put into them
 *   containers  Debian 12 under Docker's default seccomp profile, without io_uring and without rights (python3)
 *   musl        a program on musl loads the addon and uses its rings
 *   emulated    Node on arm64, by qemu-user
 *
 * The package managers and releases of Node are those that `test/installs` pins, from the npm registry. Userlands
 * come from Debian's archive and stay in `~/.cache/ringlet-userlands` (RINGLET_USERLANDS_CACHE).
 * The last lines are a table; the exit status says whether all was as expected.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { containerChecks } from './containers.mjs';
import { emulatedChecks } from './emulated.mjs';
import { managerChecks } from './managers.mjs';
import { muslChecks } from './musl.mjs';
import { userlandChecks } from './userlands.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const CACHE = process.env.RINGLET_USERLANDS_CACHE ?? join(homedir(), '.cache/ringlet-userlands');
const KINDS = {
  managers: { checks: managerChecks, needs: {} },
  userlands: { checks: userlandChecks, needs: { debootstrap: 'debootstrap', unshare: 'util-linux' } },
  containers: {
    checks: containerChecks,
    needs: { debootstrap: 'debootstrap', unshare: 'util-linux', python3: 'python3' },
  },
  musl: { checks: muslChecks, needs: { 'qemu-aarch64': 'qemu-user', ar: 'binutils' } },
  emulated: { checks: emulatedChecks, needs: { 'qemu-aarch64': 'qemu-user' } },
};

function kindsNamed(names) {
  const unknown = names.find((name) => !(name in KINDS));
  if (unknown) throw new Error(`no '${unknown}'; there are ${Object.keys(KINDS).join(', ')}`);
  return (names.length > 0 ? names : Object.keys(KINDS)).map((name) => KINDS[name]);
}

function requireTools(kinds) {
  const needs = Object.entries(Object.assign({}, ...kinds.map((kind) => kind.needs)));
  const missing = needs.filter(([command]) => spawnSync(command, ['--version']).error);
  if (missing.length > 0)
    throw new Error(`missing: apt-get install ${missing.map(([, name]) => name).join(' ')}`);
}

/** The pinned tools, in a folder; those of another processor among them. */
function installTools(folder) {
  for (const name of ['package.json', 'package-lock.json'])
    copyFileSync(join(ROOT, 'test/installs', name), join(folder, name));
  const quietly = ['--no-audit', '--no-fund', '--silent', '--ignore-scripts', '--force'];
  execFileSync('npm', ['ci', ...quietly], { cwd: folder, stdio: 'inherit' });
  return join(folder, 'node_modules');
}

/** As `npm publish` would make it, of what has been built. */
function pack(folder) {
  execFileSync(process.execPath, [join(ROOT, 'scripts/prebuild.mjs')], { stdio: 'inherit' });
  const args = ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder];
  return join(folder, execFileSync('npm', args, { cwd: ROOT, encoding: 'utf8' }).trim());
}

function outcomeOf(check) {
  try {
    return { isGood: true, said: check() };
  } catch (error) {
    return { isGood: false, said: error.message };
  }
}

const kinds = kindsNamed(process.argv.slice(2));
requireTools(kinds);
const folder = mkdtempSync(join(tmpdir(), 'ringlet-installs-'));
const outcomes = [];
try {
  const tools = installTools(folder);
  const context = {
    folder,
    tools,
    cache: CACHE,
    tarball: pack(folder),
    node: join(tools, 'node-x64/bin/node'),
  };
  for (const [name, check] of kinds.flatMap(({ checks }) => checks(context))) {
    console.log(`== ${name}`);
    const outcome = outcomeOf(check);
    if (!outcome.isGood) console.log(outcome.said);
    outcomes.push([name, outcome]);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log();
for (const [name, { isGood, said }] of outcomes) {
  console.log(`${isGood ? '✔' : '✘'} ${name.padEnd(22)} ${isGood ? said : 'see above'}`);
}
process.exitCode = outcomes.every(([, { isGood }]) => isGood) ? 0 : 1;
