/**
 * Debian packages of any suite and processor, by this machine's own apt and from where it gets its own.
 *
 * The suites have a list and a cache of their own, so nothing of the system's changes and nothing is installed.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
/** The fields that tell Debian's own archive from its security updates and from other archives. */
const FIELDS = '$(ORIGIN)|$(LABEL)|$(COMPONENT)|$(REPO_URI)';

function run(command, args, options = {}) {
  try {
    return execFileSync(command, args, { encoding: 'utf8', maxBuffer: 2 ** 28, ...options });
  } catch (error) {
    const said = `${error.stderr ?? ''}`.trim() || error.message;
    throw new Error(`${command} ${args.filter((arg) => !arg.startsWith('-')).join(' ')}: ${said}`);
  }
}

/** The address that apt's own sources have for Debian's archive; undefined before their first update. */
function knownAddress() {
  const targets = run('apt-get', ['indextargets', '--format', FIELDS, 'Created-By: Packages']);
  const own = targets.split('\n').find((line) => line.startsWith('Debian|Debian|main|'));
  return own?.split('|')[3];
}

/** Throws, in words, where apt has none even then. */
export function archiveAddress() {
  const known = process.env.RINGLET_KERNELS_ARCHIVE ?? knownAddress();
  if (known) return known;
  run('apt-get', ['-qq', 'update']);
  const address = knownAddress();
  if (!address) {
    throw new Error(
      "apt's sources name no Debian archive; RINGLET_KERNELS_ARCHIVE may hold the address of one",
    );
  }
  return address;
}

/** The packages of one suite. */
export class Suite {
  #name;
  #folder;
  #options;
  #isUpdated = false;

  /**
   * @param cache a folder that is kept from run to run
   * @param processor as Debian names it
   */
  constructor(name, cache, processor = 'amd64') {
    this.#name = name;
    this.#folder = join(cache, 'apt', `${name}-${processor}`);
    const sources = join(this.#folder, 'sources.list');
    this.#options = Object.entries({
      'Dir::Etc::sourcelist': sources,
      'Dir::Etc::sourceparts': '/dev/null',
      'Dir::State': join(this.#folder, 'state'),
      'Dir::State::status': join(this.#folder, 'status'),
      'Dir::Cache': join(this.#folder, 'cache'),
      'APT::Architecture': processor,
      'APT::Architectures': processor,
      // Folders of our own are none of the user's that apt gives up its rights for.
      'APT::Sandbox::User': '',
    }).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  }

  #update() {
    if (this.#isUpdated) return;
    mkdirSync(join(this.#folder, 'state/lists/partial'), { recursive: true });
    mkdirSync(join(this.#folder, 'cache/archives/partial'), { recursive: true });
    const source = `deb [signed-by=${KEYRING}] ${archiveAddress()} ${this.#name} main\n`;
    writeFileSync(join(this.#folder, 'sources.list'), source);
    writeFileSync(join(this.#folder, 'status'), '');
    run('apt-get', [...this.#options, '-qq', '-o', 'APT::Update::Error-Mode=any', 'update']);
    this.#isUpdated = true;
  }

  /** The names of its packages that match, in apt's order. */
  names(pattern) {
    this.#update();
    const all = run('apt-cache', [...this.#options, 'pkgnames']).split('\n');
    return all.filter((name) => pattern.test(name)).sort();
  }

  /** Unpacks packages into a folder. @throws in words when one can't be had. */
  unpack(packages, into) {
    this.#update();
    const downloads = join(this.#folder, 'downloads');
    mkdirSync(downloads, { recursive: true });
    for (const name of packages) {
      const [line] = run('apt-get', [...this.#options, '-qq', '--print-uris', 'download', name]).split('\n');
      const file = line.split(' ')[1];
      run('apt-get', [...this.#options, '-qq', 'download', name], { cwd: downloads });
      run('dpkg-deb', ['-x', join(downloads, file), into]);
    }
  }
}
