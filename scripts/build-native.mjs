/**
 * Compiles the addon for this machine, into build/Release, where the loader looks first. Plain JavaScript on Node's own
 * modules: it runs before anything is built, and as `npx ringlet build` in the published package, which brings
 * prebuilt ones for most (scripts/prebuild.mjs).
 *
 *   node scripts/build-native.mjs                compiles what has changed
 *   node scripts/build-native.mjs --sanitize     the address-sanitizer variant, beside the normal one
 *
 * CXX names another compiler than c++; CXXFLAGS and LDFLAGS are more arguments for it.
 */
import { join } from 'node:path';
import { compileAddon, ROOT } from './native/compile.mjs';
import { findHeaders } from './native/headers.mjs';

const isSanitized = process.argv.includes('--sanitize');
const name = isSanitized ? 'ringlet_asan' : 'ringlet';
const sanitizing = ['-fsanitize=address', '-g'];

function argumentsIn(variable) {
  return process.env[variable]?.split(/\s+/).filter(Boolean) ?? [];
}

try {
  if (process.platform !== 'linux') {
    console.log(`ringlet: io_uring is Linux only; on ${process.platform} there is nothing to compile.`);
  } else {
    const compiler = argumentsIn('CXX');
    const output = join(ROOT, 'build', 'Release', `${name}.node`);
    await compileAddon({
      compiler: compiler.length > 0 ? compiler : ['c++'],
      headers: findHeaders(join(ROOT, 'build', 'node-headers')),
      // For processors of 32 bits.
      compiling: ['-D_FILE_OFFSET_BITS=64', ...(isSanitized ? sanitizing : []), ...argumentsIn('CXXFLAGS')],
      linking: [...(isSanitized ? sanitizing : []), ...argumentsIn('LDFLAGS')],
      objects: join(ROOT, 'build', 'objects', name),
      output,
    });
    console.log(`ringlet: compiled ${output}`);
  }
} catch (error) {
  if (error.output) console.error(error.output);
  console.error(`ringlet: the addon could not be built: ${error.message}`);
  process.exitCode = 1;
}
