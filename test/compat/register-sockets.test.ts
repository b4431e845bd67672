/** Node's modules for the network under `ringlet/register`: a program prints what it prints on Node alone. */
import { expect } from 'chai';
import { join } from 'node:path';
import { needsIoUring } from '../support/backends.js';
import { makeCertificate } from '../support/certificate.js';
import { expectCleanExit, PACKAGE_ROOT, runProgram } from '../support/child.js';
import { skip } from '../support/skip.js';
import { temporaryDirectory } from '../support/temporary.js';
import { SHOW, SOCKETS } from './register-programs.js';

const REGISTER = join(PACKAGE_ROOT, 'dist/compat/register/index.cjs');

describe('ringlet/register: sockets', () => {
  const directory = temporaryDirectory();

  async function run(
    flags: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<string[]> {
    const argv = [process.execPath, ...flags, '--input-type=module', '-e', SHOW + SOCKETS];
    const outcome = await runProgram(argv, { cwd: directory.path, env });
    expectCleanExit(outcome);
    return outcome.stdout.trim().split('\n');
  }

  for (const backend of ['io_uring', 'epoll', 'node']) {
    describe(`on ${backend}`, () => {
      if (backend === 'io_uring') needsIoUring();

      it('net, tls, http, https, http2 and dgram do as ever', async function () {
        const certificate = await makeCertificate(directory.path);
        if (typeof certificate === 'string') skip(this, certificate);
        const wanted = await run([]);
        expect(wanted.length).to.be.above(40);
        for (const flag of ['--import', '--require']) {
          const env = { RINGLET_BACKEND: backend, RINGLET_HTTP_SERVERS: flag === '--import' ? '1' : '0' };
          expect(await run([flag, REGISTER], env), flag).to.deep.equal(wanted);
        }
      });
    });
  }

  describe('on a ring of the kernel’s', () => {
    needsIoUring();

    it('sockets are ringlet’s, and what is left to Node is told of', async () => {
      const source = `
        import dgram from 'node:dgram';
        import { once } from 'node:events';
        import fs from 'node:fs';
        import http from 'node:http';
        import net from 'node:net';
        import * as ringletNet from 'ringlet/net';
        import * as ringletDgram from 'ringlet/dgram';
        const server = http.createServer((request, response) => response.end(String(request.socket instanceof ringletNet.Socket)));
        server.listen(0, '127.0.0.1');
        await once(server, 'listening');
        const request = http.get({ port: server.address().port, host: '127.0.0.1', agent: false });
        const [response] = await once(request, 'response');
        const [text] = await once(response, 'data');
        const socket = dgram.createSocket('udp4');
        console.log(String(text), request.socket instanceof ringletNet.Socket, socket instanceof ringletDgram.Socket);
        try { new net.Socket({ fd: fs.openSync('/dev/null') }); } catch {}
        socket.close();
        server.close();`;
      const argv = [process.execPath, '--import', REGISTER, '--input-type=module', '-e', source];
      const outcome = await runProgram(argv, { env: { NODE_DEBUG: 'ringlet', RINGLET_HTTP_SERVERS: '1' } });
      expect(outcome.stdout).to.equal('true true true\n');
      expect(outcome.stderr).to.contain('register: a socket left to Node: the option fd\n');
    });

    it('servers of HTTP and TLS are Node’s, and so are sockets of classes that inherit, which have one hidden class', async () => {
      const source = `
        import { once } from 'node:events';
        import http from 'node:http';
        import http2 from 'node:http2';
        import https from 'node:https';
        import net from 'node:net';
        import tls from 'node:tls';
        const kinds = [];
        for (const server of [http.createServer(), http2.createServer(), http2.createSecureServer(), https.createServer(), tls.createServer(), net.createServer()]) {
          server.listen(0, '127.0.0.1');
          await once(server, 'listening');
          kinds.push(server._handle.constructor.name === 'TCP');
          server.close();
        }
        class Mine extends net.Socket {}
        const haveSameMap = new Function('a', 'b', 'return %HaveSameMap(a, b)');
        console.log(kinds.join(), haveSameMap(new Mine(), new Mine()));`;
      const flags = ['--allow-natives-syntax', '--import', REGISTER, '--input-type=module'];
      const outcome = await runProgram([process.execPath, ...flags, '-e', source], {
        env: { NODE_DEBUG: 'ringlet' },
      });
      expect(outcome.stdout).to.equal('true,true,true,true,true,false true\n');
      expect(outcome.stderr).to.contain(
        'register: a server left to Node: TLS and HTTP/2 read native handles',
      );
      expect(outcome.stderr).to.contain(
        "register: sockets of the class Mine left to Node: it inherits from Node's Socket",
      );
    });

    it('a datagram socket with block lists is ringlet’s', async () => {
      const source = `
        import dgram from 'node:dgram';
        import { BlockList } from 'node:net';
        import * as ringletDgram from 'ringlet/dgram';
        const socket = dgram.createSocket({ type: 'udp4', receiveBlockList: new BlockList() });
        console.log(socket instanceof ringletDgram.Socket);
        socket.close();`;
      const outcome = await runProgram(
        [process.execPath, '--import', REGISTER, '--input-type=module', '-e', source],
        {},
      );
      expect(outcome.stdout).to.equal('true\n');
    });
  });
});
