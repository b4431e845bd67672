/**
 * Compiles and links the addon, with any compiler for any processor. Plain JavaScript on Node's own modules: it runs
 * before anything is built, and in the published package (`ringlet build`).
 */
import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SOURCES = join(ROOT, 'cpp');
/** The little of a C++ runtime that prebuilt addons have in place of the system's. */
const RUNTIME = 'cxx_runtime.cc';
const EXPORTS = join(ROOT, 'scripts', 'native', 'exports.map');

// The last: in a worker that is being terminated Node-API refuses calls, and would refuse the error about that.
const DEFINES = [
  'BUILDING_NODE_EXTENSION',
  'NODE_GYP_MODULE_NAME=ringlet',
  'NAPI_VERSION=8',
  'NODE_ADDON_API_DISABLE_DEPRECATED',
  'NAPI_DISABLE_CPP_EXCEPTIONS',
  'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
];
const WARNINGS = ['-Wall', '-Wextra', '-Wno-unused-parameter'];
const DIALECT = ['-std=c++20', '-fno-exceptions', '-fno-rtti'];
const CODE = ['-O2', '-fPIC', '-pthread', '-fvisibility=hidden', '-fno-omit-frame-pointer'];
const COMPILING = [...DEFINES.map((name) => `-D${name}`), ...WARNINGS, ...DIALECT, ...CODE];
/** Bound at once, a missing symbol is an error when the addon loads; bound later it would end the process. */
const LINKING = ['-shared', '-pthread', '-Wl,-z,now', `-Wl,--version-script=${EXPORTS}`];

const OUTPUT_MAX_BYTES = 64 * 1024 * 1024;

/** The first line that names a fault, of all that a compiler or linker says. */
function faultIn(output) {
  const isFault = /error: |undefined reference|cannot find|No such file or directory/;
  return output.split('\n').find((line) => isFault.test(line));
}

/** Rejects with an error that names the fault, and holds all that was said as `output`. */
function run([program, ...args]) {
  return new Promise((resolve, reject) => {
    execFile(program, args, { maxBuffer: OUTPUT_MAX_BYTES }, (error, stdout, stderr) => {
      if (!error) return resolve();
      const output = `${stderr}${stdout}`;
      const reason =
        error.code === 'ENOENT'
          ? `${program} was not found`
          : (faultIn(output)?.trim() ?? `${program} ended with status ${error.code}`);
      reject(Object.assign(new Error(reason), { output }));
    });
  });
}

/** Runs the tasks, as many at a time as there are processors. */
async function runAll(tasks) {
  const waiting = [...tasks];
  const worker = async () => {
    for (let task = waiting.shift(); task; task = waiting.shift()) await task();
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
}

function modifiedMs(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY;
}

/** Whether a file is there and none of what the compiler has read for it is newer (a rule as make has them). */
function isFresh(object, rule) {
  if (!existsSync(object) || !existsSync(rule)) return false;
  const sources = readFileSync(rule, 'utf8')
    .replace(/^[^:]*:/, '')
    .split(/[\s\\]+/)
    .filter(Boolean);
  return sources.every((source) => modifiedMs(source) <= modifiedMs(object));
}

/**
 * Makes `output` out of cpp/*.cc, compiling what has changed since the last time.
 *
 * @param options.compiler program and first arguments; `options.headers` folders of Node's headers
 * @param options.compiling, options.linking more arguments
 * @param options.isSelfContained whether it has what it needs of the C++ runtime inside
 * @param options.objects folder for what lies between
 */
export async function compileAddon(options) {
  const { compiler, headers, compiling, linking, isSelfContained = false, objects, output } = options;
  const addonApi = dirname(createRequire(import.meta.url).resolve('node-addon-api/package.json'));
  const includes = [...headers, addonApi].flatMap((folder) => ['-isystem', folder]);
  const command = [...compiler, ...COMPILING, ...includes, ...compiling];
  mkdirSync(objects, { recursive: true });
  const stamp = join(objects, 'command');
  const isSameCommand = existsSync(stamp) && readFileSync(stamp, 'utf8') === command.join('\n');
  const names = readdirSync(SOURCES)
    .filter((name) => name.endsWith('.cc') && (isSelfContained || name !== RUNTIME))
    .map((name) => name.slice(0, -'.cc'.length));
  const objectOf = (name) => join(objects, `${name}.o`);
  const stale = names.filter((name) => {
    return !isSameCommand || !isFresh(objectOf(name), join(objects, `${name}.d`));
  });
  if (!isSameCommand) writeFileSync(stamp, '');
  await runAll(
    stale.map((name) => () => {
      const files = ['-MMD', '-c', join(SOURCES, `${name}.cc`), '-o', objectOf(name)];
      return run([...command, ...files]);
    }),
  );
  writeFileSync(stamp, command.join('\n'));
  mkdirSync(dirname(output), { recursive: true });
  // Renamed into place: a process may have the present one loaded.
  await run([...compiler, ...LINKING, ...names.map(objectOf), ...linking, '-o', `${output}.new`]);
  renameSync(`${output}.new`, output);
}
