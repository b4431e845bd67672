/** 'ringlet/net' against programs that nobody here wrote: curl, wrk, socat. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { expect } from 'chai';
import net from 'ringlet/net';
import { describeOnEachBackend } from '../support/backends.js';
import { DEADLINE_MS, eventually, within } from '../support/eventually.js';
import { ENVIRONMENT, isListeningOn, needs } from '../support/programs.js';
import { temporaryDirectory } from '../support/temporary.js';

const address = '127.0.0.1';
const run = promisify(execFile);
const LIMITS = { timeout: DEADLINE_MS, env: ENVIRONMENT };

describeOnEachBackend("'ringlet/net' and other programs", (makeRing) => {
  const temporary = temporaryDirectory();

  it('curl and wrk: against http.Server on its connections', async function () {
    needs(this, 'curl');
    needs(this, 'wrk');
    const http = createHttpServer((_request, response) => response.end('small'));
    const server = net.createServer({ ring: makeRing() }, (socket) => {
      // A program that has what it wants may well reset the connection.
      socket.on('error', () => {});
      http.emit('connection', socket);
    });
    server.listen(0, address);
    await within('listening', once(server, 'listening'));
    const url = `http://${address}:${(server.address() as AddressInfo).port}/`;
    expect((await run('curl', ['-sS', url, url], LIMITS)).stdout).to.equal('smallsmall');
    const { stdout } = await run('wrk', ['-t1', '-c20', '-d1s', url], LIMITS);
    expect(stdout).to.match(/[1-9]\d* requests in/);
    expect(stdout).not.to.match(/Socket errors|Non-2xx/);
    http.closeAllConnections();
    server.close();
    await within('close', once(server, 'close'));
  });

  it('socat: a client of its Unix socket', async function () {
    needs(this, 'socat');
    const path = temporary.at('of socat');
    const program = spawn('socat', [`UNIX-LISTEN:${path}`, 'EXEC:cat'], {
      stdio: 'ignore',
      env: ENVIRONMENT,
    });
    const ended = once(program, 'exit');
    try {
      await eventually('socat to listen', () => isListeningOn(path));
      const socket = net.connect({ path, ring: makeRing() });
      socket.end('through socat');
      const [chunk] = (await within('data', once(socket, 'data'))) as [Buffer];
      expect(String(chunk)).to.equal('through socat');
      await within('the end of socat', ended);
    } finally {
      program.kill();
    }
  });
});
