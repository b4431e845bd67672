/**
 * Compiles the addon by node-gyp, each kind of it in a folder of its own, so that none makes another's objects stale.
 * Plain JavaScript on Node's own modules: it runs before anything is built, and in the published package.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const OUTPUT_MAX_BYTES = 64 * 1024 * 1024;

/** Node's headers beside the running binary, as most packages install them: then nothing is downloaded. */
function headerArguments() {
  if (process.env.npm_config_nodedir) return [];
  const prefix = dirname(dirname(process.execPath));
  return existsSync(join(prefix, 'include', 'node', 'node_api.h')) ? [`--nodedir=${prefix}`] : [];
}

/**
 * How to start node-gyp: the project's, or the one that npm brings along and puts on the PATH of what it runs;
 * elsewhere npm is asked to fetch the release that this package was made with.
 */
function nodeGypCommand() {
  const isThere = spawnSync('node-gyp', ['--version'], { stdio: 'ignore' }).status === 0;
  if (isThere) return ['node-gyp'];
  const { devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  return ['npx', '--yes', `node-gyp@${devDependencies['node-gyp']}`];
}

/** The line that tells most: the compiler's or linker's first error, or else node-gyp's. */
function firstError(output) {
  const lines = output.split('\n');
  const isFault = /\berror: |undefined reference|cannot find -l|No such file or directory/;
  const line =
    lines.find((text) => isFault.test(text)) ?? lines.find((text) => /ERR! (stack )?Error/.test(text));
  return line?.replace(/^.*ERR! (stack )?Error: /, '').trim();
}

function run([program, ...first], args, { folder, environment }) {
  const { status, error, stdout, stderr } = spawnSync(program, [...first, ...args], {
    cwd: folder,
    // Errors are what firstError looks for. In the environment, where npm's own level, perhaps silent, would count more
    // than an argument does.
    env: { ...process.env, npm_config_loglevel: 'error', ...environment },
    encoding: 'utf8',
    maxBuffer: OUTPUT_MAX_BYTES,
  });
  if (status === 0) return;
  const output = `${stderr ?? ''}${stdout ?? ''}`;
  const missing =
    'neither node-gyp nor npx is on the PATH: install node-gyp (npm install --global node-gyp) and try again';
  const reason = error?.code === 'ENOENT' ? missing : (firstError(output) ?? `${program} failed`);
  throw Object.assign(new Error(reason), { output });
}

function ownFolder(kind) {
  return join(ROOT, 'build', 'native', kind);
}

/** Where the objects of a kind are that is made in a folder of its own. */
export function objectsFolder(kind) {
  return join(ownFolder(kind), 'build', 'cpp');
}

/** A folder with a binding.gyp: the project's own, or one in build/native. */
function folderFor(kind) {
  if (kind === 'host' && existsSync(join(ROOT, 'binding.gyp'))) return ROOT;
  const folder = ownFolder(kind);
  const target = relative(folder, join(ROOT, 'cpp', 'addon.gypi'));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'binding.gyp'), `{ "includes": ["${target}"] }\n`);
  return folder;
}

/**
 * @param kind names the folder of what lies between: 'host' for this machine
 * @param options.output where the addon goes
 * @param options.variables of addon.gypi; `options.environment` CXX and the like; `options.processor` another than this
 * @throws an error that names the fault, and has all that was said as `output`
 */
export function compileAddon(kind, { output, variables = {}, environment = {}, processor = process.arch }) {
  const place = { folder: folderFor(kind), environment };
  const nodeGyp = nodeGypCommand();
  const all = { addon_root: ROOT, ...variables };
  const defined = Object.entries(all).map(([name, value]) => `-D${name}=${value}`);
  // Always configured again: a changed addon.gypi and other variables share one Makefile.
  run(nodeGyp, ['configure', `--arch=${processor}`, ...headerArguments(), '--', ...defined], place);
  run(nodeGyp, ['build', '--jobs=max'], place);
  const made = join(place.folder, 'build', 'Release', `${all.addon_name ?? 'ringlet'}.node`);
  if (made === output) return;
  mkdirSync(dirname(output), { recursive: true });
  // Renamed into place: a process may have the present one loaded.
  copyFileSync(made, `${output}.new`);
  renameSync(`${output}.new`, output);
}
