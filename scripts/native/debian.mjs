/** Packages of Debian, of any processor and release, by apt; the system's own lists and packages stay as they are. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** The address that the system's own sources use, and the release that they name. */
export function debianSource() {
  const format = '$(REPO_URI) $(CODENAME)';
  const targets = ['indextargets', '--format', format, 'Created-By: Packages', 'Origin: Debian'];
  const lines = execFileSync('apt-get', targets, { encoding: 'utf8' }).split('\n');
  // Not those of updates and of security, whose names have a suffix.
  const [mirror, release] =
    lines.map((line) => line.split(' ')).find(([, name]) => /^[a-z]+$/.test(name)) ?? [];
  if (!mirror) throw new Error('apt knows no mirror of Debian (apt-get update)');
  return { mirror, release };
}

/**
 * Unpacks packages into `folder`, unless it is there already.
 *
 * @param processor as Debian names it: amd64, arm64
 */
export function unpackPackages(names, { processor, release = debianSource().release, folder }) {
  if (existsSync(folder)) return;
  const work = `${folder}.part`;
  rmSync(work, { recursive: true, force: true });
  const [lists, cache, root] = ['lists', 'cache', 'root'].map((name) => join(work, name));
  for (const path of [join(lists, 'partial'), join(cache, 'archives', 'partial'), root]) {
    mkdirSync(path, { recursive: true });
  }
  const sources = join(work, 'sources.list');
  const { mirror } = debianSource();
  writeFileSync(sources, `deb [signed-by=${KEYRING} arch=${processor}] ${mirror} ${release} main\n`);
  const options = {
    'Dir::Etc::sourcelist': sources,
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::State::lists': lists,
    'Dir::State::status': '/dev/null',
    'Dir::Cache': cache,
    'APT::Architecture': processor,
    'APT::Architectures::': processor,
    'APT::Sandbox::User': 'root',
  };
  const apt = (...args) => {
    const settings = Object.entries(options).map(([name, value]) => `-o${name}=${value}`);
    execFileSync('apt-get', [...settings, '-qq', ...args], {
      cwd: work,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  };
  apt('update');
  apt('download', ...names);
  for (const file of readdirSync(work).filter((name) => name.endsWith('.deb'))) {
    execFileSync('dpkg-deb', ['-x', join(work, file), root]);
  }
  renameSync(root, folder);
  rmSync(work, { recursive: true });
}
