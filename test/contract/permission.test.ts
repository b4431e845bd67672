/** Node's permission model: rings that leave the choice open heed it, and one that is asked for works all the same. */
import { expect } from 'chai';
import { realpathSync } from 'node:fs';
import { isNodeAtLeast } from '#ringlet/base/node-version.js';
import { needsIoUring } from '../support/backends.js';
import { expectCleanExit, PACKAGE_ROOT, runScript } from '../support/child.js';
import { temporaryDirectory } from '../support/temporary.js';

const FLAG = isNodeAtLeast(23, 5, { 22: 13 }) ? '--permission' : '--experimental-permission';

/** What becomes of calls by Node's own functions and by ringlet's, in a directory that is allowed and outside it. */
const CALLS = `
  import { createRequire } from 'node:module';
  const [source, allowed] = process.argv.slice(1);
  const fs = createRequire(process.cwd() + '/')(source);
  const told = async (name, call) => {
    try {
      const result = await call();
      console.log(name, typeof result === 'string' ? result : 'done');
    } catch ({ code, permission }) {
      console.log(name, code, permission);
    }
  };
  await told('write', () => fs.writeFile(allowed + '/file', 'text'));
  await told('read', () => fs.readFile(allowed + '/file', 'utf8'));
  await told('open', async () => await (await fs.open(allowed + '/file')).close());
  await told('read outside', () => fs.readFile('/etc/hostname'));
  await told('open outside', () => fs.open('/etc/hostname'));
  await told('stat outside', () => fs.stat('/etc/hostname'));
  await told('readdir outside', () => fs.readdir('/etc'));
  await told('write outside', () => fs.writeFile('/tmp/ringlet-test-refused', ''));
  await told('mkdir outside', () => fs.mkdir('/tmp/ringlet-test-refused'));
  await told('unlink outside', () => fs.unlink('/etc/ringlet-test-refused'));
  await told('rename outside', () => fs.rename(allowed + '/file', '/tmp/ringlet-test-refused'));
  await told('copyFile outside', () => fs.copyFile('/etc/hostname', allowed + '/copy'));
`;

describe('--permission', () => {
  const directory = temporaryDirectory();

  const flags = (...more: readonly string[]): string[] => {
    const own = realpathSync(directory.path);
    const grants = [PACKAGE_ROOT, own].map((path) => `--allow-fs-read=${path.replace(/\/$/, '')}/*`);
    return [FLAG, ...grants, `--allow-fs-write=${own}/*`, ...more, '--no-warnings'];
  };

  async function told(source: string, execArgv: readonly string[]): Promise<string> {
    const outcome = await runScript(CALLS, { execArgv, args: [source, realpathSync(directory.path)] });
    expectCleanExit(outcome);
    return outcome.stdout;
  }

  for (const more of [[], ['--allow-addons']]) {
    it(`ringlet/fs/promises allows and refuses what Node's does ${more.join()}`, async () => {
      const ofNode = await told('node:fs/promises', flags(...more));
      expect(await told('ringlet/fs/promises', flags(...more))).to.equal(ofNode);
      expect(ofNode).to.contain('read text').and.contain('read outside ERR_ACCESS_DENIED FileSystemRead');
    });
  }

  it('probe() says so, and fails for nothing that it may not look at', async () => {
    const script = `
      import { probe } from 'ringlet';
      const { isAvailable, ruledOutBy, limits } = probe();
      console.log(isAvailable, ruledOutBy, limits.openFiles);
    `;
    for (const more of [[], ['--allow-addons']]) {
      const outcome = await runScript(script, { execArgv: flags(...more) });
      expectCleanExit(outcome);
      expect(outcome.stdout).to.equal('false permission null\n');
    }
  });

  it("an 'auto' ring says that the permission model keeps it on Node's modules", async () => {
    const script = "import { Ring } from 'ringlet'; console.log(new Ring().backendReason);";
    const outcome = await runScript(script, { execArgv: flags('--allow-addons') });
    expectCleanExit(outcome);
    expect(outcome.stdout).to.match(/^the permission model is on/);
  });

  it('extended attributes, which need the addon, are refused where Node would refuse the path', async () => {
    const script = `
      import { Ring } from 'ringlet';
      const { fs } = new Ring({ backend: 'node' });
      const [allowed] = process.argv.slice(1);
      for (const path of [allowed, Buffer.from(allowed), '/etc/hostname', Buffer.from('/etc/hostname')]) {
        for (const call of [
          () => fs.getxattr(path, 'user.none'),
          () => fs.listxattr(path),
          () => fs.setxattr(path, 'user.none', 'x'),
          () => fs.removexattr(path, 'user.none'),
        ]) {
          const code = await call().then(() => '', ({ code }) => code);
          console.log(code === 'ERR_ACCESS_DENIED');
        }
      }
    `;
    const args = [realpathSync(directory.path)];
    const outcome = await runScript(script, { execArgv: flags('--allow-addons'), args });
    expectCleanExit(outcome);
    const expected = [...Array<string>(8).fill('false'), ...Array<string>(8).fill('true')];
    expect(outcome.stdout.trim().split('\n')).to.deep.equal(expected);
  });

  it('a ring that is asked for, where the addon may not be read: ERR_RINGLET_UNAVAILABLE, with the flag', async () => {
    const script = `
      import { Ring } from 'ringlet';
      try { new Ring({ backend: 'io_uring' }); } catch ({ code, message }) { console.log(code, message); }
    `;
    const grants = ['dist', 'package.json'].map((name) => `--allow-fs-read=${PACKAGE_ROOT}${name}`);
    const outcome = await runScript(script, {
      execArgv: [FLAG, ...grants, '--allow-addons', '--no-warnings'],
      // One that is named is not looked for.
      env: { RINGLET_ADDON: '' },
    });
    expectCleanExit(outcome);
    expect(outcome.stdout).to.match(/^ERR_RINGLET_UNAVAILABLE io_uring is unavailable: the native addon /);
  });

  for (const backend of ['io_uring', 'epoll'] as const) {
    describe(`with a ring that is asked for, on ${backend}`, () => {
      needsIoUring({ backend });

      it('stat has its times and dates, to the nanosecond where Node has that', async () => {
        const script = `
          import { statSync } from 'node:fs';
          import { Ring } from 'ringlet';
          const { fs } = new Ring({ backend: '${backend}' });
          const path = process.argv[1];
          const seen = (stats) => [stats.mtimeMs, stats.mtime, String(stats.mtimeInstant), stats.isDirectory()].join();
          console.log(seen(await fs.stat(path)) === seen(statSync(path)));
          const [ours, nodes] = [await fs.stat(path, { bigint: true }), statSync(path, { bigint: true })];
          console.log(ours.mtimeNs === nodes.mtimeNs, Object.getPrototypeOf(ours) === Object.getPrototypeOf(nodes));
        `;
        const args = [realpathSync(directory.path)];
        const outcome = await runScript(script, { execArgv: flags('--allow-addons'), args });
        expectCleanExit(outcome);
        expect(outcome.stdout).to.equal('true\ntrue true\n');
      });
    });
  }
});
