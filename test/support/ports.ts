/**
 * Ports for tests that free one and want it again, or want it to be the port of no socket. Those that the system gives
 * away are no good for that: another process may get one in between.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { randomInt } from 'node:crypto';

const LOWEST = 10_000;
const ATTEMPTS_MAX = 100;

const given = new Set<number>();

/** Another one at each call, free for TCP and UDP, that no process gets unless it asks for it. */
export async function freePort(): Promise<number> {
  const [givenFrom = 0] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8')
    .split(/\s+/)
    .map(Number);
  if (givenFrom <= LOWEST) throw new Error(`the system gives ports away from ${givenFrom} on`);
  for (let attempt = 1; ; attempt += 1) {
    const port = randomInt(LOWEST, givenFrom);
    if (given.has(port)) continue;
    try {
      await tryPort(port);
      given.add(port);
      return port;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || attempt === ATTEMPTS_MAX) throw error;
    }
  }
}

async function tryPort(port: number): Promise<void> {
  const server = createServer().listen(port);
  await once(server, 'listening');
  server.close();
  const socket = createSocket('udp4').bind(port);
  await once(socket, 'listening');
  socket.close();
}
