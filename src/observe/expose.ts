/**
 * `node --import ringlet/expose app.js`: lets `ringlet top` look at the rings of each thread of a program.
 *
 * A thread answers on a Unix socket in a folder of its user's, by one line of JSON to each that connects: what its rings
 * are, and their counters. It keeps no process alive, makes no ring, and costs nothing until it is asked.
 */
import { rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { threadId } from 'node:worker_threads';
import { Ring } from '../ring/ring.js';
import { type Snapshot, socketFolder } from './exposure.js';

function takeSnapshot(): Snapshot {
  const rings = Ring.all();
  return {
    pid: process.pid,
    threadId,
    program: process.argv[1] ?? process.title,
    node: process.version,
    atMs: performance.timeOrigin + performance.now(),
    rings: rings.map((ring) => {
      const { name, backend, backendReason, profile } = ring;
      return { name, backend, backendReason, profile, stats: ring.stats() };
    }),
    // Asking for groups loads the addon.
    groups: rings.length > 0 ? Ring.groups() : [],
  };
}

function answer(socket: Socket): void {
  // Gone before it has read: nothing is lost by it.
  socket.on('error', () => {});
  socket.unref();
  socket.end(`${JSON.stringify(takeSnapshot())}\n`);
}

function expose(): void {
  const path = join(socketFolder(), `${process.pid}-${threadId}.sock`);
  // Of a process that had this number and was killed.
  rmSync(path, { force: true });
  const server = createServer(answer);
  server.on('error', (error) => process.emitWarning(`ringlet/expose: ${error.message}`));
  // In a cluster's worker, too, it is this process that listens.
  server.listen({ path, exclusive: true }).unref();
  process.once('exit', () => rmSync(path, { force: true }));
}

try {
  expose();
} catch (error) {
  process.emitWarning(`ringlet/expose: ${(error as Error).message}`);
}
