/** What stations do with streams: see `Station`. */
import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { Listener, StreamSocket } from 'ringlet';
import { type CallError, rejection } from '../support/eventually.js';
import type { Stage } from '../support/station.js';
import { pattern } from '../support/temporary.js';

const WRITE_BYTES = 48_000;

/** Hashes of what connections have sent and received, each sorted. */
export interface Exchanged {
  sent: string[];
  received: string[];
  bytesReceived: number;
}

interface Plan {
  count: number;
  /** What each side sends on each connection. */
  bytes: number;
  /** Whether all connections stop sending halfway, tell the test, and wait for its word to go on. */
  hasPause?: boolean;
}

class Exchange {
  readonly #stage: Stage;
  readonly #plan: Plan;
  readonly #result: Exchanged = { sent: [], received: [], bytesReceived: 0 };
  /** Connections on their first half. */
  #earlyCount: number;
  readonly #goingOn: Promise<unknown>;
  #goOn!: (value: unknown) => void;

  constructor(stage: Stage, plan: Plan) {
    this.#stage = stage;
    this.#plan = plan;
    this.#earlyCount = plan.count;
    this.#goingOn = new Promise((resolve) => {
      this.#goOn = resolve;
    });
  }

  /** Sends and receives at once, until both sides have ended; each connection reads in another way. */
  async run(socket: StreamSocket, seed: number, way: number): Promise<void> {
    await using connection = socket;
    const content = pattern(this.#plan.bytes, seed);
    const hash = createHash('sha256');
    await Promise.all([
      this.#write(connection, content),
      this.#read(connection, way, (data) => hash.update(data)),
    ]);
    this.#result.sent.push(createHash('sha256').update(content).digest('hex'));
    this.#result.received.push(hash.digest('hex'));
  }

  async #read(connection: StreamSocket, way: number, take: (data: Uint8Array) => void): Promise<void> {
    const accept = (data: Uint8Array): void => {
      take(data);
      this.#result.bytesReceived += data.length;
    };
    if (way % 3 === 0) {
      for await (const chunk of connection) accept(chunk);
    } else if (way % 3 === 1) {
      for await (using chunk of connection.chunks({ lease: true })) accept(chunk.data);
    } else {
      const memory = Buffer.alloc(30_000);
      for (;;) {
        const { bytesRead } = await connection.read(memory);
        if (bytesRead === 0) break;
        accept(memory.subarray(0, bytesRead));
      }
    }
  }

  async #write(connection: StreamSocket, content: Buffer): Promise<void> {
    const halfway = content.length / 2;
    for (let offset = 0; offset < content.length; offset += WRITE_BYTES) {
      if (this.#plan.hasPause && offset < halfway && offset + WRITE_BYTES >= halfway) await this.#pause();
      await connection.write(content.subarray(offset, offset + WRITE_BYTES));
    }
    await connection.end();
  }

  async #pause(): Promise<void> {
    this.#earlyCount -= 1;
    if (this.#earlyCount === 0) {
      this.#stage.tell('halfway');
      this.#goOn(await this.#stage.heard());
    }
    await this.#goingOn;
  }

  result(): Exchanged {
    this.#result.sent.sort();
    this.#result.received.sort();
    return this.#result;
  }
}

/** Fields of an error that Node's own modules and ringlet ought to agree upon. */
export type Refusal = Pick<CallError, 'code' | 'errno' | 'syscall' | 'address' | 'port'>;

function describe({ code, errno, syscall, address, port }: CallError): Refusal {
  return { code, errno, syscall, address, port } as Refusal;
}

export const roles = {
  /** Accepts so many connections and exchanges bytes on each. */
  async serve(
    stage: Stage,
    { host, port, ...plan }: Plan & { host: string; port: number },
  ): Promise<Exchanged> {
    await using listener = await Listener.listen({ host, port, ring: stage.ring });
    stage.tell('listening');
    const exchange = new Exchange(stage, plan);
    const running: Promise<void>[] = [];
    while (running.length < plan.count) {
      running.push(exchange.run(await listener.accept(), 1000 + running.length, running.length));
    }
    await Promise.all(running);
    return exchange.result();
  },

  async connect(
    stage: Stage,
    { host, port, ...plan }: Plan & { host: string; port: number },
  ): Promise<Exchanged> {
    const exchange = new Exchange(stage, plan);
    const ways = Array.from({ length: plan.count }, (_unused, index) => index);
    const run = async (way: number): Promise<void> => {
      await exchange.run(await StreamSocket.connect({ host, port, ring: stage.ring }), 1 + way, way);
    };
    await Promise.all(ways.map(run));
    return exchange.result();
  },

  /** How connecting to each of the hosts fails, and how it fails with node:net. */
  async failToConnect(
    { ring }: Stage,
    { hosts, port }: { hosts: readonly string[]; port: number },
  ): Promise<{ ringlet: Refusal; node: Refusal }[]> {
    const byNode = (host: string): Promise<never> =>
      new Promise((_resolve, reject) => connect({ host, port }).on('error', reject));
    return Promise.all(
      hosts.map(async (host) => {
        const byRinglet = StreamSocket.connect({ host, port, ring });
        const [ringlet, node] = await Promise.all([
          rejection(byRinglet, host),
          rejection(byNode(host), host),
        ]);
        return { ringlet: describe(ringlet), node: describe(node) };
      }),
    );
  },

  /** Accepts a connection and keeps it, until the test has spoken. */
  async hold({ ring, tell, heard }: Stage, { host, port }: { host: string; port: number }): Promise<void> {
    await using listener = await Listener.listen({ host, port, ring });
    tell('listening');
    await using _connection = await listener.accept();
    await heard();
  },

  /** Connects and reads, and when the test has spoken writes; what becomes of both. */
  async wait(
    { ring, tell, heard }: Stage,
    goal: { host: string; port: number },
  ): Promise<{ read: Refusal; write: Refusal }> {
    await using connection = await StreamSocket.connect({ ...goal, ring });
    const reading = rejection(connection.read(Buffer.alloc(1)), 'the read', 20_000);
    reading.catch(() => {});
    tell('connected');
    await heard();
    const writing = async (): Promise<void> => {
      for (;;) await connection.write(Buffer.alloc(1_000_000));
    };
    const failed = await rejection(writing(), 'the write', 20_000);
    return { read: describe(await reading), write: describe(failed) };
  },
};
