/**
 * Row 11: one TCP connection of a process with itself, one way, in blocks of 64 KiB.
 *
 * Sender and receiver share the process: look at the processor time of a block as well as at the rate.
 */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { Ring, StreamSocket } from 'ringlet';
import { bun } from '../bun.js';
import { Stopwatch } from '../measure.js';
import { makeRing, type RingName } from '../rings.js';
import { useDefaultCongestionControl } from '../system-settings.js';
import type { Measurement, Setting, Variant, Workload } from '../workload.js';

interface Parameters {
  blockBytes: number;
  warmUpBlocks: number;
  measuredBlocks: number;
}

const BLOCK_BYTES = 65_536;

/** Sends so many blocks and has received all of them when it returns. */
type Transfer = (blockCount: number) => Promise<void>;

async function measure(parameters: Parameters, transfer: Transfer): Promise<Measurement> {
  const { warmUpBlocks, measuredBlocks } = parameters;
  await transfer(warmUpBlocks);
  const stopwatch = new Stopwatch();
  stopwatch.start();
  await transfer(measuredBlocks);
  stopwatch.stop();
  return stopwatch.measurement(measuredBlocks);
}

/** What counts the bytes that come, until there are as many as were asked for. */
class Arrival {
  #missing = 0;
  #onAll = (): void => {};

  add(bytes: number): void {
    this.#missing -= bytes;
    if (this.#missing === 0) this.#onAll();
  }

  of(bytes: number): Promise<void> {
    this.#missing = bytes;
    return new Promise((resolve) => {
      this.#onAll = resolve;
    });
  }
}

async function nodePair(): Promise<{ near: Socket; far: Socket; close: () => void }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const near = connect((server.address() as { port: number }).port, '127.0.0.1');
  const [far] = (await once(server, 'connection')) as [Socket];
  const close = (): void => {
    near.destroy();
    far.destroy();
    server.close();
  };
  return { near, far, close };
}

async function byEvent(parameters: Parameters): Promise<Measurement> {
  const { blockBytes } = parameters;
  const { near, far, close } = await nodePair();
  const block = Buffer.alloc(blockBytes, 7);
  const arrival = new Arrival();
  far.on('data', (chunk) => arrival.add(chunk.length));
  const measurement = await measure(parameters, async (blockCount) => {
    const received = arrival.of(blockCount * blockBytes);
    for (let index = 0; index < blockCount; index++) {
      if (!near.write(block)) await once(near, 'drain');
    }
    await received;
  });
  close();
  return measurement;
}

/** In the style of ringlet's contenders: iterated, and awaited. */
async function byNodeChunk(parameters: Parameters): Promise<Measurement> {
  const { blockBytes } = parameters;
  const { near, far, close } = await nodePair();
  const block = Buffer.alloc(blockBytes, 7);
  const chunks = far[Symbol.asyncIterator]();
  const measurement = await measure(parameters, async (blockCount) => {
    const receiving = (async () => {
      for (let left = blockCount * blockBytes; left > 0; ) left -= (await chunks.next()).value.length;
    })();
    for (let index = 0; index < blockCount; index++) {
      await new Promise((resolve) => near.write(block, resolve));
    }
    await receiving;
  });
  close();
  return measurement;
}

async function onBun(parameters: Parameters): Promise<Measurement> {
  const { blockBytes } = parameters;
  const arrival = new Arrival();
  let onDrain = (): void => {};
  const server = bun().listen({
    hostname: '127.0.0.1',
    port: 0,
    socket: { data: (_socket, chunk) => arrival.add(chunk.length) },
  });
  const near = await bun().connect({
    hostname: '127.0.0.1',
    port: server.port,
    socket: { data() {}, drain: () => onDrain() },
  });
  const block = Buffer.alloc(blockBytes, 7);
  const measurement = await measure(parameters, async (blockCount) => {
    const received = arrival.of(blockCount * blockBytes);
    for (let index = 0; index < blockCount; index++) {
      let sent = near.write(block);
      while (sent < blockBytes) {
        await new Promise<void>((resolve) => {
          onDrain = resolve;
        });
        sent += near.write(block.subarray(sent));
      }
    }
    await received;
  });
  near.end();
  server.stop(true);
  return measurement;
}

