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
import { Listener, type Ring, StreamSocket } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { makeCertificate } from '../support/certificate.js';
import { DEADLINE_MS, eventually, within } from '../support/eventually.js';
import { ENVIRONMENT, findProgram } from '../support/programs.js';
import { skip } from '../support/skip.js';
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

  function needs(context: Mocha.Context, program: string): void {
    if (findProgram(program) === '') skip(context, `${program} is not installed`);
  }

  /** http.Server on the connections of a listener, for the length of `body`. */
  async function withHttp(ring: Ring, body: (port: number) => Promise<void>): Promise<void> {
    const content = pattern(3 * MIB, 3);
    const server = createHttpServer((request, response) => {
      if (request.url === '/small') response.end('small');
      else if (request.url === '/large') response.end(content);
      else request.pipe(response);
    });
    const listener = await Listener.listen({ host: '127.0.0.1', port: 0, noDelay: true, ring });
    const serving = (async () => {
      for await (const connection of listener) server.emit('connection', connection.toDuplex());
    })();
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
    const ring = makeRing();
    let socket: StreamSocket | undefined;
    await eventually('socat to listen', async () => {
      socket = await StreamSocket.connect({ path, ring }).catch(() => undefined);
      return socket !== undefined;
    });
    await using client = socket as StreamSocket;
    const sent = pattern(MIB, 11);
    const receiving = readAll(client);
    await client.write(sent);
    await client.end();
    expect(sha256(await within('the echo', receiving))).to.equal(sha256(sent));
    await client.close();
    await within('the end of socat', ended);
  });

  it('iperf3: a relay of ringlet carries its traffic in both directions', async function () {
    needs(this, 'iperf3');
    const ring = makeRing();
    // iperf3 does not tell which port it took: one that has just been free.
    const free = await Listener.listen({ host: '127.0.0.1', port: 0, ring });
    const { port } = free.address;
    await free.close();
    const argv = ['-s', '-1', '-B', '127.0.0.1', '-p', String(port), '--forceflush'];
    const server = spawn('iperf3', argv, { env: ENVIRONMENT, stdio: ['ignore', 'pipe', 'ignore'] });
    const ended = once(server, 'exit');
    let said = '';
    server.stdout.on('data', (text: Buffer) => {
      said += text;
    });
    await eventually('iperf3 to listen', () => said.includes('Server listening'));
    try {
      await relayIperf(ring, port);
      await within('the end of iperf3', ended);
    } finally {
      server.kill();
    }
  });

  async function relayIperf(ring: Ring, port: number): Promise<void> {
    await using listener = await Listener.listen({ host: '127.0.0.1', port: 0, ring });
    const relaying = (async () => {
      const relays: Promise<void>[] = [];
      for await (const near of listener) {
        const far = await StreamSocket.connect({ host: '127.0.0.1', port, ring });
        // iperf3 leaves by a reset.
        relays.push(relay(near, far).catch(() => {}));
      }
      await Promise.all(relays);
    })();
    const argv = ['-c', '127.0.0.1', '-p', String(listener.address.port), '-n', '64M', '--bidir', '-J'];
    const { stdout } = await run('iperf3', argv, LIMITS);
    const report = JSON.parse(stdout) as { end: { sum_received: { bytes: number } }; error?: string };
    expect(report.error).to.equal(undefined);
    expect(report.end.sum_received.bytes).to.be.at.least(16 * MIB);
    await listener.close();
    await within('the relay', relaying);
  }
});

/** Both directions of two connections, until each has ended. */
async function relay(near: StreamSocket, far: StreamSocket): Promise<void> {
  const carry = async (from: StreamSocket, to: StreamSocket): Promise<void> => {
    for await (const chunk of from) await to.write(chunk);
    await to.end();
  };
  try {
    await Promise.all([carry(near, far), carry(far, near)]);
  } finally {
    await Promise.all([near.close(), far.close()]);
  }
}
