/** Descriptors to poll, that no ring has opened: pipes, sockets, and whatever else the process has. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { openDescriptors } from './leftovers.js';
import { python } from './python.js';

/** A named pipe that is open for both directions, so that it is writable and never hangs up. */
export function openPipe(path: string): number {
  return openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
}

/** The two ends of a named pipe, apart. */
export function openPipeEnds(path: string): { reader: number; writer: number } {
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return { reader, writer: openSync(path, constants.O_WRONLY | constants.O_NONBLOCK) };
}

const TRIAL = `
import os, select
reader, writer = os.pipe()
epoll = select.epoll()
epoll.register(reader, select.EPOLLIN | select.EPOLLET)
os.write(writer, b'x')
assert len(epoll.poll(0)) == 1
os.write(writer, b'x')
print(len(epoll.poll(0)))
`;

/** Whether a pipe in which bytes are left wakes an edge-triggered epoll when more come: not on Linux 5.5 to 5.13. */
export function doPipesTellOfMore(): boolean {
  const { stdout, stderr } = spawnSync(python(), ['-c', TRIAL], { encoding: 'utf8' });
  if (!/^[01]$/m.test(stdout)) throw new Error(`epoll could not be tried: ${stderr}`);
  return stdout.trim() === '1';
}

/** Reads until there is nothing left; returns the bytes. */
export function drain(fd: number): number {
  const buffer = Buffer.alloc(65_536);
  let bytes = 0;
  for (;;) {
    let count: number;
    try {
      count = readSync(fd, buffer);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return bytes;
      throw error;
    }
    if (count === 0) return bytes;
    bytes += count;
  }
}

/** Writes until nothing more fits; returns the bytes. */
export function fill(fd: number): number {
  const buffer = Buffer.alloc(4096);
  let bytes = 0;
  try {
    for (;;) bytes += writeSync(fd, buffer);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return bytes;
    throw error;
  }
}

/** The number behind one of Node's sockets. */
export function fdOf(socket: Socket): number {
  return (socket as unknown as { _handle: { fd: number } })._handle.fd;
}

/** A TCP server on the loopback, and what it takes to end it. */
export async function listen(): Promise<{ server: Server; port: number } & AsyncDisposable> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return {
    server,
    port,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
}

/** Two connected sockets that Node does not read from. */
export async function socketPair(): Promise<{ near: Socket; far: Socket }> {
  const { server, port } = await listen();
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const near = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  near.pause();
  await once(near, 'connect');
  const [far] = await accepted;
  // It ends by itself with the two.
  server.close();
  near.on('close', () => far.destroy());
  return { near, far };
}

/** A descriptor of this process whose /proc name has `text` in it, or undefined. */
export function descriptorNamed(text: string): number | undefined {
  return [...openDescriptors()].find(([, target]) => target.includes(text))?.[0];
}

export function closeAll(...fds: readonly number[]): void {
  for (const fd of fds) closeSync(fd);
}
