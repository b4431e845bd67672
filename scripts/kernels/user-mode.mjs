/**
 * User-Mode Linux: a kernel as a program, at native speed on one CPU, wherever programs run.
 *
 * Its root is this machine's own file system, read only, so what the tests need here is there too. What they write
 * goes to a disk of their own, a sparse file; what comes of them goes to a folder of this machine.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { INIT, kernelParameters, makeDisk, MEMORY_BYTES, runMachine } from './machine.mjs';

const LIBC_FILES = ['ld-linux-x86-64.so.2', 'libc.so.6', 'libm.so.6'];
/** Where its memory is best, a file without a name: in memory. */
const SHARED_MEMORY = '/dev/shm';

/** Gives the program the C library of its own suite. */
function bringLibc(suite, folder, program) {
  const unpacked = join(folder, 'libc6');
  suite.unpack(['libc6'], unpacked);
  const own = join(folder, 'lib');
  mkdirSync(own);
  for (const file of LIBC_FILES) {
    copyFileSync(join(unpacked, 'usr/lib/x86_64-linux-gnu', file), join(own, file));
  }
  const loader = join(own, LIBC_FILES[0]);
  execFileSync('patchelf', ['--set-interpreter', loader, '--force-rpath', '--set-rpath', own, program]);
  rmSync(unpacked, { recursive: true });
}

const programIn = (folder) => join(folder, 'usr/bin/linux.uml');

function versionOf(folder) {
  return execFileSync(programIn(folder), ['--version'], { encoding: 'utf8', stdio: 'pipe' }).trim();
}

function hasRoom(folder) {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize > MEMORY_BYTES;
  } catch {
    return false;
  }
}

/** Has the kernel in a folder of the cache. Returns its release. */
export function prepareUserMode(suite, folder) {
  const complete = join(folder, 'complete');
  if (!existsSync(complete)) {
    rmSync(folder, { recursive: true, force: true });
    suite.unpack(['user-mode-linux'], folder);
    try {
      versionOf(folder);
    } catch {
      // It may want a newer C library than this machine's.
      bringLibc(suite, folder, programIn(folder));
    }
    writeFileSync(complete, versionOf(folder));
  }
  return versionOf(folder);
}

/**
 * Boots it, and ends it at the latest after `limitMs`.
 *
 * @param out where the guest leaves what came of it.
 * @param settings by which names it finds what.
 * @returns whether it has powered off by itself.
 */
export async function bootUserMode(folder, out, settings, limitMs) {
  const disk = makeDisk(out);
  const parameters = kernelParameters({
    ...settings,
    RINGLET_MODULES: join(folder, 'usr/lib/uml/modules'),
    RINGLET_DISK: '/dev/ubda',
  });
  const root = ['rootfstype=hostfs', 'rootflags=/', 'ro', `init=${INIT}`, `ubd0=${disk}`];
  const consoles = ['con=null', 'con0=null,fd:1', 'quiet'];
  const env = { ...process.env, TMPDIR: hasRoom(SHARED_MEMORY) ? SHARED_MEMORY : out };
  const argv = [`mem=${MEMORY_BYTES}`, ...root, ...consoles, ...parameters];
  const hasEnded = await runMachine(programIn(folder), argv, { out, env, limitMs });
  rmSync(disk);
  return hasEnded;
}
