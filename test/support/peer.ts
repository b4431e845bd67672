/** The other end of a datagram test: a node:dgram socket with promises around it. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { eventually } from './eventually.js';

export interface Received {
  readonly data: Buffer;
  readonly from: RemoteInfo;
}

export class Peer implements AsyncDisposable {
  /** Everything that has arrived, in order. */
  readonly received: Received[] = [];
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (data, from) => this.received.push({ data, from }));
  }

  /** A socket on the loopback address of `family`, at a port of the kernel's choice. */
  static async open(family: 'IPv4' | 'IPv6' = 'IPv4'): Promise<Peer> {
    const socket = createSocket({ type: family === 'IPv4' ? 'udp4' : 'udp6' });
    const peer = new Peer(socket);
    socket.bind(0, family === 'IPv4' ? '127.0.0.1' : '::1');
    await once(socket, 'listening');
    return peer;
  }

  get address(): string {
    return this.#socket.address().address;
  }

  get port(): number {
    return this.#socket.address().port;
  }

  /** Sends one datagram; resolves once the kernel has it, so that sends keep their order. */
  send(data: string | Uint8Array, to: { address: string; port: number }): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.send(data, to.port, to.address, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** The first `count` datagrams, once that many have arrived. */
  async wait(count: number): Promise<Received[]> {
    await eventually(`${count} datagrams at the peer`, () => this.received.length >= count);
    return this.received.slice(0, count);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#socket, 'close');
    this.#socket.close();
    await closed;
  }
}

/** Datagrams the kernel has dropped at the UDP socket bound to `port`, or null if no socket is. */
export function droppedAt(port: number): number | null {
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  for (const table of ['/proc/net/udp', '/proc/net/udp6']) {
    for (const line of readFileSync(table, 'utf8').split('\n')) {
      const columns = line.trim().split(/\s+/);
      if (columns[1]?.endsWith(`:${hexPort}`)) return Number(columns.at(-1));
    }
  }
  return null;
}
