/** arm64: its Node and its prebuilt addon, under qemu-user, which knows no io_uring. */
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run, understand } from './programs.mjs';

const PROGRAM = fileURLToPath(new URL('./program.mjs', import.meta.url));
/** Where Debian's cross compiler has the libraries. */
const LIBRARIES = '/usr/aarch64-linux-gnu';

/** Returns a check by its name; it says in words what there is, or throws. */
export function emulatedChecks({ folder, tools, tarball }) {
  const check = () => {
    const home = join(folder, 'arm64');
    const installed = join(home, 'node_modules/ringlet');
    mkdirSync(installed, { recursive: true });
    run(['tar', '-xf', tarball, '-C', installed, '--strip-components=1']);
    writeFileSync(join(home, 'package.json'), '{ "private": true }\n');
    copyFileSync(PROGRAM, join(home, 'program.mjs'));
    const node = join(tools, 'node-arm64/bin/node');
    return understand(run(['qemu-aarch64', '-L', LIBRARIES, node, 'program.mjs'], { cwd: home }), 'epoll');
  };
  return [['arm64 emulated', check]];
}
