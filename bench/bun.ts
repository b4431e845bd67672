/** As much of Bun's own API as its contenders need: what they compare with is written for it, not for Node's modules. */
import { Unavailable } from './workload.js';

export interface BunFile {
  slice(begin: number, end: number): BunFile;
  bytes(): Promise<Uint8Array>;
  stream(): AsyncIterable<Uint8Array>;
  stat(): Promise<{ size: number }>;
}

export interface BunSocket {
  /** Returns how many bytes were taken; the rest is for `drain`. */
  write(data: Uint8Array): number;
  end(): void;
}

export interface BunHandlers {
  data(socket: BunSocket, data: Uint8Array): void;
  drain?(socket: BunSocket): void;
}

export interface BunServer {
  readonly port: number;
  stop(isAbrupt?: boolean): void;
}

export interface BunDatagramSocket {
  readonly port: number;
  /** Returns how many packets were taken. */
  sendMany(packets: readonly unknown[]): number;
  close(): void;
}

interface Bun {
  file(path: string): BunFile;
  write(to: string | BunFile, content: Uint8Array | BunFile): Promise<number>;
  listen(options: { hostname: string; port: number; socket: BunHandlers }): BunServer;
  connect(options: { hostname: string; port: number; socket: BunHandlers }): Promise<BunSocket>;
  serve(options: {
    hostname: string;
    port: number;
    tls?: { cert: string; key: string };
    fetch(): Response;
  }): BunServer;
  udpSocket(options: {
    hostname: string;
    socket?: { data(socket: BunDatagramSocket, data: Buffer): void };
  }): Promise<BunDatagramSocket>;
}

/** Throws `Unavailable` elsewhere than on Bun. */
export function bun(): Bun {
  const { Bun: found } = globalThis as { Bun?: Bun };
  if (found === undefined) throw new Unavailable('not running on Bun');
  return found;
}
