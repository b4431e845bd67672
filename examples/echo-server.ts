/**
 * A UDP echo server: `for await` over the messages of a socket. A client beside it sends it three.
 *
 *   node build/examples/echo-server.js
 */
import { DatagramSocket, Ring } from 'ringlet';

/** Sends every message back to where it came from, until the socket is closed. */
async function echo(socket: DatagramSocket): Promise<void> {
  for await (const { data, remote } of socket) await socket.send(data, remote);
}

/** Sends a text and returns what comes back for it. */
async function ask(socket: DatagramSocket, text: string, server: { address: string; port: number }) {
  await socket.send(text, server);
  // UDP may lose either datagram: never wait for an answer without a limit.
  for await (const { data } of socket.messages({ signal: AbortSignal.timeout(2000) })) return data.toString();
  throw new Error('the socket was closed');
}

// A ring belongs to the program that makes it: sockets first, then the ring, are closed at the end of the block.
await using ring = new Ring();
await using server = await DatagramSocket.bind({ address: '127.0.0.1', ring });
await using client = await DatagramSocket.bind({ address: '127.0.0.1', ring });

const serving = echo(server);
for (const text of ['one', 'two', 'three']) {
  console.log(`sent ${text}, received ${await ask(client, text, server.address)}`);
}
await server.close();
await serving;
console.log(`served on ${ring.backend === 'node' ? `Node: ${ring.backendReason}` : ring.backend}`);
