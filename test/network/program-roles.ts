/** Servers that stations run for programs which nobody here wrote: see `Station`. */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { createSecureContext, TLSSocket } from 'node:tls';
import { DatagramSocket, Listener, serveOn } from 'ringlet';
import { Relay } from '../support/relay.js';
import type { Stage } from '../support/station.js';
import { readAll } from '../support/streams.js';
import { pattern } from '../support/temporary.js';

interface Place {
  host: string;
  port: number;
}

function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

export const roles = {
  /** Serves HTTP until the test has spoken: so many bytes, or what was posted. */
  async http({ ring, tell, heard }: Stage, { host, port, bytes }: Place & { bytes: number }): Promise<void> {
    const content = pattern(bytes);
    const server = createServer((request, response) => {
      if (request.method === 'POST') request.pipe(response);
      else response.end(content);
    });
    const listener = await Listener.listen({ host, port, noDelay: true, ring });
    const serving = serveOn(server, listener);
    tell('listening');
    await heard();
    server.closeAllConnections();
    await listener.close();
    await serving;
  },

  /** Answers in capital letters over TLS, on one connection. */
  async tls(
    { ring, tell }: Stage,
    { host, port, key, cert }: Place & { key: Buffer; cert: Buffer },
  ): Promise<void> {
    await using listener = await Listener.listen({ host, port, ring });
    tell('listening');
    const connection = await listener.accept();
    const secureContext = createSecureContext({ key, cert });
    const secure = new TLSSocket(connection.toDuplex(), { isServer: true, secureContext });
    await new Promise<void>((resolve, reject) => {
      secure.on('data', (chunk: Buffer) => secure.write(String(chunk).toUpperCase()));
      secure.on('end', () => secure.end());
      secure.on('close', () => resolve());
      secure.on('error', reject);
    });
  },

  /** Receives a stream whole and sends one, at once; the hash of what came. */
  async copy({ ring, tell }: Stage, { host, port, bytes }: Place & { bytes: number }): Promise<string> {
    await using listener = await Listener.listen({ host, port, ring });
    tell('listening');
    await using connection = await listener.accept();
    const sending = connection.write(pattern(bytes, 9)).then(() => connection.end());
    const [received] = await Promise.all([readAll(connection), sending]);
    return sha256(received);
  },

  /** Hands on what comes for one port to another, until the test has spoken. */
  async relay(
    { ring, tell, heard }: Stage,
    { host, port, goal }: Place & { goal: number },
  ): Promise<{ forwardedCount: number; droppedCount: number }> {
    await using relay = await Relay.open(ring, host, port, { host, port: goal });
    tell('listening');
    await heard();
    return { forwardedCount: relay.forwardedCount, droppedCount: relay.droppedCount };
  },

  /** So many syslog messages, by UDP and by TCP. */
  async syslog({ ring, tell }: Stage, { host, port, count }: Place & { count: number }): Promise<string[]> {
    await using socket = await DatagramSocket.bind({ address: host, port, ring });
    await using listener = await Listener.listen({ host, port, ring });
    tell('listening');
    const messages: string[] = [];
    for await (const { data } of socket) {
      messages.push(data.toString());
      if (messages.length === count) break;
    }
    tell('by UDP');
    await using connection = await listener.accept();
    messages.push(
      ...String(await readAll(connection))
        .trimEnd()
        .split('\n'),
    );
    return messages;
  },
};
