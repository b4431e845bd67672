/**
 * Streams against programs that nobody here wrote: curl, wrk, openssl, socat, iperf3. Each test says so when
 * its program is missing.
 */
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { promisify } from 'node:util';
import { createSecureContext, TLSSocket } from 'node:tls';
import { expect } from 'chai';
import { Listener, type Ring, serveOn, StreamSocket } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { makeCertificate } from '../support/certificate.js';
import { DEADLINE_MS, eventually, within } from '../support/eventually.js';
import { iperf, IperfServer, receivedBytes } from '../support/iperf.js';
import { freePort } from '../support/ports.js';
import { ENVIRONMENT, isListeningOn, needs } from '../support/programs.js';
import { skip } from '../support/skip.js';
import { Relay } from '../support/relay.js';
import { readAll } from '../support/streams.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

const MIB = 1024 * 1024;
const run = promisify(execFile);
const LIMITS = { timeout: DEADLINE_MS, maxBuffer: 64 * MIB, env: ENVIRONMENT };

function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

describeOnEachBackend('Streams and other programs', (makeRing) => {
  const temporary = temporaryDirectory();

  /** http.Server on the connections of a listener, for the length of `body`. */
  async function withHttp(ring: Ring, body: (port: number) => Promise<void>): Promise<void> {
    const content = pattern(3 * MIB, 3);
    const server = createHttpServer((request, response) => {
      if (request.url === '/small') response.end('small');
      else if (request.url === '/large') response.end(content);
      else request.pipe(response);
    });
    const listener = await Listener.listen({ host: '127.0.0.1', port: 0, noDelay: true, ring });
    const serving = serveOn(server, listener);
    try {
      await body(listener.address.port);
    } finally {
      server.closeAllConnections();
      await listener.close();
      await serving;
    }
  }

  it('curl: gets, posts and keeps a connection alive, from http.Server', async function () {
    needs(this, 'curl');
    await withHttp(makeRing(), async (port) => {
      const url = `http://127.0.0.1:${port}`;
      const path = temporary.file('upload', pattern(2 * MIB, 5));
      const small = await run('curl', ['-sS', `${url}/small`, `${url}/small`], LIMITS);
      expect(small.stdout).to.equal('smallsmall');
      const got = { ...LIMITS, encoding: 'buffer' as const };
      const large = await run('curl', ['-sS', `${url}/large`], got);
      expect(sha256(large.stdout)).to.equal(sha256(pattern(3 * MIB, 3)));
      const posted = await run('curl', ['-sS', '--data-binary', `@${path}`, `${url}/echo`], got);
      expect(sha256(posted.stdout)).to.equal(sha256(pattern(2 * MIB, 5)));
    });
  });

  it('wrk: thousands of requests on 50 connections, none of which fails', async function () {
    needs(this, 'wrk');
    await withHttp(makeRing(), async (port) => {
      const { stdout } = await run('wrk', ['-t1', '-c50', '-d1s', `http://127.0.0.1:${port}/small`], LIMITS);
      expect(stdout).to.match(/[1-9]\d* requests in/);
      expect(stdout).not.to.match(/Socket errors|Non-2xx/);
    });
  });

  it('openssl s_client: TLS on a connection of ringlet', async function () {
    needs(this, 'openssl');
    const certificate = await makeCertificate(temporary.path);
    if (typeof certificate === 'string') skip(this, certificate);
    const { key, cert, certPath } = certificate;
    const ring = makeRing();
    await using listener = await Listener.listen({ host: '127.0.0.1', port: 0, ring });
    const argv = [
      's_client',
      '-quiet',
      '-verify_return_error',
      '-CAfile',
      certPath,
      '-servername',
      'localhost',
    ];
    const client = spawn('openssl', [...argv, '-connect', `127.0.0.1:${listener.address.port}`], {
      env: ENVIRONMENT,
    });
    let answer = '';
    client.stdout.on('data', (text: Buffer) => {
      answer += text;
    });
    const ended = once(client, 'exit');
    const connection = await within('a connection', listener.accept());
    const secure = new TLSSocket(connection.toDuplex(), {
      isServer: true,
      secureContext: createSecureContext({ key, cert }),
    });
    secure.on('data', (chunk: Buffer) => secure.write(String(chunk).toUpperCase()));
    secure.on('error', () => {});
    secure.on('end', () => secure.end());
    client.stdin.write('through openssl\n');
    await eventually('the answer', () => answer === 'THROUGH OPENSSL\n');
    const closed = once(secure, 'close');
    client.kill();
    await within('the end of openssl', ended);
    await within('the end of the connection', closed);
  });

  it('socat: a bulk copy both ways at once, over TCP and Unix sockets, with checksums', async function () {
    needs(this, 'socat');
    const sent = pattern(8 * MIB, 7);
    const back = pattern(8 * MIB, 9);
    const path = temporary.file('sent', sent);
    const ring = makeRing();
    const places = [
      { listen: { host: '127.0.0.1', port: 0 }, goal: (port: number) => `TCP:127.0.0.1:${port}` },
      { listen: { path: temporary.at('socket') }, goal: () => `UNIX-CONNECT:${temporary.at('socket')}` },
    ];
    for (const { listen, goal } of places) {
      await using listener = await Listener.listen({ ...listen, ring });
      const command = `socat -t10 - ${goal(listener.address.port)} < ${path}`;
      const copying = run('sh', ['-c', command], { ...LIMITS, encoding: 'buffer' });
      await using connection = await within('a connection', listener.accept());
      const [received] = await within(
        'the copy',
        Promise.all([readAll(connection), connection.write(back).then(() => connection.end())]),
      );
      expect(sha256(received)).to.equal(sha256(sent));
      expect(sha256((await copying).stdout)).to.equal(sha256(back));
    }
  });

  it('socat: as a server that ringlet connects to', async function () {
    needs(this, 'socat');
    const path = temporary.at('echo');
    const server = spawn('socat', [`UNIX-LISTEN:${path}`, 'EXEC:cat'], { env: ENVIRONMENT, stdio: 'ignore' });
    const ended = once(server, 'exit');
    try {
      await eventually('socat to listen', () => isListeningOn(path));
      await using client = await StreamSocket.connect({ path, ring: makeRing() });
      const sent = pattern(MIB, 11);
      const receiving = readAll(client);
      await client.write(sent);
      await client.end();
      expect(sha256(await within('the echo', receiving))).to.equal(sha256(sent));
      await client.close();
      await within('the end of socat', ended);
    } finally {
      server.kill();
    }
  });

  it('iperf3: TCP through a relay of ringlet, in both directions', async function () {
    needs(this, 'iperf3');
    const ring = makeRing();
    const port = await freePort();
    await using _server = await IperfServer.start('127.0.0.1', port);
    await using relay = await Relay.open(ring, '127.0.0.1', 0, { host: '127.0.0.1', port });
    const report = await iperf('127.0.0.1', relay.port, ['-n', '32M', '--bidir']);
    expect(receivedBytes(report)).to.be.at.least(8 * MIB);
  });

  it('iperf3: UDP through a relay of ringlet, every datagram counted', async function () {
    needs(this, 'iperf3');
    const ring = makeRing();
    const port = await freePort();
    await using _server = await IperfServer.start('127.0.0.1', port);
    await using relay = await Relay.open(ring, '127.0.0.1', 0, { host: '127.0.0.1', port });
    const { sum } = (await iperf('127.0.0.1', relay.port, ['-u', '-b', '50M', '-l', '1000', '-n', '1M'])).end;
    expect(sum?.packets).to.be.at.least(1000);
    // One more says hello.
    const sentCount = (sum?.packets ?? 0) + 1;
    await eventually(
      `${sentCount} datagrams handed on or dropped`,
      () => relay.forwardedCount + relay.droppedCount === sentCount,
    );
  });
});
