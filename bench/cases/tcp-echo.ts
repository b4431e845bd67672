/**
 * Row 10: a TCP echo server under a client in C that keeps one message in flight on each connection.
 *
 * Each echo is one operation. The server counts them, and times those after the warm-up; the client is a
 * process of its own, the same for all contenders.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import type { StreamSocket } from 'ringlet';
import { Stopwatch } from '../measure.js';
import { makeRing, type RingName } from '../rings.js';
import { useDefaultCongestionControl } from '../system-settings.js';
import type { Measurement, Setting, Variant, Workload } from '../workload.js';

export interface Parameters {
  /** The compiled bench/native/echo-client.c. */
  client: string;
  /** Connections that it makes besides, and says nothing on. */
  idleCount?: number;
  connectionCount: number;
  messageBytes: number;
  warmUpMessages: number;
  measuredMessages: number;
}

const MESSAGE_BYTES = 64;
const CONNECTION_COUNTS = [64, 512];

/** Counts echoes, and times those after the warm-up. */
class EchoCount {
  readonly #stopwatch = new Stopwatch();
  readonly #parameters: Parameters;
  #bytes = 0;
  #startBytes: number;
  #endBytes: number;

  constructor(parameters: Parameters) {
    const { messageBytes, warmUpMessages, measuredMessages } = parameters;
    this.#parameters = parameters;
    this.#startBytes = warmUpMessages * messageBytes;
    this.#endBytes = this.#startBytes + measuredMessages * messageBytes;
  }

  /** Bytes that are on their way back. */
  add(bytes: number): void {
    const before = this.#bytes;
    this.#bytes += bytes;
    if (before < this.#startBytes && this.#bytes >= this.#startBytes) this.#stopwatch.start();
    if (before < this.#endBytes && this.#bytes >= this.#endBytes) this.#stopwatch.stop();
  }

  /** Runs the client against the port to its end. */
  async measure(port: number): Promise<Measurement> {
    const { client, connectionCount, messageBytes, warmUpMessages, measuredMessages } = this.#parameters;
    const argv = [port, connectionCount, messageBytes, warmUpMessages + measuredMessages];
    const { idleCount = 0 } = this.#parameters;
    if (idleCount > 0) argv.push(idleCount);
    const process = spawn(client, argv.map(String), { stdio: 'inherit' });
    const [status] = (await once(process, 'exit')) as [number | null];
    if (status !== 0) throw new Error(`the client ended with status ${status}`);
    return this.#stopwatch.measurement(measuredMessages);
  }
}

function answerEvents(socket: Socket, count: EchoCount): void {
  socket.on('data', (chunk) => {
    socket.write(chunk);
    count.add(chunk.length);
  });
}

/** In the style of ringlet's contenders: iterated, and awaited. */
async function answerAwaited(socket: Socket, count: EchoCount): Promise<void> {
  for await (const chunk of socket) {
    await new Promise((resolve) => socket.write(chunk, resolve));
    count.add(chunk.length);
  }
}

async function onNode(
  parameters: Parameters,
  answer: (socket: Socket, count: EchoCount) => void | Promise<void>,
): Promise<Measurement> {
  const count = new EchoCount(parameters);
  const server = createServer((socket) => {
    socket.on('error', () => {});
    void answer(socket, count);
  });
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 });
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const measurement = await count.measure(port);
  server.close();
  return measurement;
}

export function byEvent(parameters: Parameters): Promise<Measurement> {
  return onNode(parameters, answerEvents);
}

export async function echo(socket: StreamSocket, count: EchoCount): Promise<void> {
  for await (const chunk of socket) {
    count.add(await socket.write(chunk));
  }
  await socket.close();
}

async function echoLeased(socket: StreamSocket, count: EchoCount): Promise<void> {
  for await (const chunk of socket.chunks({ lease: true })) {
    count.add(await socket.write(chunk.data));
    chunk.release();
  }
  await socket.close();
}

export function onRing(
  name: RingName,
  serve: (socket: StreamSocket, count: EchoCount) => Promise<void>,
): (parameters: Parameters) => Promise<Measurement> {
  return async (parameters) => {
    const { Listener } = await import('ringlet');
    const ring = await makeRing(name);
    const count = new EchoCount(parameters);
    const listener = await Listener.listen({ host: '127.0.0.1', port: 0, backlog: 4096, ring });
    const serving = (async () => {
      for await (const socket of listener) void serve(socket, count).catch(() => {});
    })();
    const measurement = await count.measure(listener.address.port);
    await listener.close();
    await serving;
    await ring.close();
    return measurement;
  };
}

async function prepare({ isQuick, compile, onEnd }: Setting): Promise<Variant<Parameters>[]> {
  useDefaultCongestionControl(onEnd);
  const client = compile('echo-client');
  return CONNECTION_COUNTS.map((connectionCount) => ({
    row: 'row10',
    title: `TCP echo of ${MESSAGE_BYTES} B on ${connectionCount} connections`,
    parameters: {
      client,
      connectionCount,
      messageBytes: MESSAGE_BYTES,
      warmUpMessages: isQuick ? 2_000 : 50_000,
      measuredMessages: isQuick ? 10_000 : 300_000,
    },
    goals: [
      { contenders: ['ringlet for await'], ratios: { Node: 1.65, C: 0.96, Bun: 1.12 } },
      { contenders: ['ringlet, epoll for await'], ratios: { Node: 1.2 } },
    ],
  }));
}

export const workload: Workload<Parameters> = {
  operations: 'echoes',
  baselines: [
    { title: 'Node', contender: "node:net 'data'" },
    { title: 'C', contender: 'C, liburing' },
    { title: 'Bun', contender: "Bun, node:net 'data'" },
  ],
  contenders: [
    { name: "node:net 'data'", run: byEvent },
    { name: 'node:net for await', run: (parameters) => onNode(parameters, answerAwaited) },
    { name: 'ringlet for await', run: onRing('loop', echo) },
    { name: 'ringlet leased chunks', run: onRing('loop', echoLeased) },
    { name: 'ringlet sqPoll for await', run: onRing('sqPoll', echo) },
    { name: 'ringlet, epoll for await', run: onRing('epoll', echo) },
    { name: 'ringlet on node for await', run: onRing('node', echo) },
    { name: "Bun, node:net 'data'", runtime: 'bun', run: byEvent },
    {
      name: 'C, liburing',
      native: {
        program: 'echo-server',
        arguments: (p) => [p.client, p.connectionCount, p.messageBytes, p.warmUpMessages, p.measuredMessages],
      },
    },
  ],
  prepare,
};
