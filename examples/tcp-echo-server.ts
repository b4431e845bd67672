/**
 * A TCP echo server: `for await` over the connections of a listener, and over the chunks of each. A client
 * beside it sends it three lines.
 *
 *   node build/examples/tcp-echo-server.js          # a client of its own, and then it ends
 *   node build/examples/tcp-echo-server.js 7000     # a port to connect to: nc 127.0.0.1 7000
 */
import { Listener, StreamSocket } from 'ringlet';

/** Sends back whatever comes, until the peer has ended. */
async function echo(connection: StreamSocket): Promise<void> {
  await using socket = connection;
  // A write settles when the kernel has taken it: a peer that does not read holds up its own echo only.
  for await (const chunk of socket) await socket.write(chunk);
  await socket.end();
}

async function serve(listener: Listener): Promise<void> {
  for await (const connection of listener) {
    // A peer that goes away in the middle is its own affair.
    echo(connection).catch((error: NodeJS.ErrnoException) => console.error(error.message));
  }
}

const [port] = process.argv.slice(2);
await using listener = await Listener.listen({ host: '127.0.0.1', port: Number(port ?? 0) });
const serving = serve(listener);

if (port === undefined) {
  await using client = await StreamSocket.connect({ host: '127.0.0.1', port: listener.address.port });
  for (const line of ['one', 'two', 'three']) {
    await client.write(line);
    const { buffer } = await client.read(Buffer.alloc(line.length), { fill: true });
    console.log(`sent ${line}, received ${buffer}`);
  }
  await client.end();
  await listener.close();
} else {
  console.log(`listening on 127.0.0.1:${listener.address.port}`);
}
await serving;
