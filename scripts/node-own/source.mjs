/** Node's own tests, from Debian's source package of a release, and the release itself, from the npm registry. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { archiveAddress } from '../debian/suite.mjs';

/** The releases that both have. The archive keeps a source for as long as one of its suites is on it. */
const RELEASES = {
  20: {
    version: '20.19.2',
    archive: 'nodejs_20.19.2+dfsg.orig.tar.xz',
    sha256: '5e5559381ad031d245a8efa403458abbb73755f74c3e6380f185a4dd342b7949',
  },
  24: {
    version: '24.21.0',
    archive: 'nodejs_24.21.0+dfsg+~cs24.13.4.orig.tar.xz',
    sha256: 'e6e0d1a00dfc9e31ab2b074fd99979a48be17c18e8e3edc14306736069bb8f54',
  },
};

const APT_HELPER = '/usr/lib/apt/apt-helper';
/** What tests read of the source beside themselves. */
const PARTS = ['test/parallel/*', 'test/common/*', 'test/fixtures/*'];

/** Installs a release and unpacks its tests, into a folder that is kept. */
export function fetchRelease(major) {
  const release = RELEASES[major];
  if (!release) throw new Error(`no release ${major}; there are ${Object.keys(RELEASES).join(', ')}`);
  const folder = join(homedir(), '.cache/ringlet-node-own', release.version);
  const isWhole = join(folder, 'whole');
  if (!existsSync(isWhole)) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    installNode(release, folder);
    unpackTests(release, folder);
    writeFileSync(isWhole, '');
  }
  return {
    version: release.version,
    node: join(folder, 'node_modules/node/bin/node'),
    tests: join(folder, 'source/test/parallel'),
  };
}

function installNode({ version }, folder) {
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
  const binary = `node@npm:node-linux-${process.arch}@${version}`;
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--silent', binary], { cwd: folder });
}

function unpackTests({ archive, sha256 }, folder) {
  const file = join(folder, 'source.tar.xz');
  const address = new URL(`pool/main/n/nodejs/${archive}`, `${archiveAddress()}/`.replace(/\/+$/, '/')).href;
  const how = ['-o', 'APT::Sandbox::User=', 'download-file', address, file, `SHA256:${sha256}`];
  execFileSync(APT_HELPER, how, { stdio: ['ignore', 'ignore', 'inherit'] });
  const source = join(folder, 'source');
  mkdirSync(source);
  const wanted = PARTS.map((part) => `node-v*/${part}`);
  execFileSync('tar', ['-xf', file, '-C', source, '--strip-components=1', '--wildcards', ...wanted]);
  rmSync(file);
}
