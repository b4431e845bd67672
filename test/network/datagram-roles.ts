/** What stations do with datagrams: see `Station`. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type DatagramBindOptions, DatagramSocket, Ring, type RingOptions } from 'ringlet';
import { numbered } from '../support/datagrams.js';
import { type CallError, eventually, rejection } from '../support/eventually.js';
import { droppedAt } from '../support/peer.js';
import type { Stage } from '../support/station.js';

/** What one socket has received of numbered datagrams. */
export interface Received {
  count: number;
  /** How many came more than once, with each further time counted. */
  repeatedCount: number;
  /** How many came after one of a higher number. */
  lateCount: number;
  /** Whose bytes are not those of their number. */
  spoiledCount: number;
  senderCount: number;
  /** What the last message said, where it could be asked. */
  toldDropped: number | undefined;
  /** What /proc/net/udp says, and ringlet's own count where it drops. */
  dropped: number;
}

class Tally {
  readonly #seen = new Set<number>();
  readonly #senders = new Set<string>();
  #highest = -1;
  readonly result: Received = {
    count: 0,
    repeatedCount: 0,
    lateCount: 0,
    spoiledCount: 0,
    senderCount: 0,
    toldDropped: undefined,
    dropped: 0,
  };

  take(data: Buffer, sender: string): void {
    const { result } = this;
    result.count += 1;
    const number = data.length < 4 ? -1 : data.readUInt32LE(0);
    if (!data.equals(numbered(number, data.length))) result.spoiledCount += 1;
    if (this.#seen.has(number)) result.repeatedCount += 1;
    if (number < this.#highest) result.lateCount += 1;
    this.#highest = Math.max(this.#highest, number);
    this.#seen.add(number);
    this.#senders.add(sender);
    result.senderCount = this.#senders.size;
  }
}

export interface ReceivePlan {
  address: string;
  ports: number[];
  bind?: DatagramBindOptions;
  ring?: RingOptions;
}

export interface SendPlan {
  from: string;
  to: { address: string; port: number }[];
  count: number;
  bytes: number;
}

/** Fields of an error that Node's own modules and ringlet ought to agree upon. */
export type Refusal = Pick<CallError, 'message' | 'code' | 'errno' | 'syscall' | 'address' | 'port'>;

function describe({ message, code, errno, syscall, address, port }: CallError): Refusal {
  return { message, code, errno, syscall, address, port } as Refusal;
}

export const roles = {
  /** Receives on each of the ports until the test has spoken, and all that has come by then. */
  async receive(
    { ring, makeRing, tell, heard }: Stage,
    plan: ReceivePlan,
  ): Promise<{ sockets: Received[]; rearms: number }> {
    const own = plan.ring === undefined ? ring : makeRing(plan.ring);
    const { address, bind } = plan;
    const before = own.stats();
    const sockets = await Promise.all(
      plan.ports.map((port) => DatagramSocket.bind({ address, port, ...bind, ring: own })),
    );
    const tallies = sockets.map(() => new Tally());
    const reading = sockets.map(async (socket, place) => {
      const tally = tallies[place] as Tally;
      for await (const batch of socket.batches({ lease: place % 2 === 0 })) {
        for (using message of batch) {
          tally.take(message.data, message.remote.address);
          tally.result.toldDropped = message.droppedCount;
        }
      }
    });
    tell('receiving');
    const wanted = (await heard()) as number;
    const count = (): number => tallies.reduce((sum, { result }) => sum + result.count, 0);
    await eventually(`${wanted} datagrams`, () => count() >= wanted);
    const { rearms, datagramsDropped } = own.stats();
    for (const [place, socket] of sockets.entries()) {
      (tallies[place] as Tally).result.dropped = (droppedAt(socket.address.port) ?? 0) + datagramsDropped;
    }
    await Promise.all(sockets.map((socket) => socket.close()));
    await Promise.all(reading);
    return { sockets: tallies.map(({ result }) => result), rearms: rearms - before.rearms };
  },

  /** Sends numbered datagrams to each address in turn; how many the kernel has taken, and what it refused. */
  async send(
    { ring, tell }: Stage,
    { from, to, count, bytes }: SendPlan,
  ): Promise<{ sentCount: number; codes: string[] }> {
    await using socket = await DatagramSocket.bind({ address: from, ring });
    const codes = new Set<string>();
    let sentCount = 0;
    for (let index = 0; index < count; index += 1) {
      const remote = to[index % to.length] as { address: string; port: number };
      try {
        await socket.send(numbered(index, bytes), remote);
        sentCount += 1;
      } catch (error) {
        codes.add((error as CallError).code ?? 'none');
      }
      if (index === 0) tell('sending');
    }
    return { sentCount, codes: [...codes] };
  },

  /** The same from so many addresses, 10.80.0.0 and on, each of which sends one; always on a ring. */
  async sendAsCrowd(_stage: Stage, { to, count, bytes }: Omit<SendPlan, 'from'>): Promise<number> {
    await using ring = new Ring({ backend: 'io_uring' });
    await using socket = await DatagramSocket.bind({ ring });
    for (let index = 0; index < count; index += 1) {
      const local = { address: `10.80.${index >> 8}.${index & 255}` };
      await socket.send(numbered(index, bytes), to[index % to.length], { local });
    }
    return count;
  },

  /** Sends once a word; what each send came to. */
  async sendOnDemand({ ring, tell, heard }: Stage, { from, to }: SendPlan): Promise<void> {
    await using socket = await DatagramSocket.bind({ address: from, ring });
    for (let number = 0; ; number += 1) {
      if ((await heard()) === 'enough') return;
      tell(
        await socket.send(numbered(number), to[0]).then(
          () => 'sent',
          ({ code }: CallError) => code,
        ),
      );
    }
  },

  /** How sending to each of the addresses fails, and how it fails with node:dgram. */
  async failToSend(
    { ring }: Stage,
    { to }: { to: { address: string; port: number }[] },
  ): Promise<{ ringlet: Refusal; node: Refusal }[]> {
    const results: { ringlet: Refusal; node: Refusal }[] = [];
    for (const remote of to) {
      const family = remote.address.includes(':') ? 'IPv6' : 'IPv4';
      await using socket = await DatagramSocket.bind({ family, ring });
      const peer = createSocket(family === 'IPv6' ? 'udp6' : 'udp4').bind();
      await once(peer, 'listening');
      const byNode = new Promise<void>((resolve, reject) => {
        peer.send('x', remote.port, remote.address, (error) => (error ? reject(error) : resolve()));
      });
      const node = describe(await rejection(byNode, remote.address));
      results.push({ ringlet: describe(await rejection(socket.send('x', remote), remote.address)), node });
      peer.close();
    }
    return results;
  },
};
