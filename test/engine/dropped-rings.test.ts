/** A ring that nobody closes and nobody can use any more is closed by its collection, and by nothing sooner. */
import { expect } from 'chai';
import { needsIoUring, RING_CONFIGURATIONS } from '../support/backends.js';
import { expectCleanExit, runScript } from '../support/child.js';
import { temporaryDirectory } from '../support/temporary.js';

const PRELUDE = `
  import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
  import { DatagramSocket, Ring } from 'ringlet';
  const [, directory] = process.argv;
  writeFileSync(directory + '/file', 'content');
  const warnings = [];
  process.on('warning', ({ message }) => warnings.push(message));
  const count = (path, isWanted) => readdirSync(path).filter((name) => {
    try { return isWanted(path + '/' + name); } catch { return false; }
  }).length;
  const own = options.backend === 'epoll' ? '[eventpoll]' : '[io_uring]';
  const descriptors = () => count('/proc/self/fd', (path) => readlinkSync(path).includes(own));
  const nodes = descriptors();
  const rings = () => descriptors() - nodes;
  const mappings = () => readFileSync('/proc/self/maps', 'utf8').split('[io_uring]').length - 1;
  const threads = () => count('/proc/self/task', (path) => /^(iou-sqp-|ringlet-worker)/.test(readFileSync(path + '/comm', 'utf8')));
  const left = () => [rings(), mappings(), threads()];
  const collect = async (rounds) => {
    for (let round = 0; round < rounds; round += 1) {
      globalThis.gc();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  const collected = async () => {
    const deadline = Date.now() + 8000;
    while (left().some((number) => number > 0) && Date.now() < deadline) await collect(1);
  };
`;

for (const { title, options } of RING_CONFIGURATIONS) {
  describe(`A ring that is dropped without close() [${title}]`, () => {
    needsIoUring(options);
    const directory = temporaryDirectory();

    async function run(script: string): Promise<Record<string, unknown>> {
      const source = `const options = ${JSON.stringify(options)}; ${PRELUDE} ${script}`;
      const outcome = await runScript(source, { execArgv: ['--expose-gc'], args: [directory.path] });
      expectCleanExit(outcome);
      return JSON.parse(outcome.stdout) as Record<string, unknown>;
    }

    it('closes: descriptor, mappings and threads go, with a warning each', async () => {
      const report = await run(`
        async function use() {
          const ring = new Ring(options);
          await ring.fs.readFile(directory + '/file', 'utf8');
          await ring.sleep(1);
          const socket = await DatagramSocket.bind({ address: '127.0.0.1', ring });
          await socket.send('x', socket.address);
          for await (const message of socket) break;
          await socket.close();
        }
        for (let index = 0; index < 3; index += 1) await use();
        const before = rings();
        await collected();
        console.log(JSON.stringify({ before, left: left(), groups: Ring.groups(), warnings }));
      `);
      const warning = 'Closing a ring on garbage collection';
      expect(report).to.deep.equal({
        before: 3,
        left: [0, 0, 0],
        groups: [],
        warnings: [warning, warning, warning],
      });
    });

    it('stays while a handle, a pending call or an iterator of it is there', async () => {
      const report = await run(`
        const handle = await new Ring(options).fs.open(directory + '/file');
        const waking = new AbortController();
        const slept = new Ring(options).sleep(60_000, { signal: waking.signal }).catch(({ name }) => name);
        const interval = new Ring(options).interval(1);
        await interval.next();
        const fs = new Ring(options).fs;
        const socket = await DatagramSocket.bind({ address: '127.0.0.1', ring: new Ring(options) });
        const next = socket[Symbol.asyncIterator]().next();
        await collect(20);
        const kept = rings();
        const { buffer, bytesRead } = await handle.read(Buffer.alloc(7), 0, 7, 0);
        const text = await fs.readFile(directory + '/file', 'utf8');
        await interval.next();
        await socket.send('message', socket.address);
        const { value } = await next;
        waking.abort();
        const texts = [buffer.toString('latin1', 0, bytesRead), text, value.data.toString(), await slept];
        console.log(JSON.stringify({ kept, warnings, texts }));
        await handle.close();
        await socket.close();
        await interval.return();
      `);
      expect(report).to.deep.equal({
        kept: 5,
        warnings: [],
        texts: ['content', 'content', 'message', 'AbortError'],
      });
    });

    it('one that was closed is not warned about', async () => {
      const report = await run(`
        for (let index = 0; index < 5; index += 1) {
          const ring = new Ring(options);
          await ring.fs.stat(directory);
          await ring.close();
        }
        await collected();
        await collect(10);
        console.log(JSON.stringify({ left: left(), warnings }));
      `);
      expect(report).to.deep.equal({ left: [0, 0, 0], warnings: [] });
    });
  });
}
