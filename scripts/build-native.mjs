/**
 * Compiles the addon. Plain JavaScript on Node's own modules: it runs before anything is built or installed.
 *
 *   node scripts/build-native.mjs                compile (only what changed); fails when that fails
 *   node scripts/build-native.mjs --sanitize     the address-sanitizer variant, beside the normal one
 *   node scripts/build-native.mjs --prebuild     compiles, and puts a copy where the published package has it
 *   node scripts/build-native.mjs --on-install   what `npm install ringlet` runs, where scripts may run:
 *                                                compiles if the copy in the package does not load here;
 *                                                a failure costs io_uring, never the install
 *
 * In a clone, npm runs `install` and then `prepare`, and `prepare` builds; so `--on-install` leaves it alone.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const isOnInstall = process.argv.includes('--on-install');
const isSanitized = process.argv.includes('--sanitize');
/** Made for glibc, and Node-API: one for all versions of Node. The loader looks there, too (binding.ts). */
const prebuilt = join(root, 'prebuilds', `${process.platform}-${process.arch}`, 'ringlet.node');
/** The published package ships no TypeScript configuration. */
const isClone = existsSync(join(root, 'tsconfig.json'));

/** Node's headers beside the running binary, as most packages install them: then nothing is downloaded. */
function headerArguments() {
  if (process.env.npm_config_nodedir) return [];
  const prefix = dirname(dirname(process.execPath));
  const hasHeaders = existsSync(join(prefix, 'include', 'node', 'node_api.h'));
  return hasHeaders ? [`--nodedir=${prefix}`] : [];
}

/** Runs node-gyp, which npm puts on the PATH of every script. Returns what went wrong, or null. */
function nodeGyp(command, ...args) {
  const run = spawnSync('node-gyp', [command, ...headerArguments(), ...args], {
    cwd: root,
    stdio: isOnInstall ? 'pipe' : ['ignore', 'inherit', 'inherit'],
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (run.error) return run.error.code === 'ENOENT' ? 'node-gyp was not found' : run.error.message;
  if (run.status === 0) return null;
  return firstError(run.stderr ?? '') ?? `node-gyp ${command} failed`;
}

/** The line that tells most: the compiler's first error, or else node-gyp's. */
function firstError(output) {
  const lines = output.split('\n');
  const line =
    lines.find((text) => /\berror: |No such file or directory/.test(text)) ??
    lines.find((text) => /ERR! (stack )?Error/.test(text));
  return line?.replace(/^.*ERR! (stack )?Error: /, '').trim();
}

function build() {
  const variables = isSanitized ? ['--', '-Dsanitize=address', '-Daddon_name=ringlet_asan'] : [];
  // Always configured again: the sanitizer variant and a changed binding.gyp share one Makefile.
  return nodeGyp('configure', '--silent', ...variables) ?? nodeGyp('build', '--silent', '--jobs=max');
}

function doesPrebuiltLoad() {
  try {
    createRequire(import.meta.url)(prebuilt);
    return true;
  } catch {
    return false;
  }
}

if (isOnInstall && isClone) process.exit(0);
if (isOnInstall && process.platform !== 'linux') {
  console.log(`ringlet: io_uring is Linux only; it will run on its node backend on ${process.platform}.`);
  process.exit(0);
}
if (isOnInstall && doesPrebuiltLoad()) process.exit(0);
const failure = build();
if (failure !== null && isOnInstall) {
  console.log(
    `ringlet: the io_uring addon could not be built (${failure}); it will run on its node backend.`,
  );
} else if (failure !== null) {
  console.error(`ringlet: the addon could not be built: ${failure}`);
  process.exitCode = 1;
} else if (process.argv.includes('--prebuild')) {
  mkdirSync(dirname(prebuilt), { recursive: true });
  copyFileSync(join(root, 'build', 'Release', 'ringlet.node'), prebuilt);
}
