/**
 * Row 10: a TCP echo server under a client in C that keeps one message in flight on each connection.
 * Each echo is one operation.
 */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import type { StreamSocket } from 'ringlet';
import { bun } from '../bun.js';
import { endSoon, type Idle, makeIdleOnNode, makeIdleOnRing } from '../idle.js';
import { makeRing, type RingName } from '../rings.js';
import { type LoadParameters, ServedLoad } from '../served-load.js';
import { useDefaultCongestionControl } from '../system-settings.js';
import type { Measurement, Setting, Variant, Workload } from '../workload.js';

export interface Parameters extends LoadParameters {
  /** What there is besides and nothing comes of, and how many; connections are the client's. */
  idle?: Idle;
  idleCount?: number;
  connectionCount: number;
  messageBytes: number;
}

/** As many echoes as show the difference between contenders. */
export function echoParameters(
  { isQuick, warmUpMsMax, compile }: Setting,
  connectionCount: number,
): Parameters {
  return {
    client: compile('echo-client'),
    warmUpMsMax,
    passCount: isQuick ? 1_000 : 10_000,
    measuredCount: isQuick ? 10_000 : 300_000,
    connectionCount,
    messageBytes: MESSAGE_BYTES,
  };
}

const MESSAGE_BYTES = 64;
const CONNECTION_COUNTS = [64, 512];

/** Counts echoes by their bytes. */
class EchoCount {
  readonly #load: ServedLoad;
  readonly #parameters: Parameters;

  constructor(parameters: Parameters) {
    this.#parameters = parameters;
    this.#load = new ServedLoad(parameters);
  }

  /** Bytes that are on their way back. */
  add(bytes: number): void {
    this.#load.add(bytes / this.#parameters.messageBytes);
  }

  measure(port: number): Promise<Measurement> {
    const { connectionCount, messageBytes, idle, idleCount = 0 } = this.#parameters;
    const idleConnections = idle === 'connections' ? idleCount : 0;
    return this.#load.measure(port, [connectionCount, messageBytes, idleConnections]);
  }
}

async function answerEvents(socket: Socket, count: EchoCount): Promise<void> {
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
  answer: (socket: Socket, count: EchoCount) => Promise<void>,
): Promise<Measurement> {
  const count = new EchoCount(parameters);
  await makeIdleOnNode(parameters);
  const server = createServer((socket) => {
    socket.on('error', () => {});
    answer(socket, count).catch(() => {});
  });
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 });
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const measurement = await count.measure(port);
  server.close();
  endSoon(parameters);
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
    await makeIdleOnRing(ring, parameters);
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

/** A message is short and the only one, so all of it is taken. */
async function onBun(parameters: Parameters): Promise<Measurement> {
  const count = new EchoCount(parameters);
  const server = bun().listen({
    hostname: '127.0.0.1',
    port: 0,
    socket: { data: (socket, chunk) => count.add(socket.write(chunk)) },
  });
  const measurement = await count.measure(server.port);
  server.stop(true);
  return measurement;
}

async function prepare(setting: Setting): Promise<Variant<Parameters>[]> {
  useDefaultCongestionControl(setting.onEnd);
  return CONNECTION_COUNTS.map((connectionCount) => ({
    row: 'row10',
    title: `TCP echo of ${MESSAGE_BYTES} B on ${connectionCount} connections`,
    parameters: echoParameters(setting, connectionCount),
    goals: [
      { contenders: ['ringlet for await'], ratios: { Node: 1.65, C: 0.96, Bun: 1.12 } },
      { contenders: ['ringlet, epoll for await'], ratios: { Node: 1.2 } },
    ],
  }));
}

export const workload: Workload<Parameters> = {
  operations: 'echoes',
  judgedBy: 'processor time',
  baselines: [
    { title: 'Node', contender: "node:net 'data'" },
    { title: 'C', contender: 'C, liburing' },
    { title: 'Bun', contender: 'Bun.listen' },
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
    { name: 'Bun.listen', runtime: 'bun', run: onBun },
    { name: "Deno, node:net 'data'", runtime: 'deno', run: byEvent },
    {
      name: 'C, liburing',
      native: {
        program: 'echo-server',
        arguments: (p) => [p.client, p.connectionCount, p.messageBytes, p.passCount * 5, p.measuredCount],
      },
    },
  ],
  prepare,
};
