// TLS of Node's own: client certificates, a session that is resumed, ALPN
import { once } from 'node:events';
import tls from 'node:tls';
import { certificate, host, listening } from '../kit.mjs';
const pair = await certificate();
const server = tls.createServer(
  { ...pair, ALPNProtocols: ['a', 'b'], requestCert: true, rejectUnauthorized: false },
  (socket) => {
    socket.write(
      `${socket.getPeerCertificate().subject?.CN} ${socket.alpnProtocol} ${socket.isSessionReused()}\n`,
    );
    socket.on('error', () => {}).pipe(socket);
  },
);
const port = await listening(server);
let session;
for (let index = 0; index < 3; index++) {
  const socket = tls.connect({
    host,
    port,
    ...pair,
    ca: pair.cert,
    servername: 'localhost',
    ALPNProtocols: ['b'],
    session,
    maxVersion: 'TLSv1.2',
  });
  socket.on('session', (fresh) => (session = fresh));
  await once(socket, 'secureConnect');
  socket.end('x'.repeat(100_000));
  let text = '';
  for await (const chunk of socket) text += chunk;
  console.log(socket.authorized, text.split('\n')[0], text.length);
}
server.close();
