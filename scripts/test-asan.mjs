/**
 * Runs the whole test suite on an address-sanitizer build of the addon. Arguments go to mocha.
 * Node itself is not built with the sanitizer, so its run-time library is loaded in front of it.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

function run(command, args, env = {}) {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

const runtime = execFileSync(process.env.CC ?? 'gcc', ['-print-file-name=libasan.so'], {
  encoding: 'utf8',
}).trim();
if (!existsSync(runtime)) throw new Error("gcc's libasan.so is not installed");

run(process.execPath, [join(root, 'scripts', 'build-native.mjs'), '--sanitize']);
run(process.execPath, [join(root, 'node_modules', 'mocha', 'bin', 'mocha.js'), ...process.argv.slice(2)], {
  RINGLET_ADDON: join(root, 'build', 'Release', 'ringlet_asan.node'),
  LD_PRELOAD: runtime,
  // V8 keeps its heap until the process ends, which counts as a leak. The stack of a JavaScript fiber
  // and of a worker is not one the sanitizer knows, so it must not guess about use after return.
  ASAN_OPTIONS: 'detect_leaks=0:detect_stack_use_after_return=0:abort_on_error=1:halt_on_error=1',
});
