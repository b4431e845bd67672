/** How long the process lives: neither shorter than what is awaited nor longer than what is pending. */
import { expect } from 'chai';
import { describeOnEachBackend } from '../support/backends.js';
import { expectCleanExit, runCommonJs, runScript } from '../support/child.js';
import { temporaryDirectory } from '../support/temporary.js';

describeOnEachBackend('Process lifetime', (_makeRing, configuration) => {
  const directory = temporaryDirectory();
  const options = JSON.stringify(configuration.options);

  /** Runs a script that sees `Ring`, `DatagramSocket`, `fs`, `options` and `path`; gives what it printed. */
  async function print(body: string, path = ''): Promise<string> {
    const source = `
      import { DatagramSocket, Ring, fs } from 'ringlet';
      const options = ${options};
      const path = process.argv[1];
      ${body}
    `;
    const outcome = await runScript(source, { args: [path] });
    expectCleanExit(outcome);
    return outcome.stdout;
  }

  it('a script that only awaits reads does not exit before they are done', async () => {
    const body = `
      const ring = new Ring(options);
      const handle = await ring.fs.open(path);
      for (let round = 0; round < 100; round += 1) await handle.read(Buffer.alloc(4), 0, 4, 0);
      await handle.close();
      console.log('read 100');
      await ring.close();
      console.log('closed');
    `;
    expect(await print(body, directory.file('a', 'content'))).to.equal('read 100\nclosed\n');
  });

  it('every composite and thread-bound call keeps the process alive while it is pending', async () => {
    const body = `
      const ring = new Ring(options);
      await ring.fs.mkdir(path + '/deep/er', { recursive: true });
      await ring.fs.writeFile(path + '/a', 'text', { flush: true });
      await ring.fs.appendFile(path + '/a', ' more');
      await ring.fs.rename(path + '/a', path + '/b');
      const { size } = await ring.fs.stat(path + '/b');
      console.log(size, await ring.fs.readFile(path + '/b', 'utf8'));
      await ring.fs.unlink(path + '/b');
      console.log('done');
    `;
    expect(await print(body, directory.path)).to.equal('9 text more\ndone\n');
  });

  it('an idle ring that nobody closed does not keep the process alive', async () => {
    expect(await print(`new Ring(options); console.log('end of script');`)).to.equal('end of script\n');
  });

  it('an open handle and an idle bound socket that nobody closed do not either', async () => {
    const body = `
      const ring = new Ring(options);
      globalThis.kept = [await ring.fs.open(path), await DatagramSocket.bind({ address: '127.0.0.1', ring })];
      console.log('end of script');
    `;
    expect(await print(body, directory.file('a', ''))).to.equal('end of script\n');
  });

  it('a for await over a socket keeps the process alive until the message comes', async () => {
    const body = `
      import { createSocket } from 'node:dgram';
      const ring = new Ring(options);
      const socket = await DatagramSocket.bind({ address: '127.0.0.1', ring });
      const sender = createSocket('udp4');
      sender.unref();
      const timer = setTimeout(() => sender.send('hello', socket.address.port, '127.0.0.1'), 50);
      timer.unref();
      for await (const message of socket) {
        console.log(message.data.toString());
        break;
      }
    `;
    expect(await print(body)).to.equal('hello\n');
  });

  it('DatagramSocket.unref: a pending receive lets the process end', async () => {
    const body = `
      const ring = new Ring(options);
      const socket = await DatagramSocket.bind({ address: '127.0.0.1', ring });
      socket.unref();
      process.on('exit', () => console.log('exit'));
      (async () => { for await (const message of socket) console.log('?'); })();
    `;
    expect(await print(body)).to.equal('exit\n');
  });

  it('Ring.unref: a pending receive lets the process end; Ring.ref takes that back', async () => {
    const body = `
      import { createSocket } from 'node:dgram';
      const ring = new Ring(options);
      const socket = await DatagramSocket.bind({ address: '127.0.0.1', ring });
      ring.unref();
      ring.ref();
      const sender = createSocket('udp4').unref();
      setTimeout(() => sender.send('hello', socket.address.port, '127.0.0.1'), 50).unref();
      for await (const message of socket) { console.log(message.data.toString()); break; }
      ring.unref();
      process.on('exit', () => console.log('exit'));
      (async () => { for await (const message of socket) console.log('?'); })();
    `;
    expect(await print(body)).to.equal('hello\nexit\n');
  });

  it('process.exit with operations pending ends with its own status', async () => {
    const body = `
      const ring = new Ring(options);
      const socket = await DatagramSocket.bind({ address: '127.0.0.1', ring });
      (async () => { for await (const message of socket) console.log('?'); })();
      const handle = await ring.fs.open(path);
      for (let index = 0; index < 100; index += 1) handle.read(Buffer.alloc(4), 0, 4, 0);
      process.exit(7);
    `;
    const source = `import { DatagramSocket, Ring } from 'ringlet'; const options = ${options}; const path = process.argv[1]; ${body}`;
    const outcome = await runScript(source, { args: [directory.file('a', 'content')] });
    expect([outcome.code, outcome.signal, outcome.stderr]).to.deep.equal([7, null, '']);
  });

  it('an uncaught error after ring work ends with status 1 and its own message', async () => {
    const source = `
      import { Ring } from 'ringlet';
      const ring = new Ring(${options});
      await ring.fs.stat('/');
      throw new Error('on purpose');
    `;
    const outcome = await runScript(source);
    expect([outcome.code, outcome.signal]).to.deep.equal([1, null]);
    expect(outcome.stderr).to.contain('on purpose');
  });
});

