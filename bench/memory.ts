/**
 * Row 13: the memory of a default ring, of one on epoll, and of an idle connection:
 * `node --expose-gc build/bench/memory.js`.
 *
 * Each trial is a process of its own; prints the median and the spread. An idle connection is one that
 * is iterated over and brings nothing; what the kernel keeps for it is not in the figure.
 */
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Listener, Ring, type StreamSocket } from 'ringlet';

const ROUNDS = 5;
const CONNECTIONS = 10_000;
/** Makes connections to a port and keeps them until it is told to end. */
const CLIENT = `
  const { connect } = require('node:net');
  const [port, count] = process.argv.slice(1).map(Number);
  let left = count;
  const next = () => {
    if (left-- > 0) connect(port, '127.0.0.1', next).on('error', (error) => { throw error; });
  };
  for (let parallel = 0; parallel < 16; parallel++) next();
  process.stdin.once('data', () => process.exit());
`;

/** Bytes of the process that are in memory, and of its heap, once what can be collected is. */
async function settled(): Promise<{ resident: number; heap: number }> {
  for (let round = 0; round < 4; round++) {
    globalThis.gc?.();
    await delay(5);
  }
  const pages = Number(readFileSync('/proc/self/statm', 'utf8').split(' ')[1]);
  return { resident: pages * 4096, heap: process.memoryUsage().heapUsed };
}

async function ringBytes(backend: 'io_uring' | 'epoll'): Promise<number> {
  // The first ring loads the backend, which is no ring's own.
  await new Ring({ backend }).close();
  const before = await settled();
  const ring = new Ring({ backend });
  await ring.fs.stat('/');
  const { resident } = await settled();
  await ring.close();
  return resident - before.resident;
}

async function connectionBytes(): Promise<{ resident: number; heap: number }> {
  const ring = new Ring({ backend: 'io_uring' });
  const listener = await Listener.listen({ host: '127.0.0.1', port: 0, backlog: 4096, ring });
  let count = 0;
  const use = async (socket: StreamSocket): Promise<void> => {
    count++;
    for await (const chunk of socket) await socket.write(chunk);
  };
  void (async () => {
    for await (const socket of listener) void use(socket);
  })();
  const before = await settled();
  const args = ['-e', CLIENT, String(listener.address.port), String(CONNECTIONS)];
  const client = spawn(process.execPath, args, { stdio: ['pipe', 'inherit', 'inherit'] });
  while (count < CONNECTIONS) await delay(10);
  const after = await settled();
  client.stdin.end('end');
  await ring.close();
  return {
    resident: (after.resident - before.resident) / CONNECTIONS,
    heap: (after.heap - before.heap) / CONNECTIONS,
  };
}

const [, , figure] = process.argv;
if (figure === undefined) {
  const columns: Record<string, number[]> = {};
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of ['io_uring', 'epoll', 'connection']) {
      const args = ['--expose-gc', fileURLToPath(import.meta.url), name];
      const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
      if (stdout === '') throw new Error(stderr);
      for (const [column, value] of Object.entries(JSON.parse(stdout) as Record<string, number>)) {
        columns[column] = [...(columns[column] ?? []), value];
      }
    }
  }
  for (const [column, values] of Object.entries(columns)) {
    values.sort((a, b) => a - b);
    const [least, median, most] = [values[0], values[values.length >> 1], values.at(-1)];
    console.log(`${column}: ${median?.toFixed(0)} bytes (${least?.toFixed(0)}–${most?.toFixed(0)})`);
  }
} else if (figure === 'io_uring') {
  console.log(JSON.stringify({ 'a default ring': await ringBytes('io_uring') }));
} else if (figure === 'epoll') {
  console.log(JSON.stringify({ 'a ring on epoll': await ringBytes('epoll') }));
} else {
  const { resident, heap } = await connectionBytes();
  console.log(JSON.stringify({ 'an idle connection': resident, 'of which on the heap': heap }));
}
