/**
 * The lines of docs/packages.md, each against the real package; run by scripts/test-packages.mjs in a folder that has them
 * all. A check resolves, or says what was wrong; one whose server is not installed says so.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { Listener, serveOn } from 'ringlet';
import dgram from 'ringlet/dgram';
import net from 'ringlet/net';

const host = '127.0.0.1';
const folder = mkdtempSync(join(tmpdir(), 'ringlet-programs-'));
// PostgreSQL runs as a user of its own.
chmodSync(folder, 0o755);
const children = [];

async function freePort() {
  const server = net.createServer().listen(0, host);
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** A server of Debian's, in a folder of its own; ended with the run. Undefined where it is not installed. */
async function program(command, parameters, port, options = {}) {
  const child = spawn(command, parameters, { stdio: 'ignore', ...options });
  let failure;
  child.once('error', (error) => {
    failure = error;
  });
  child.once('exit', (code) => {
    failure ??= new Error(`${command} ended with ${code}`);
  });
  children.push(child);
  for (const end = Date.now() + 30_000; Date.now() < end; await sleep(50)) {
    if (failure) throw failure;
    const socket = net.connect(port, host);
    const isUp = await new Promise((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
    socket.destroy();
    if (isUp) return;
  }
  throw new Error(`${command} does not listen`);
}

function deferred() {
  let resolve;
  const promise = new Promise((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** One of Node's servers on a listener of ringlet's. */
async function served(server) {
  const listener = await Listener.listen({ host, port: 0 });
  void serveOn(server, listener);
  return listener.address.port;
}

const CHECKS = {
  async 'http.Agent'() {
    const port = await served(http.createServer((request, response) => request.pipe(response)));
    const agent = new http.Agent({ keepAlive: true });
    agent.createConnection = net.createConnection;
    for (const body of ['first', 'second']) {
      const request = http.request({ host, port, agent, method: 'POST' });
      request.end(body);
      const [response] = await once(request, 'response');
      assert.equal(await text(response), body);
    }
    agent.destroy();
  },
  async undici() {
    const { Agent, request } = await import('undici');
    const port = await served(http.createServer((_request, response) => void response.end('hello')));
    const dispatcher = new Agent({
      connect({ hostname, port: to }, callback) {
        const socket = net.connect(Number(to), hostname);
        socket.once('connect', () => callback(null, socket)).once('error', callback);
      },
    });
    const { body } = await request(`http://${host}:${port}`, { dispatcher });
    assert.equal(await body.text(), 'hello');
    await dispatcher.close();
  },
  async ws() {
    const { WebSocket, WebSocketServer } = await import('ws');
    const server = http.createServer();
    new WebSocketServer({ server }).on('connection', (socket) => {
      socket.on('message', (data) => socket.send(data));
    });
    const port = await served(server);
    const socket = new WebSocket(`ws://${host}:${port}`, { createConnection: net.connect });
    await once(socket, 'open');
    const big = 'x'.repeat(1 << 20);
    socket.send(big);
    const [data] = await once(socket, 'message');
    assert.equal(String(data), big);
    socket.close();
    await once(socket, 'close');
  },
  async ioredis() {
    const { Redis } = await import('ioredis');
    const port = await freePort();
    await program('redis-server', ['--port', `${port}`, '--save', '', '--dir', folder], port);
    class Connector {
      check() {
        return true;
      }
      async connect() {
        this.stream = net.connect(port, host);
        return this.stream;
      }
      disconnect() {
        this.stream?.end();
      }
    }
    const redis = new Redis({ Connector });
    await redis.set('key', 'value');
    const all = await Promise.all(Array.from({ length: 100 }, () => redis.get('key')));
    assert.deepEqual(new Set(all), new Set(['value']));
    await redis.quit();
  },
  async pg() {
    const { default: pg } = await import('pg');
    const port = await freePort();
    const data = join(folder, 'postgres');
    const bin = process.env.POSTGRES_BIN ?? '';
    // It does not run as root.
    const [uid, gid] = (process.env.POSTGRES_IDS ?? '').split(':').map(Number);
    const user = process.getuid() === 0 ? { uid, gid } : {};
    mkdirSync(data);
    if (user.uid) chownSync(data, user.uid, user.gid);
    const made = spawn(join(bin, 'initdb'), ['-D', data, '-U', 'me', '-A', 'trust', '-N'], {
      stdio: 'ignore',
      cwd: data,
      ...user,
    });
    assert.equal((await once(made, 'exit'))[0], 0);
    await program(join(bin, 'postgres'), ['-D', data, '-p', `${port}`, '-h', host, '-k', data, '-F'], port, {
      cwd: data,
      ...user,
    });
    const client = new pg.Client({
      host,
      port,
      user: 'me',
      database: 'postgres',
      stream: () => new net.Socket(),
    });
    await client.connect();
    const { rows } = await client.query('select generate_series(1, 1000) as n');
    assert.equal(rows.length, 1000);
    await client.end();
  },
  async mysql2() {
    const { createConnection } = await import('mysql2/promise');
    const port = await freePort();
    const data = join(folder, 'mariadb');
    const isRoot = process.getuid() === 0 ? ['--user=root'] : [];
    const made = spawn(
      'mariadb-install-db',
      [`--datadir=${data}`, '--auth-root-authentication-method=normal', ...isRoot],
      { stdio: 'ignore' },
    );
    assert.equal((await once(made, 'exit'))[0], 0);
    await program(
      'mariadbd',
      [
        '--no-defaults',
        `--datadir=${data}`,
        `--port=${port}`,
        `--bind-address=${host}`,
        `--socket=${data}/socket`,
        ...isRoot,
      ],
      port,
    );
    const connection = await createConnection({ user: 'root', stream: () => net.connect(port, host) });
    const [[row]] = await connection.query('select repeat("x", 100000) as long_one');
    assert.equal(row.long_one.length, 100_000);
    await connection.end();
  },
  async mqtt() {
    const { default: mqtt } = await import('mqtt');
    const port = await freePort();
    const settings = join(folder, 'mosquitto.conf');
    writeFileSync(settings, `listener ${port} ${host}\nallow_anonymous true\n`);
    await program('mosquitto', ['-c', settings], port);
    const client = new mqtt.MqttClient(() => net.connect(port, host), {});
    await once(client, 'connect');
    await client.subscribeAsync('topic');
    const message = once(client, 'message');
    await client.publishAsync('topic', 'payload');
    assert.equal(String((await message)[1]), 'payload');
    await client.endAsync();
  },
  async nodemailer() {
    const { createTransport } = await import('nodemailer');
    const said = [];
    const server = net.createServer((socket) => {
      let isMail = false;
      socket.write('220 here\r\n');
      socket.setEncoding('utf8').on('data', (chunk) => {
        said.push(chunk);
        if (isMail && !chunk.endsWith('\r\n.\r\n')) return;
        const isData = /^DATA/i.test(chunk);
        isMail = isData;
        if (/^QUIT/i.test(chunk)) socket.end('221 bye\r\n');
        else socket.write(isData ? '354 go on\r\n' : '250 yes\r\n');
      });
    });
    server.listen(0, host);
    await once(server, 'listening');
    const { port } = server.address();
    const transport = createTransport({
      host,
      port,
      ignoreTLS: true,
      getSocket: (_options, callback) => {
        const connection = net.connect(port, host, () => callback(null, { connection }));
      },
    });
    await transport.sendMail({ from: 'a@b', to: 'c@d', subject: 'hello', text: 'words' });
    assert.match(said.join(''), /Subject: hello/);
    transport.close();
    server.close();
  },
  async ssh2() {
    const { default: ssh2 } = await import('ssh2');
    const { private: key } = ssh2.utils.generateKeyPairSync('ed25519');
    const server = new ssh2.Server({ hostKeys: [key] }, (client) => {
      client.on('authentication', (context) => context.accept());
      client.on('session', (accept) => {
        accept().on('exec', (acceptCommand, _reject, { command }) => {
          const stream = acceptCommand();
          stream.end(`did ${command}`);
          stream.exit(0);
        });
      });
      client.on('error', () => {});
    });
    const listener = net.createServer((socket) => server.injectSocket(socket)).listen(0, host);
    await once(listener, 'listening');
    const client = new ssh2.Client();
    client.connect({ sock: net.connect(listener.address().port, host), username: 'me', password: 'x' });
    await once(client, 'ready');
    const stream = await new Promise((resolve, reject) => {
      client.exec('this', (error, made) => (error ? reject(error) : resolve(made)));
    });
    assert.equal(await text(stream), 'did this');
    client.end();
    listener.close();
  },
  async 'multicast-dns'() {
    const { default: mdns } = await import('multicast-dns');
    const socket = dgram.createSocket({ type: 'udp4', reuseAddr: true });
    const port = await freePort();
    const both = mdns({ socket, port, multicast: false, bind: host });
    await once(both, 'ready');
    both.on('query', (query, remote) => {
      both.respond([{ name: query.questions[0].name, type: 'A', data: '10.0.0.1' }], remote);
    });
    const asking = once(both, 'response');
    both.query('a.local', 'A', { address: host, port });
    assert.equal((await asking)[0].answers[0].data, '10.0.0.1');
    both.destroy();
  },
  async 'hot-shots'() {
    const { StatsD } = await import('hot-shots');
    const server = dgram.createSocket('udp4').bind(0, host);
    await once(server, 'listening');
    const { port } = server.address();
    const socket = dgram.createSocket('udp4');
    const stream = new Writable({
      write(line, _encoding, sent) {
        socket.send(line, port, host, sent);
      },
    });
    const client = new StatsD({ protocol: 'stream', stream });
    for (const [name, wanted] of [
      ['increment', 'metric:1|c\n'],
      ['decrement', 'metric:-1|c\n'],
    ]) {
      const message = once(server, 'message');
      client[name]('metric');
      assert.equal(String((await message)[0]), wanted);
    }
    await new Promise((resolve) => client.close(resolve));
    socket.close();
    server.close();
  },
  async bind() {
    const { default: packet } = await import('dns-packet');
    const port = await freePort();
    const settings = join(folder, 'named.conf');
    writeFileSync(
      join(folder, 'zone'),
      '$TTL 60\n@ IN SOA a.zone. b.zone. 1 60 60 60 60\n  IN NS a.zone.\na IN A 10.0.0.7\n',
    );
    writeFileSync(
      settings,
      `options { directory "${folder}"; pid-file none; session-keyfile "${folder}/session.key";
      listen-on port ${port} { ${host}; }; listen-on-v6 { none; }; recursion no; };
      controls { }; zone "zone" { type primary; file "zone"; };`,
    );
    await program('named', ['-f', '-4', '-c', settings], port);
    const socket = dgram.createSocket('udp4');
    const ask = (id, name) => {
      socket.send(packet.encode({ type: 'query', id, questions: [{ type: 'A', name }] }), port, host);
    };
    const answers = new Map();
    const [loaded, told] = [deferred(), deferred()];
    socket.on('message', (message) => {
      const { id, answers: found } = packet.decode(message);
      if (id > 0) answers.set(id, found[0]?.data);
      else if (found.length > 0) loaded.resolve();
      if (answers.size === 50) told.resolve();
    });
    // It listens, and refuses, before it has read its zones.
    const asking = setInterval(ask, 50, 0, 'a.zone');
    await loaded.promise;
    clearInterval(asking);
    for (let id = 1; id <= 50; id++) ask(id, id % 2 ? 'a.zone' : 'none.zone');
    await told.promise;
    assert.deepEqual([answers.get(1), answers.get(2)], ['10.0.0.7', undefined]);
    socket.close();
  },
  async '@grpc/grpc-js'() {
    const { default: grpc } = await import('@grpc/grpc-js');
    const path = '/Echo/Say';
    const asItIs = (bytes) => bytes;
    const call = { path, requestStream: false, responseStream: false, requestSerialize: asItIs };
    Object.assign(call, {
      requestDeserialize: asItIs,
      responseSerialize: asItIs,
      responseDeserialize: asItIs,
    });
    const server = new grpc.Server();
    server.addService({ say: call }, { say: ({ request }, done) => done(null, request) });
    const injector = server.createConnectionInjector(grpc.ServerCredentials.createInsecure());
    const listener = net.createServer((socket) => injector.injectConnection(socket)).listen(0, host);
    await once(listener, 'listening');
    const where = `${host}:${listener.address().port}`;
    const client = new grpc.Client(where, grpc.credentials.createInsecure());
    const body = Buffer.alloc(100_000, 'grpc');
    const answer = await new Promise((resolve, reject) => {
      client.makeUnaryRequest(path, asItIs, asItIs, body, (error, value) => {
        if (error) reject(error);
        else resolve(value);
      });
    });
    assert.ok(body.equals(answer));
    client.close();
    server.forceShutdown();
    listener.close();
  },
  async nginx() {
    const port = await freePort();
    const settings = join(folder, 'nginx.conf');
    writeFileSync(join(folder, 'file'), 'y'.repeat(1 << 20));
    writeFileSync(
      settings,
      `daemon off; pid ${folder}/nginx.pid; error_log /dev/null; ${process.getuid() === 0 ? 'user root;' : ''}
      events {} http { access_log off; client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p;
      fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
      server { listen ${host}:${port}; root ${folder}; } }`,
    );
    await program('nginx', ['-p', folder, '-c', settings], port);
    const request = http.get({ host, port, path: '/file', createConnection: net.createConnection });
    const [response] = await once(request, 'response');
    assert.equal((await text(response)).length, 1 << 20);
  },
};

const wanted = process.argv.slice(2);
let failedCount = 0;
for (const [name, check] of Object.entries(CHECKS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const begun = performance.now();
  try {
    await Promise.race([
      check(),
      sleep(60_000, undefined, { ref: false }).then(() => Promise.reject(new Error('no end'))),
    ]);
    console.log(`ok      ${name} (${Math.round(performance.now() - begun)} ms)`);
  } catch (error) {
    if (error.code === 'ENOENT' && error.syscall?.startsWith('spawn')) {
      console.log(`skipped ${name}: ${error.path} is not installed`);
      continue;
    }
    failedCount++;
    console.log(`FAILED  ${name}: ${error.stack}`);
  }
}
for (const child of children) {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) continue;
  const over = once(child, 'exit');
  child.kill('SIGTERM');
  await Promise.race([over, sleep(5000).then(() => child.kill('SIGKILL'))]);
}
rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
console.log(failedCount === 0 ? 'all passed' : `${failedCount} failed`);
process.exit(failedCount === 0 ? 0 : 1);
