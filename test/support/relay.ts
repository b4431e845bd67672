/** A relay on ringlet's sockets: connections and datagrams to one port go on to another, and answers back. */
import { DatagramSocket, Listener, type Ring, StreamSocket } from 'ringlet';
import { droppedAt } from './peer.js';
import { within } from './eventually.js';

interface Goal {
  host: string;
  port: number;
}

const RECEIVE_BUFFER_BYTES = 1 << 20;

export class Relay implements AsyncDisposable {
  readonly #ring: Ring;
  readonly #goal: Goal;
  readonly #listener: Listener;
  readonly #socket: DatagramSocket;
  /** For each sender of datagrams a socket of its own, connected to the goal. */
  readonly #clients = new Map<string, DatagramSocket>();
  readonly #running: Promise<unknown>[] = [];
  /** Datagrams that were handed on to the goal. */
  forwardedCount = 0;

  private constructor(ring: Ring, goal: Goal, listener: Listener, socket: DatagramSocket) {
    this.#ring = ring;
    this.#goal = goal;
    this.#listener = listener;
    this.#socket = socket;
    this.#running.push(this.#relayConnections(), this.#relayDatagrams());
  }

  /** @param port the same for both kinds; 0 for one that is free. */
  static async open(ring: Ring, host: string, port: number, goal: Goal): Promise<Relay> {
    const listener = await Listener.listen({ host, port, ring });
    const socket = await DatagramSocket.bind({
      address: host,
      port: listener.address.port,
      receiveBufferBytes: RECEIVE_BUFFER_BYTES,
      ring,
    });
    return new Relay(ring, goal, listener, socket);
  }

  get port(): number {
    return this.#socket.address.port;
  }

  /** Datagrams that the kernel had no room for. */
  get droppedCount(): number {
    return droppedAt(this.port) ?? 0;
  }

  async #relayConnections(): Promise<void> {
    for await (const near of this.#listener) {
      const far = await StreamSocket.connect({ ...this.#goal, ring: this.#ring });
      // iperf3 leaves by a reset.
      this.#running.push(relayBothWays(near, far).catch(() => {}));
    }
  }

  async #relayDatagrams(): Promise<void> {
    for await (const { data, remote } of this.#socket) {
      const sender = `${remote.address} ${remote.port}`;
      let client = this.#clients.get(sender);
      if (client === undefined) {
        client = await DatagramSocket.bind({ address: this.#socket.address.address, ring: this.#ring });
        await client.connect({ address: this.#goal.host, port: this.#goal.port });
        this.#clients.set(sender, client);
        this.#running.push(this.#relayBack(client, remote));
      }
      // Nobody listens there any more once iperf3 has what it wanted.
      await client.send(data).catch(() => {});
      this.forwardedCount += 1;
    }
  }

  async #relayBack(client: DatagramSocket, remote: { address: string; port: number }): Promise<void> {
    try {
      for await (const { data } of client) await this.#socket.send(data, remote);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#listener.close(), this.#socket.close()]);
    await Promise.all([...this.#clients.values()].map((client) => client.close()));
    await within('the relay', Promise.all(this.#running));
  }
}

/** Both directions of two connections, until each has ended. */
async function relayBothWays(near: StreamSocket, far: StreamSocket): Promise<void> {
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
