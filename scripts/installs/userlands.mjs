/** Fresh userlands of Debian, by debootstrap and chroot, with a Node and the npm that installs the packed package there. */
import { copyFileSync, cpSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { archiveAddress } from '../debian/suite.mjs';
import { run, understand } from './programs.mjs';

const PROGRAM = fileURLToPath(new URL('./program.mjs', import.meta.url));
/** What this machine trusts, a registry of its own among it. */
const AUTHORITIES = '/etc/ssl/certs/ca-certificates.crt';
const RELEASES = { 'Debian 11': 'bullseye', 'Debian 12': 'bookworm', 'Debian 13': 'trixie' };

/** A userland as debootstrap leaves it; kept in the cache. */
export function userland(suite, cache) {
  const root = join(cache, suite);
  if (existsSync(root)) return root;
  const part = `${root}.part`;
  rmSync(part, { recursive: true, force: true });
  mkdirSync(cache, { recursive: true });
  run(['debootstrap', '--variant=minbase', suite, part, archiveAddress()]);
  renameSync(part, root);
  return root;
}

/**
 * Makes a folder for a program in there, with Node, npm and the package, and removes it at the end.
 *
 * @param enter the command that runs another in the root, which follows it.
 * @param body gets the folder's path outside, and `inside(command)`, which runs a shell's command there.
 */
export function withApp(root, { tools, node, tarball }, enter, body) {
  const home = join(root, 'srv/app');
  rmSync(home, { recursive: true, force: true });
  mkdirSync(home, { recursive: true });
  try {
    copyFileSync(node, join(root, 'usr/local/bin/node'));
    cpSync(join(tools, 'npm'), join(home, 'npm'), { recursive: true });
    copyFileSync(tarball, join(home, 'ringlet.tgz'));
    copyFileSync(PROGRAM, join(home, 'program.mjs'));
    copyFileSync('/etc/resolv.conf', join(root, 'etc/resolv.conf'));
    copyFileSync(AUTHORITIES, join(home, 'authorities.crt'));
    writeFileSync(join(home, 'package.json'), '{ "private": true }\n');
    const registry = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim();
    const settings = [
      `npm_config_registry=${registry}`,
      'NODE_EXTRA_CA_CERTS=/srv/app/authorities.crt',
      'HOME=/srv/app',
      'PATH=/usr/local/bin:/usr/bin:/bin',
    ];
    const inside = (command) => {
      const mounts = ['unshare', '--mount', '--pid', '--fork', `--mount-proc=${join(root, 'proc')}`];
      const program = ['env', '-i', ...settings, 'sh', '-c', `cd /srv/app && ${command}`];
      return run([...mounts, ...enter, ...program]);
    };
    return body(home, inside);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** Without a compiler there. */
export const INSTALL = '! command -v c++ && node npm/bin/npm-cli.js install ./ringlet.tgz';

function installIn(root, context) {
  return withApp(root, context, ['chroot', root], (_home, inside) => {
    inside(INSTALL);
    return understand(inside('node program.mjs'), 'io_uring');
  });
}

/** Returns checks by name; each says in words what there is, or throws. Root's rights are needed. */
export function userlandChecks(context) {
  return Object.entries(RELEASES).map(([name, suite]) => {
    return [name, () => installIn(userland(suite, context.cache), context)];
  });
}
