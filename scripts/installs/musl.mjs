/** musl, as Alpine has it: a program that runs on it loads the prebuilt addon, and its rings work. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { symbolsOf } from '../native/elf.mjs';
import { linkForMusl, prebuiltPath } from '../prebuild.mjs';
import { run } from './programs.mjs';

const HOST = fileURLToPath(new URL('./musl-host.cc', import.meta.url));
/** What in the addon knows Node-API or libuv, and what Node has in its place here. */
const OF_NODE = /^(napi|node_api|uv)_/;

/** Definitions of all that the addon takes from Node. They are never called. */
function namesOfNode(addon) {
  const names = symbolsOf(addon).filter(({ name, isNeeded }) => isNeeded && OF_NODE.test(name));
  return names.map(({ name }) => `extern "C" void ${name}() { __builtin_trap(); }\n`).join('');
}

function check(target, emulator, folder) {
  const addon = prebuiltPath(target);
  const names = join(folder, `${target}.h`);
  writeFileSync(names, namesOfNode(addon));
  const program = { source: HOST, defines: [`-DNODE_NAMES="${names}"`], output: join(folder, target) };
  return run([...emulator, ...linkForMusl(target, program), addon]).trim();
}

/** Returns checks by name; each says in words what there is, or throws. */
export function muslChecks({ folder }) {
  return [
    ['musl, x64', () => check('linuxmusl-x64', [], folder)],
    ['musl, arm64 emulated', () => check('linuxmusl-arm64', ['qemu-aarch64'], folder)],
  ];
}