describe('The package', () => {
  const countRings = `const rings = () => readdirSync('/proc/self/fd').filter((fd) => {
    try { return readlinkSync('/proc/self/fd/' + fd).includes('io_uring'); } catch { return false; }
  }).length;`;

  it('import: does no work, makes no ring and opens no descriptor', async () => {
    const source = `
      import { readdirSync, readlinkSync } from 'node:fs';
      ${countRings}
      // Node 22 asks it for its colours when its own modules are loaded, and opens a socket's watch for that.
      void process.stderr;
      const before = [rings(), readdirSync('/proc/self/fd').length];
      await import('ringlet');
      console.log(JSON.stringify([before, [rings(), readdirSync('/proc/self/fd').length]]));
    `;
    const outcome = await runScript(source);
    expectCleanExit(outcome);
    const [before, after] = JSON.parse(outcome.stdout) as [number[], number[]];
    expect(after).to.deep.equal(before);
    expect(outcome.stderr).to.equal('');
  });

  it('fs: the default ring is made at the first call and does not keep the process alive', async () => {
    const source = `
      import { readFileSync } from 'node:fs';
      import { fs } from 'ringlet';
      const calls = [fs.readFile('/proc/self/comm', 'utf8'), fs.stat('/')];
      const [name, stats] = await Promise.all(calls);
      console.log(name === readFileSync('/proc/self/comm', 'utf8'), stats.isDirectory());
    `;
    const outcome = await runScript(source);
    expectCleanExit(outcome);
    expect(outcome.stdout).to.equal('true true\n');
  });

  it('DatagramSocket.bind: uses the default ring when none is given', async () => {
    const source = `
      import { DatagramSocket } from 'ringlet';
      await echo();
      async function echo() {
        const socket = await DatagramSocket.bind({ address: '127.0.0.1' });
        await socket.send('x', socket.address);
        for await (const message of socket) { console.log(message.data.toString()); break; }
        await socket.close();
      }
    `;
    const outcome = await runScript(source);
    expectCleanExit(outcome);
    expect(outcome.stdout).to.equal('x\n');
  });

  it('require: works from CommonJS and gives the very classes that import gives', async () => {
    const source = `
      const required = require('ringlet');
      import('ringlet').then(async (imported) => {
        console.log(required.Ring === imported.Ring, required.fs === imported.fs);
        console.log((await required.fs.stat('/')).isDirectory());
      });
    `;
    const outcome = await runCommonJs(source);
    expectCleanExit(outcome);
    expect(outcome.stdout).to.equal('true true\ntrue\n');
  });
});
