/** What `npm publish` would send: installed without running any script, it works, and has nothing in excess. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { needsIoUring } from './support/backends.js';
import { expectCleanExit, runProgram } from './support/child.js';
import { packedPackage, TARGET } from './support/packed.js';

const PREBUILT = join('prebuilds', `${TARGET}.node`);
/** What package managers run when a package is installed, or ask the user about. */
const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall'];

/** A file, or what leads to one by condition. */
type Target = string | { [condition: string]: Target };

function filesOf(target: Target): string[] {
  return typeof target === 'string' ? [target] : Object.values(target).flatMap(filesOf);
}

describe('The published package', function () {
  this.timeout(120_000);
  needsIoUring();
  const { home, installed } = packedPackage();

  async function evaluate(...args: string[]): Promise<string> {
    const launcher = ['sh', '-c', 'cd "$0" && exec "$@"', home];
    const outcome = await runProgram([process.execPath, ...args], { launcher, env: { RINGLET_ADDON: '' } });
    expectCleanExit(outcome);
    return outcome.stdout.trim();
  }

  it('no script, no compiler: import and require get io_uring, and a file is read', async () => {
    const read = `(await fs.readFile('node_modules/ringlet/package.json', 'utf8')).length > 0`;
    const print = `console.log(new Ring().backend, ${read})`;
    const imported = ['--input-type=module', '-e', `import { fs, Ring } from 'ringlet'; ${print};`];
    expect(await evaluate(...imported)).to.equal('io_uring true');
    const required = `const { fs, Ring } = require('ringlet'); (async () => ${print})();`;
    const [major = 0] = process.versions.node.split('.').map(Number);
    // Before Node 22 it is a warning's worth of experiment.
    const flags = major < 22 ? ['--no-warnings'] : [];
    expect(await evaluate(...flags, '-e', required)).to.equal('io_uring true');
    expect(await evaluate(join('node_modules/ringlet/dist/observe/cli/main.js'), 'doctor')).to.contain(
      'io_uring',
    );
  });

  it('every entry comes by import and by require, on the running Node', async () => {
    const print = `console.log(
      [typeof ringlet.Ring, typeof files.readFile, files === files.default || 'default' in files, typeof dgram.createSocket, typeof net.connect].join(' '),
    );`;
    const imported = `
      import * as ringlet from 'ringlet'; import * as files from 'ringlet/fs/promises';
      import * as dgram from 'ringlet/dgram'; import * as net from 'ringlet/net'; ${print}`;
    expect(await evaluate('--input-type=module', '-e', imported)).to.equal(
      'function function true function function',
    );
    const required = `
      const ringlet = require('ringlet'); const files = require('ringlet/fs/promises');
      const dgram = require('ringlet/dgram'); const net = require('ringlet/net'); ${print.replace("files === files.default || 'default' in files", "files === require('ringlet/fs/promises')")}`;
    expect(await evaluate('--no-warnings', '-e', required)).to.equal(
      'function function true function function',
    );
    // Both, so that it does not matter which of them a program asks for.
    const preloaded = `const { FileHandle } = require('ringlet');
      const isOurs = async (fs) => {
        const handle = await fs.open(process.execPath);
        await handle.close();
        return handle instanceof FileHandle;
      };
      Promise.all([require('fs').promises, require('fs/promises')].map(isOurs)).then((all) => console.log(...all));`;
    for (const flag of ['--import', '--require']) {
      const output = await evaluate('--no-warnings', flag, 'ringlet/register', '-e', preloaded);
      expect(output, flag).to.equal('true true');
    }
  });

  it('an import is a few small files, and nothing that a ring needs; once there is one the rest is there', async () => {
    const output = await evaluate(
      '--no-warnings',
      '-e',
      `const { statSync } = require('node:fs');
      const files = () => Object.keys(require.cache).filter((path) => path.includes('/ringlet/'));
      const before = new Set(process.moduleLoadList);
      const { Ring, fs, probe, StreamSocket, Listener, DatagramSocket } = require('ringlet');
      const ofNode = process.moduleLoadList.filter((name) => !before.has(name)).join();
      const imported = files();
      const bytes = imported.map((path) => statSync(path).size).reduce((sum, each) => sum + each);
      (async () => {
        const ring = new Ring();
        await ring.fs.stat('.');
        const made = files().length;
        await ring.chain((chain) => [chain.stat('.')]);
        for await (const { path } of ring.fs.readFiles([])) console.log(path);
        for await (const tick of ring.interval(1)) break;
        const listener = await Listener.listen({ ring, port: 0, host: '127.0.0.1' });
        const socket = await StreamSocket.connect({ ring, port: listener.address.port, host: '127.0.0.1' });
        socket.toDuplex().destroy();
        const datagrams = await DatagramSocket.bind({ ring });
        void datagrams[Symbol.asyncIterator]().return();
        await datagrams.close();
        await listener.close();
        await probe();
        await ring.close();
        console.log(JSON.stringify({ imported, bytes, ofNode, later: files().length - made }));
      })();`,
    );
    const { imported, bytes, ofNode, later } = JSON.parse(output) as {
      imported: string[];
      bytes: number;
      ofNode: string;
      later: number;
    };
    expect(imported).to.have.length.at.most(3);
    expect(bytes).to.be.below(256 * 1024);
    expect(ofNode).to.not.match(/NativeModule (crypto|net|dgram|stream|worker_threads)\b/);
    expect(later).to.equal(0);
  });

  it('export map: types come before what they are of, and every file is there', () => {
    const { exports, imports } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
      exports: Record<string, Target>;
      imports: Record<string, string>;
    };
    for (const [name, target] of Object.entries(exports)) {
      if (typeof target !== 'string') {
        expect(Object.keys(target), name).to.deep.equal(['import', 'require']);
        for (const each of Object.values(target))
          expect(Object.keys(each)).to.deep.equal(['types', 'default']);
      }
      for (const file of filesOf(target)) expect(existsSync(join(installed, file)), file).to.equal(true);
    }
    expect(Object.keys(imports)).to.deep.equal(['#ringlet/*']);
  });

  describe('without an addon that loads', () => {
    const [addon, away] = [join(installed, PREBUILT), join(home, 'away.node')];
    const script = `import { Ring } from 'ringlet'; const { backend, backendReason } = new Ring(); console.log(backend, backendReason);`;
    const program = ['--input-type=module', '-e', script];

    beforeEach(() => renameSync(addon, away));
    afterEach(() => renameSync(away, addon));

    it('none for this machine costs io_uring; the reason says for which, and what to do', async () => {
      expect(await evaluate(...program)).to.equal(
        `node no prebuilt addon for ${TARGET}; compile it with: npx ringlet build`,
      );
      const elsewhere = `Object.defineProperty(process, 'arch', { value: 'riscv64' }); await import('ringlet').then(({ Ring }) => console.log(new Ring().backendReason));`;
      expect(await evaluate('--input-type=module', '-e', elsewhere)).to.contain('for linux-riscv64;');
    });

    it('one that is broken costs io_uring, and the reason is told', async () => {
      writeFileSync(addon, 'no addon');
      expect(await evaluate(...program)).to.match(/^node the native addon could not be loaded/);
    });

    it('npx ringlet build compiles one', async function () {
      this.timeout(600_000); // a minute of a processor, which others may keep busy
      try {
        const command = [join(installed, 'dist/observe/cli/main.js'), 'build'];
        const said = execFileSync(process.execPath, command, { cwd: home, encoding: 'utf8' });
        expect(said).to.match(/compiled .*ringlet\.node$/m);
        expect(await evaluate(...program)).to.match(/^io_uring/);
      } finally {
        rmSync(join(installed, 'build'), { recursive: true, force: true });
      }
    });

    it('npx ringlet build without make: status 1, and make is what it says is missing', () => {
      try {
        const command = [join(installed, 'dist/observe/cli/main.js'), 'build'];
        const env = { ...process.env, MAKE: 'no-such-make' };
        const { status, stderr } = spawnSync(process.execPath, command, { cwd: home, encoding: 'utf8', env });
        expect([status, stderr.trim().split('\n').at(-1)]).to.deep.equal([
          1,
          'ringlet: the addon could not be built: not found: no-such-make',
        ]);
      } finally {
        rmSync(join(installed, 'build'), { recursive: true, force: true });
      }
    });
  });

  it('nothing runs when it is installed: no script, and nothing that package managers would compile', () => {
    const { scripts, gypfile } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
      gypfile: boolean;
    };
    for (const name of INSTALL_SCRIPTS) expect(scripts).to.not.have.property(name);
    expect(gypfile).to.equal(false);
    expect(readdirSync(installed)).to.not.include('binding.gyp');
  });

  it('holds what runs, its sources and its documents, and nothing of tests and benchmarks', () => {
    const top = readdirSync(installed);
    expect(top).to.include.members(['package.json', 'README.md', 'LICENSE', 'dist', 'cpp', 'prebuilds']);
    expect(top).to.not.include.members(['test']);
    expect(top).to.not.include.members(['bench']);
    expect(top).to.not.include.members(['build']);
  });
});
