/** http.Server on a Listener and on its own: the same bytes from a client come to the same bytes back. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import nodeNet, { type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { Listener, serveOn } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { within } from '../support/eventually.js';

const host = '127.0.0.1';
const to = (line: string, ...headers: string[]): string =>
  `${[`${line} HTTP/1.1`, 'Host: x', ...headers].join('\r\n')}\r\n\r\n`;

/** What a client sends, a piece at a time; one that `ends` ends the connection itself, and the others are ended by the server. */
const TALKS: Record<string, { pieces: readonly string[]; ends?: boolean }> = {
  pipelining: {
    pieces: [[to('GET /1'), to('GET /2'), to('POST /3', 'Content-Length: 3'), 'abc'].join('')],
  },
  'Expect: 100-continue': { pieces: [to('POST /e', 'Expect: 100-continue', 'Content-Length: 2'), 'hi'] },
  upgrade: { pieces: [to('GET /u', 'Upgrade: x', 'Connection: Upgrade'), 'echo me'], ends: true },
  CONNECT: { pieces: [to('CONNECT a:1')] },
  'a head and a chunked body in pieces': {
    pieces: [
      'GET /s HT',
      'TP/1.1\r\nHo',
      'st: x\r\nTransfer-Encoding: chunked\r\n\r\n',
      '5\r\nhello\r\n',
      '0\r\n\r\n',
    ],
  },
  'what is no HTTP': { pieces: ['NONSENSE\r\n\r\n'] },
  'a chunk of no size': { pieces: [`${to('POST /c', 'Transfer-Encoding: chunked')}ZZ\r\n`] },
  'keepAliveTimeout ends what is idle': { pieces: [to('GET /k')] },
};

function makeServer(): Server {
  const server = createServer({ keepAliveTimeout: 100 }, (request, response) => {
    void text(request).then((body) => response.end(`${request.method} ${request.url} ${body.length}`));
  });
  server.on('upgrade', (_request, socket, head) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n');
    socket.write(head);
    socket.pipe(socket);
  });
  server.on('connect', (request, socket) => void socket.end(`HTTP/1.1 200 OK\r\n\r\nto ${request.url}`));
  return server;
}

async function talk(port: number, { pieces, ends = false }: (typeof TALKS)[string]): Promise<string> {
  const client = nodeNet.connect({ port, host, allowHalfOpen: true });
  let heard = '';
  client.on('data', (data) => {
    heard += String(data);
  });
  client.on('error', ({ message }) => {
    heard += message;
  });
  const over = once(client, 'close');
  client.on('end', () => client.end());
  for (const piece of pieces) {
    client.write(piece);
    // So that each piece comes by itself, mostly; both sides take them in any way.
    await sleep(5);
  }
  if (ends) client.end();
  await within('the end', over);
  return heard.replaceAll(/Date: [^\r]*/g, 'Date');
}

describeOnEachBackend('serveOn: HTTP', (makeRing) => {
  for (const [title, each] of Object.entries(TALKS)) {
    it(`${title}: as on node:net`, async () => {
      const listener = await Listener.listen({ host, port: 0, ring: makeRing() });
      const ours = makeServer();
      const serving = serveOn(ours, listener);
      const nodes = makeServer().listen(0, host);
      await within('listening', once(nodes, 'listening'));
      const heard = await talk(listener.address.port, each);
      expect(heard).to.equal(await talk((nodes.address() as AddressInfo).port, each));
      expect(heard).to.match(/^HTTP\/1.1 /);
      ours.close();
      nodes.close();
      await within('the end of serving', serving);
    });
  }
});
