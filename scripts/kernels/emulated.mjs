/**
 * Debian's stock kernels in QEMU, on two emulated processors: many times slower than User-Mode Linux.
 *
 * Their root is this machine's own file system, too, read only, by 9P. A first file system in memory loads the
 * modules that this takes.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { INIT, kernelParameters, makeDisk, MEMORY_BYTES, runMachine } from './machine.mjs';

const BUSYBOX = '/bin/busybox';
const BOOT_MODULES = ['virtio_pci', '9pnet_virtio', '9p', 'virtio_blk', 'ext4'];
const NINE_P = 'trans=virtio,version=9p2000.L,msize=524288';
const BOOT = `#!${BUSYBOX} sh
${BUSYBOX} mkdir -p /dev /root
${BUSYBOX} mount -t devtmpfs devtmpfs /dev
for module in /modules/*; do ${BUSYBOX} insmod "$module"; done
${BUSYBOX} mount -t 9p -o ro,cache=loose,${NINE_P} root /root
${BUSYBOX} mount --move /dev /root/dev
exec ${BUSYBOX} switch_root /root ${INIT}
`;
/** How a module's file is read, by its ending. */
const READERS = { xz: ['xz', '-dc'], zst: ['zstd', '-dqc'], ko: ['cat'] };

/** The packages of the newest kernel of a series, such as 6.17. From 6.19 on there are two. */
function packagesOf(suite, series) {
  const release = new RegExp(
    `^linux-(?:image|binary)-(${series.replace('.', '\\.')}\\.\\d+\\+[a-z0-9]+)-amd64$`,
  );
  const releases = suite.names(release).map((name) => release.exec(name)[1]);
  if (releases.length === 0) throw new Error(`no kernel ${series} among the packages`);
  const [newest] = releases.sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
  const binary = `linux-binary-${newest}-amd64`;
  return suite.names(/^linux-binary-/).includes(binary)
    ? [binary, `linux-modules-${newest}-amd64`]
    : [`linux-image-${newest}-amd64`];
}

const modulesOf = (folder) => join(folder, 'lib/modules');

function releaseOf(folder) {
  return readdirSync(modulesOf(folder))[0];
}

/** The file system that a kernel begins with. */
function makeInitrd(folder, release) {
  const root = join(folder, 'initrd.d');
  mkdirSync(join(root, 'bin'), { recursive: true });
  mkdirSync(join(root, 'modules'));
  copyFileSync(BUSYBOX, join(root, 'bin/busybox'));
  writeFileSync(join(root, 'init'), BOOT, { mode: 0o755 });
  const needed = BOOT_MODULES.flatMap((module) => {
    const argv = ['-d', folder, '-S', release, '--show-depends', module];
    const lines = execFileSync('modprobe', argv, { encoding: 'utf8' }).split('\n');
    return lines.filter((line) => line.startsWith('insmod ')).map((line) => line.split(' ')[1]);
  });
  [...new Set(needed)].forEach((path, index) => {
    const [program, ...argv] = READERS[path.split('.').at(-1)];
    const module = execFileSync(program, [...argv, path], { maxBuffer: 2 ** 28 });
    writeFileSync(join(root, 'modules', `${100 + index}-${basename(path).split('.')[0]}.ko`), module);
  });
  execFileSync('sh', ['-c', `find . | ${BUSYBOX} cpio -o -H newc | gzip -1 > ../initrd`], { cwd: root });
  rmSync(root, { recursive: true });
}

/** Has a kernel of the series in a folder of the cache. Returns its release. */
export function prepareEmulated(suite, folder, series) {
  const complete = join(folder, 'complete');
  if (!existsSync(complete)) {
    rmSync(folder, { recursive: true, force: true });
    suite.unpack(packagesOf(suite, series), folder);
    // Newer packages have modules below /usr.
    if (!existsSync(modulesOf(folder))) execFileSync('cp', ['-a', join(folder, 'usr/lib'), folder]);
    const release = releaseOf(folder);
    execFileSync('depmod', ['-b', folder, release]);
    makeInitrd(folder, release);
    writeFileSync(complete, release);
  }
  return releaseOf(folder);
}

/** As `bootUserMode`. */
export async function bootEmulated(folder, out, settings, limitMs) {
  const disk = makeDisk(out);
  const { RINGLET_OUT: shared, ...others } = settings;
  const parameters = kernelParameters({
    ...others,
    RINGLET_MODULES: modulesOf(folder),
    RINGLET_DISK: '/dev/vda',
    RINGLET_9P: NINE_P,
  });
  const release = releaseOf(folder);
  const argv = [
    ...['-machine', 'q35', '-accel', 'tcg,thread=multi', '-cpu', 'max,la57=off', '-smp', '2'],
    ...[
      '-m',
      `${MEMORY_BYTES / 2 ** 20}`,
      '-nodefaults',
      '-no-user-config',
      '-display',
      'none',
      '-no-reboot',
    ],
    ...['-serial', 'stdio', '-device', 'virtio-rng-pci'],
    ...['-kernel', join(folder, `boot/vmlinuz-${release}`), '-initrd', join(folder, 'initrd')],
    ...['-append', ['console=ttyS0', 'quiet', 'panic=-1', 'mitigations=off', ...parameters].join(' ')],
    ...['-virtfs', 'local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap'],
    ...['-virtfs', `local,path=${shared},mount_tag=out,security_model=none`],
    ...['-drive', `file=${disk},format=raw,if=virtio,cache=unsafe`],
  ];
  const hasEnded = await runMachine('qemu-system-x86_64', argv, { out, env: process.env, limitMs });
  rmSync(disk);
  return hasEnded;
}
