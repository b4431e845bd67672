/** 10,000 connections on one ring, nearly all of them idle: all are there, some are used, none is left behind. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { Listener, type StreamSocket } from 'ringlet';
import { CONFIGURATIONS, frameRings, needsIoUring } from '../support/backends.js';
import { PACKAGE_ROOT } from '../support/child.js';
import { eventually, within } from '../support/eventually.js';
import { skip } from '../support/skip.js';

const COUNT = 10_000;
const DEADLINE_MS = 60_000;
/** One in so many is used. */
const USED_EVERY = 100;

/**
 * The other ends, in a process of its own: connects from several addresses of loopback, echoes on some of
 * the connections, says so, and ends when it is told to.
 */
const CLIENT = `
  import { Ring, StreamSocket } from 'ringlet';
  const [, port, count, usedEvery] = process.argv.map(Number);
  const ring = new Ring();
  const sockets = [];
  const connect = async () => {
    while (sockets.length < count) {
      const index = sockets.push(undefined) - 1;
      const localAddress = '127.0.0.' + (2 + Math.floor(index / 2500));
      sockets[index] = await StreamSocket.connect({ host: '127.0.0.1', port, localAddress, ring });
    }
  };
  await Promise.all(Array.from({ length: 64 }, connect));
  let rightCount = 0;
  for (let round = 0; round < 2; round++) {
    await Promise.all(sockets.map(async (socket, index) => {
      if (index % usedEvery !== 0) return;
      const text = 'round ' + round + ' of ' + index;
      await socket.write(text);
      const { buffer } = await socket.read(Buffer.alloc(text.length), { fill: true });
      if (String(buffer) === text) rightCount++;
    }));
  }
  console.log(rightCount);
  for await (const _ of process.stdin) break;
  await ring.close();
`;

function openFilesMax(): number {
  const [, soft = '0'] = /Max open files +(\w+)/.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
}

for (const { title, options } of CONFIGURATIONS) {
  if (!['loop', 'epoll', 'sqPoll alone'].includes(title)) continue;

  describe(`${COUNT} connections on one ring [${title}]`, () => {
    needsIoUring(options);
    const makeRing = frameRings(options);

    it('all are accepted, some echo, and all of them end', async function () {
      // Node has raised its limit as far as it may.
      if (openFilesMax() < COUNT + 200) skip(this, `the limit of open files is ${openFilesMax()}`);
      this.timeout(2 * DEADLINE_MS);
      const ring = makeRing();
      const listener = await Listener.listen({ host: '127.0.0.1', port: 0, backlog: 4096, ring });
      let endedCount = 0;
      const connections: StreamSocket[] = [];
      const echo = async (socket: StreamSocket): Promise<void> => {
        for await (const chunk of socket) await socket.write(chunk);
        await socket.close();
        endedCount++;
      };
      const serving = (async () => {
        for await (const socket of listener) {
          connections.push(socket);
          void echo(socket);
        }
      })();
      const args = ['--input-type=module', '-e', CLIENT];
      const numbers = [listener.address.port, COUNT, USED_EVERY].map(String);
      const client = spawn(process.execPath, [...args, ...numbers], {
        cwd: PACKAGE_ROOT,
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      try {
        const [output] = (await within('the echoes', once(client.stdout, 'data'), DEADLINE_MS)) as [Buffer];
        expect(Number(output)).to.equal((2 * COUNT) / USED_EVERY);
        expect(connections).to.have.length(COUNT);
        expect(endedCount).to.equal(0);
        const { receiveBuffers, bufferExhaustions } = ring.stats();
        expect([receiveBuffers.length, bufferExhaustions]).to.deep.equal([1, 0]);
        client.stdin.end('end');
        await eventually('the end of all', () => endedCount === COUNT, DEADLINE_MS);
      } finally {
        client.kill('SIGKILL');
        await listener.close();
        await serving;
      }
      expect(ring.stats().staleCompletions).to.equal(0);
    });
  });
}