/** Takes so many bytes off the socket. */
type Receive = (socket: StreamSocket, bytes: number) => Promise<void>;

async function byChunk(socket: StreamSocket, bytes: number): Promise<void> {
  let left = bytes;
  for await (const chunk of socket) {
    left -= chunk.length;
    if (left === 0) return;
  }
}

async function byLease(socket: StreamSocket, bytes: number): Promise<void> {
  let left = bytes;
  for await (const chunk of socket.chunks({ lease: true })) {
    left -= chunk.data.length;
    chunk.release();
    if (left === 0) return;
  }
}

async function byRead(socket: StreamSocket, bytes: number): Promise<void> {
  const buffer = Buffer.alloc(BLOCK_BYTES);
  let left = bytes;
  while (left > 0) left -= (await socket.read(buffer)).bytesRead;
}

async function pairOn(ring: Ring): Promise<[near: StreamSocket, far: StreamSocket]> {
  const { Listener, StreamSocket } = await import('ringlet');
  await using listener = await Listener.listen({ host: '127.0.0.1', port: 0, ring });
  const { port } = listener.address;
  // Awaited here: the listener is closed behind it.
  return await Promise.all([StreamSocket.connect({ host: '127.0.0.1', port, ring }), listener.accept()]);
}

function onRing(name: RingName, receive: Receive): (parameters: Parameters) => Promise<Measurement> {
  return async (parameters) => {
    const ring = await makeRing(name);
    const [near, far] = await pairOn(ring);
    const block = Buffer.alloc(parameters.blockBytes, 7);
    const measurement = await measure(parameters, async (blockCount) => {
      const receiving = receive(far, blockCount * parameters.blockBytes);
      for (let index = 0; index < blockCount; index++) await near.write(block);
      await receiving;
    });
    await Promise.all([near.close(), far.close()]);
    await ring.close();
    return measurement;
  };
}

async function prepare({ isQuick, onEnd }: Setting): Promise<Variant<Parameters>[]> {
  useDefaultCongestionControl(onEnd);
  const blocksOf = (bytes: number): number => bytes / BLOCK_BYTES;
  return [
    {
      row: 'row11',
      title: 'TCP one way, blocks of 64 KiB, sender and receiver in one process',
      parameters: {
        blockBytes: BLOCK_BYTES,
        warmUpBlocks: blocksOf(isQuick ? 2 ** 24 : 2 ** 30),
        measuredBlocks: blocksOf(isQuick ? 2 ** 26 : 2 ** 31),
      },
      goals: [
        {
          contenders: ['ringlet read', 'ringlet leased chunks', 'ringlet for await'],
          ratios: { Node: 1.2, C: 0.9, Bun: 1 },
        },
      ],
    },
  ];
}

export const workload: Workload<Parameters> = {
  operations: 'blocks',
  baselines: [
    { title: 'Node', contender: "node:net 'data'" },
    { title: 'C', contender: 'C, liburing' },
    { title: 'Bun', contender: 'Bun.listen' },
  ],
  contenders: [
    { name: "node:net 'data'", run: byEvent },
    { name: 'node:net for await', run: byNodeChunk },
    { name: 'ringlet read', run: onRing('loop', byRead) },
    { name: 'ringlet leased chunks', run: onRing('loop', byLease) },
    { name: 'ringlet for await', run: onRing('loop', byChunk) },
    { name: "Bun, node:net 'data'", runtime: 'bun', run: byEvent },
    { name: 'Bun.listen', runtime: 'bun', run: onBun },
    { name: "Deno, node:net 'data'", runtime: 'deno', run: byEvent },
    {
      name: 'C, liburing',
      native: {
        program: 'tcp-one-way',
        arguments: (p) => [p.blockBytes, p.warmUpBlocks, p.measuredBlocks],
      },
    },
  ],
  prepare,
};
