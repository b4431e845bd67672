/** Programs that are run on Node alone and under `ringlet/register`: what they print has to be the same. */

/** Heads each: `show(title, value)` prints a line; lines are sorted, for not all of what they tell has an order. */
export const SHOW = `
  const lines = [];
  const plain = (value) => {
    if (value instanceof Error) {
      const { message, code, errno, syscall, path, dest } = value;
      return { class: value.constructor.name, message, code, errno, syscall, path, dest };
    }
    if (Buffer.isBuffer(value)) return 'bytes ' + value.length + ' ' + value.toString('latin1', 0, 40);
    if (ArrayBuffer.isView(value)) return value.constructor.name + ' ' + value.byteLength;
    if (Array.isArray(value)) return value.map(plain);
    if (value && typeof value.isFile === 'function') return [value.constructor.name, String(value.size), value.isFile()];
    return typeof value === 'bigint' ? String(value) + 'n' : value;
  };
  globalThis.show = (title, ...values) => lines.push(title + ': ' + JSON.stringify(values.map(plain)));
  process.on('exit', () => console.log(lines.sort().join('\\n')));
`;

/** Calls of node:fs with callbacks, right and wrong, in the directory that it is run in. */
export const CALLBACKS = `
  const fs = require('fs');
  const { promisify } = require('util');
  const { AsyncLocalStorage } = require('async_hooks');
  const context = new AsyncLocalStorage();
  const PATHS = ['file', 'empty', 'long', 'none', 'dir', 'dir/none', 'file/x', '', 'a\\0b', 'dangling',
    Buffer.from('file'), new URL('file://' + process.cwd() + '/file'), 7, null, undefined];
  const FDS = () => [opened, -1, 1.5, 2 ** 31, 'x', null, undefined, 9999];
  const NONE = [];
  let opened;

  /** A call ends once, later than all that was to be done before, in its own context; or it throws. */
  const call = (name, given) => new Promise((done) => {
    'use strict';
    // Of these Node has, at times and on some releases, an object of its own there: no Immediate is enough.
    const mayHaveThis = /^(read|write|append)File$/.test(name);
    const title = name + ' ' + JSON.stringify(given.map((each) => typeof each === 'bigint' ? String(each) : each && each.isOpened ? 'fd' : plainOf(each)));
    let isLater = false;
    let count = 0;
    context.run(title, () => {
      try {
        const returned = fs[name](...given, function (...results) {
          const told = name === 'open' && results[0] === null ? [null, typeof results[1]] : results.slice(0, 2);
          show(title, 'results', told, 'later', isLater, 'returned', typeof returned,
            'context', context.getStore() === title, 'this', mayHaveThis ? this?.constructor.name === 'Immediate' : typeof this, 'times', ++count);
          done(results);
        });
        process.nextTick(() => Promise.resolve().then(() => process.nextTick(() => { isLater = true; })));
      } catch (error) {
        show(title, 'thrown', error);
        done(NONE);
      }
    });
  });
  const plainOf = (value) => {
    if (value === opened && typeof value === 'number') return 'the descriptor';
    if (value instanceof URL) return 'a URL';
    if (Buffer.isBuffer(value)) return 'bytes ' + value.length;
    return value === undefined ? 'undefined' : value;
  };

  (async () => {
    for (const name of ['stat', 'lstat']) {
      for (const path of PATHS) await call(name, [path]);
      for (const options of [undefined, null, {}, { bigint: true }, { bigint: 1 }, 'utf8', 5]) await call(name, ['file', options]);
    }
    for (const path of PATHS) await call('readFile', [path]);
    for (const options of [undefined, null, 'utf8', 'latin1', 'hex', 'none', {}, { encoding: 'utf8' }, { flag: 'r+' }, { flag: 'x' }, 5]) {
      await call('readFile', ['file', options]);
    }
    for (const path of PATHS) await call('appendFile', [path, 'more']);
    for (const data of ['x', Buffer.from('yz'), new Uint8Array(3), '', 5, null, undefined, {}]) await call('appendFile', ['grown', data]);
    await call('appendFile', ['grown', 'ff', 'hex']);
    show('grown', fs.readFileSync('grown'));
    for (const path of PATHS) {
      const [, fd] = await call('open', [path]);
      if (typeof fd === 'number') fs.closeSync(fd);
    }
    for (const flags of ['r', 'r+', 'a', 'ax', 'w', 'q', 0, 2, undefined, null, {}]) {
      const [, fd] = await call('open', ['victim', flags]);
      if (typeof fd === 'number') show('flags ' + flags, fs.fstatSync(fd).isFile(), fs.closeSync(fd));
    }
    for (const mode of [0o600, '640', 0o7777, -1, 'q', null]) {
      const [, fd] = await call('open', ['moded' + mode, 'w', mode]);
      if (typeof fd === 'number') show('mode ' + mode, fs.fstatSync(fd).mode, fs.closeSync(fd));
    }

    opened = await promisify(fs.open)('file', 'r+');
    for (const fd of FDS()) {
      await call('fstat', [fd]);
      await call('read', [fd, Buffer.alloc(4), 0, 4, 0]);
      await call('readv', [fd, [Buffer.alloc(2), Buffer.alloc(3)], 0]);
      await call('write', [fd, Buffer.from('AB'), 0, 2, 1]);
      await call('writev', [fd, [Buffer.from('C'), Buffer.from('DE')], 3]);
    }
    await call('fstat', [opened, { bigint: true }]);
    for (const [offset, length, position] of [[0, 4, null], [0, 4, undefined], [1, 2, 3], [0, 0, 0], [0, 9, 0], [5, 1, 0], [-1, 1, 0],
      [0, -1, 0], [0.5, 1, 0], [0, 4, -1], [0, 4, -2], [0, 4, 100], [0, 4, 2n], [0, 4, 'x'], [null, null, null]]) {
      const buffer = Buffer.alloc(5, '.');
      await call('read', [opened, buffer, offset, length, position]);
      show('read into ' + [offset, length, position], buffer);
      await call('write', [opened, Buffer.from('vwxyz'), offset, length, position]);
      show('written from ' + [offset, length, position], fs.readFileSync('file'));
    }
    await call('read', [opened]);
    await call('read', [opened, { position: 0 }]);
    await call('read', [opened, Buffer.alloc(3), { position: 0 }]);
    await call('read', [opened, 'text', 0, 1, 0]);
    await call('write', [opened, 'text']);
    await call('write', [opened, 'text', 2]);
    await call('readv', [opened, []]);
    await call('readv', [opened, [5]]);
    await call('writev', [opened, [Buffer.from('q')], null]);
    for (const length of [undefined, 3, 0, 12, -1, 1.5, 'x']) {
      await call('ftruncate', [opened, length]);
      show('truncated to ' + length, fs.readFileSync('file'));
    }
    show('promisified read', Object.keys(await promisify(fs.read)(opened, Buffer.alloc(2), 0, 2, 0)));
    show('promisified write', Object.keys(await promisify(fs.write)(opened, Buffer.alloc(2), 0, 2, 0)));
    show('promisified readv', Object.keys(await promisify(fs.readv)(opened, [Buffer.alloc(2)], 0)));
    show('promisified stat', await promisify(fs.stat)('long'));
    show('Sync calls', fs.readSync(opened, Buffer.alloc(2), 0, 2, 0), fs.writeSync(opened, 'sync', 0), fs.fstatSync(opened));
    await call('close', [opened]);
    await call('close', [opened]);
    await call('read', [opened, Buffer.alloc(4), 0, 4, 0]);
    const again = await promisify(fs.open)('long');
    fs.closeSync(again);
    try { fs.closeSync(again); } catch (error) { show('closeSync again', error); }

    for (const wrong of [undefined, null, 5, {}]) {
      for (const name of ['stat', 'readFile', 'open', 'close', 'read']) {
        try { fs[name]('file', wrong); show(name + ' without a callback', 'returned'); } catch (error) { show(name + ' with ' + wrong, error); }
      }
    }
    let copied = 0;
    for await (const chunk of fs.createReadStream('long', { start: 5, end: 90_000, highWaterMark: 7000 })) copied += chunk.length;
    show('a stream', copied);
    await new Promise((resolve) => fs.createReadStream('long').pipe(fs.createWriteStream('copy')).on('close', resolve));
    show('a copy', fs.readFileSync('copy').equals(fs.readFileSync('long')));
    fs.createReadStream('none').on('error', (error) => show('no stream', error));
    await new Promise((resolve) => fs.createReadStream('file', { fs: { open: (...all) => { show('own open', all.length); fs.open(...all); }, read: fs.read, close: fs.close } }).resume().on('close', resolve));
    await Promise.all(Array.from({ length: 200 }, (_unused, index) => promisify(fs.readFile)(index % 3 ? 'file' : 'long')))
      .then((all) => show('many', all.reduce((sum, { length }) => sum + length, 0)));
    process.on('uncaughtException', (error) => show('uncaught', error));
    fs.stat('file', () => { throw new Error('from a callback'); });
    fs.stat('none', () => { throw new Error('from a callback of what failed'); });
  })();
`;

