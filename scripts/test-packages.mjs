/**
 * Runs other people's packages on ringlet's sockets, each against a server: `npm run test:packages`, or with names of some
 * (`npm run test:packages -- ws pg`).
 *
 * The packages are those that `test/packages` pins, by lock file, installed into a temporary folder without their
 * scripts; what is done with each is in test/packages/clients.mjs. Servers are Debian's redis-server, postgresql,
 * mariadb-server, mosquitto, nginx and bind9, each started in a folder of its own, on loopback, and ended by its process id; what
 * is not installed is skipped, and says so.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const POSTGRES = '/usr/lib/postgresql';

/** Debian keeps it in a folder for each version. */
function postgresFolder() {
  const versions = existsSync(POSTGRES) ? readdirSync(POSTGRES).sort() : [];
  return versions.length === 0 ? '' : join(POSTGRES, versions.at(-1), 'bin');
}

/** The user that it runs as where this is root. */
function postgresIds() {
  const ids = ['-u', '-g'].map((which) =>
    spawnSync('id', [which, 'postgres'], { encoding: 'utf8' }).stdout.trim(),
  );
  return ids.join(':');
}

const folder = mkdtempSync(join(tmpdir(), 'ringlet-packages-'));
let status = 1;
try {
  for (const file of ['package.json', 'package-lock.json', 'clients.mjs']) {
    copyFileSync(join(ROOT, 'test/packages', file), join(folder, file));
  }
  const quietly = ['--ignore-scripts', '--no-audit', '--no-fund', '--silent'];
  execFileSync('npm', ['ci', ...quietly], { cwd: folder, stdio: 'inherit' });
  symlinkSync(ROOT, join(folder, 'node_modules/ringlet'));
  const env = { ...process.env, POSTGRES_BIN: postgresFolder(), POSTGRES_IDS: postgresIds() };
  const argv = ['clients.mjs', ...process.argv.slice(2)];
  ({ status } = spawnSync(process.execPath, argv, { cwd: folder, stdio: 'inherit', env }));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit(status ?? 1);
