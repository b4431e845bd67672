/**
 * Compiles the addon for this machine, into build/Release, where the loader looks first. Plain JavaScript on Node's own
 * modules: it runs before anything is built, and as `npx ringlet build` in the published package, which brings
 * prebuilt ones for most (scripts/prebuild.mjs).
 *
 *   node scripts/build-native.mjs                compiles what has changed
 *   node scripts/build-native.mjs --sanitize     the address-sanitizer variant, beside the normal one
 */
import { join } from 'node:path';
import { compileAddon, ROOT } from './native/gyp.mjs';

const isSanitized = process.argv.includes('--sanitize');
const name = isSanitized ? 'ringlet_asan' : 'ringlet';
const output = join(ROOT, 'build', 'Release', `${name}.node`);

if (process.platform !== 'linux') {
  console.log(`ringlet: io_uring is Linux only; on ${process.platform} there is nothing to compile.`);
} else {
  try {
    const sanitizing = { sanitize: 'address', addon_name: name };
    compileAddon(isSanitized ? 'sanitized' : 'host', { output, variables: isSanitized ? sanitizing : {} });
    console.log(`ringlet: compiled ${output}`);
  } catch (error) {
    if (error.output) console.error(error.output);
    console.error(`ringlet: the addon could not be built: ${error.message}`);
    process.exitCode = 1;
  }
}