/** TCP, TLS, HTTP, HTTP/2 and UDP, by Node's modules; the key and the certificate are in the directory. */
export const SOCKETS = `
  import dgram from 'node:dgram';
  import { once } from 'node:events';
  import fs from 'node:fs';
  import http from 'node:http';
  import http2 from 'node:http2';
  import https from 'node:https';
  import net from 'node:net';
  import tls from 'node:tls';
  import { connect as namedConnect } from 'node:net';

  const [key, cert] = ['key.pem', 'cert.pem'].map((name) => fs.readFileSync(name));
  const ca = cert;
  const kindOf = (socket) => [socket instanceof net.Socket, socket instanceof net.Stream, socket.remoteAddress, typeof socket.remotePort];
  const textOf = async (source) => {
    let text = '';
    for await (const chunk of source) text += chunk;
    return text;
  };
  const listening = async (server, ...where) => {
    server.listen(...where);
    if (!server.listening || server.address() === null) await once(server, 'listening');
    return server.address().port;
  };
  const closed = async (server) => {
    server.close();
    await once(server, 'close');
    show('closed', server.listening, server.address());
  };

  {
    const server = net.createServer((socket) => {
      show('net server', kindOf(socket), socket.server === server, socket._server === server);
      socket.pipe(socket);
    });
    const port = await listening(server, 0, '127.0.0.1');
    const client = net.connect({ port, host: '127.0.0.1' });
    await once(client, 'connect');
    show('net client', kindOf(client), client.connecting, client.pending, client.readyState);
    client.end(Buffer.alloc(1_000_000, 'abcdefg'));
    show('net echo', (await textOf(client)).length);
    const named = namedConnect(port, 'localhost', () => named.end('named'));
    show('a named import', await textOf(named));
    server.getConnections((error, count) => show('connections', error, count));
    const socket = new net.Socket();
    socket.connect(port, '127.0.0.1').setEncoding('utf8').end('made first');
    show('new net.Socket', await textOf(socket), net.Socket().constructor.name);
    const rival = net.createServer().on('error', ({ code, syscall }) => show('rival', code, syscall)).listen(port, '127.0.0.1');
    await once(rival, 'error');
    await closed(server);
    const refused = net.connect(port, '127.0.0.1');
    const [{ code, syscall, address }] = await once(refused, 'error');
    show('refused', code, syscall, address);
    for (const wrong of [() => net.connect(70_000), () => net.connect({}), () => new net.Socket({ fd: -1 }), () => server.listen(-1), () => net.connect({ port: 1, localAddress: 'x' })]) {
      try { wrong(); show('wrong', String(wrong), 'returned'); } catch (error) { show('wrong', String(wrong), error.code, error.message); }
    }
  }
  {
    class Mine extends net.Socket {}
    function Old() { net.Socket.call(this); }
    Object.setPrototypeOf(Old.prototype, net.Socket.prototype);
    show('classes', new Mine() instanceof Mine, new Mine() instanceof net.Socket, new net.Socket() instanceof Mine, new Old() instanceof net.Socket);
    const server = net.createServer((socket) => socket.end('for a class'));
    const port = await listening(server, 0, '127.0.0.1');
    show('a class', await textOf(new Mine().connect(port, '127.0.0.1')));
    const gathered = [];
    const onread = { buffer: Buffer.alloc(4), callback: (count, buffer) => gathered.push(buffer.toString('latin1', 0, count)) };
    await once(net.connect({ port, host: '127.0.0.1', onread }), 'close');
    show('onread', gathered.join(''));
    await closed(server);
  }
  {
    const server = http.createServer(async (request, response) => {
      response.setHeader('x-kind', JSON.stringify(kindOf(request.socket)));
      response.end(request.method + ' ' + (await textOf(request)).length);
    });
    const port = await listening(server, 0, 'localhost');
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    for (const [method, body] of [['GET'], ['POST', 'body'], ['PUT', Buffer.alloc(200_000)]]) {
      const request = http.request({ port, host: 'localhost', method, agent });
      request.end(body);
      const [response] = await once(request, 'response');
      show('http ' + method, response.statusCode, response.headers['x-kind'].replace(/::ffff:/, ''), await textOf(response), request.reusedSocket);
    }
    show('fetch', await (await fetch('http://localhost:' + port, { headers: { connection: 'close' } })).text());
    agent.destroy();
    await closed(server);
  }
  {
    const server = https.createServer({ key, cert }, (request, response) => response.end(JSON.stringify(kindOf(request.socket)).replace(/::ffff:/, '')));
    const port = await listening(server, 0, 'localhost');
    const agent = new https.Agent({ keepAlive: true, ca });
    for (let count = 0; count < 2; count++) {
      const [response] = await once(https.get({ port, host: 'localhost', agent }), 'response');
      show('https', await textOf(response), response.socket?.authorized);
    }
    agent.destroy();
    await closed(server);
  }
  for (const isSecure of [true, false]) {
    const answer = (request, response) => response.end('http2 ' + String(request.socket.remoteAddress).replace(/::ffff:/, ''));
    const server = isSecure ? http2.createSecureServer({ key, cert }, answer) : http2.createServer(answer);
    const port = await listening(server, 0, 'localhost');
    const client = http2.connect((isSecure ? 'https' : 'http') + '://localhost:' + port, { ca });
    show('http2 connecting ' + isSecure, client.connecting);
    show('http2 ' + isSecure, await textOf(client.request({ ':path': '/' }).end()));
    client.close();
    await closed(server);
    const refused = http2.connect((isSecure ? 'https' : 'http') + '://localhost:' + port, { ca });
    refused.on('connect', () => show('http2 to none ' + isSecure, 'connected'));
    const [{ code }] = await once(refused, 'error');
    show('http2 refused ' + isSecure, code);
  }
  {
    const server = tls.createServer({ key, cert }, (socket) => {
      show('tls server', kindOf(socket));
      socket.pipe(socket);
    });
    const port = await listening(server, 0, '127.0.0.1');
    const secure = { ca, servername: 'localhost' };
    const client = tls.connect(port, '127.0.0.1', secure);
    await once(client, 'secureConnect');
    show('tls client', kindOf(client), client.authorized, client.connecting, client.getProtocol());
    client.end(Buffer.alloc(700_000, 'xyz'));
    show('tls echo', (await textOf(client)).length);
    for (const isConnected of [true, false]) {
      const under = net.connect(port, '127.0.0.1');
      if (isConnected) await once(under, 'connect');
      const over = tls.connect({ socket: under, ...secure });
      await once(over, 'secureConnect');
      over.end('upgraded');
      show('tls on a socket ' + isConnected, await textOf(over));
    }
    const stranger = tls.connect({ port, host: '127.0.0.1' });
    const [{ code }] = await once(stranger, 'error');
    show('tls stranger', code);
    await closed(server);
  }
  {
    const server = dgram.createSocket('udp4', (message, remote) => server.send(message, remote.port, remote.address));
    server.bind(0, '127.0.0.1');
    await once(server, 'listening');
    const client = new dgram.Socket({ type: 'udp4' });
    client.send('a datagram', server.address().port, '127.0.0.1');
    const [message, remote] = await once(client, 'message');
    show('dgram', String(message), remote.address, remote.size, client instanceof dgram.Socket, server instanceof dgram.Socket);
    class Mine extends dgram.Socket {}
    const mine = new Mine('udp4');
    show('dgram class', mine instanceof Mine, mine instanceof dgram.Socket, client instanceof Mine);
    try { dgram.createSocket('tcp'); } catch (error) { show('dgram wrong', error.code); }
    for (const socket of [server, client, mine]) socket.close();
  }
`;
