/** What stations do to show that socket options mean something between two hosts: see `Station`. */
import {
  type DatagramBindOptions,
  DatagramSocket,
  Listener,
  type RingOptions,
  type SendOptions,
  StreamSocket,
} from 'ringlet';
import { type CallError, eventually } from '../support/eventually.js';
import type { Stage } from '../support/station.js';
import { readAll } from '../support/streams.js';

interface Place {
  address: string;
  port: number;
}

export interface Membership {
  group: string;
  source?: string;
  /** The interface, as the call takes it. */
  on?: string;
}

/** A message, without what its test did not ask for. */
export interface Heard {
  text: string;
  from: Place;
  local: string | undefined;
  interfaceIndex: number | undefined;
  ecn: number | undefined;
}

export const roles = {
  /** Receives `count` datagrams. */
  async hear(
    { ring, makeRing, tell }: Stage,
    plan: { bind: DatagramBindOptions; ring?: RingOptions; joins?: Membership[]; count: number },
  ): Promise<Heard[]> {
    const own = plan.ring === undefined ? ring : makeRing(plan.ring);
    await using socket = await DatagramSocket.bind({ ...plan.bind, ring: own });
    for (const { group, source, on } of plan.joins ?? []) {
      if (source === undefined) socket.addMembership(group, on);
      else socket.addSourceSpecificMembership(source, group, on);
    }
    tell('listening');
    const heard: Heard[] = [];
    for await (const { data, remote, local, interfaceIndex, ecn } of socket) {
      const from = { address: remote.address, port: remote.port };
      heard.push({ text: String(data), from, local: local?.address, interfaceIndex, ecn });
      if (heard.length === plan.count) break;
    }
    return heard;
  },

  /** Sends to each place in turn. */
  async say(
    { ring }: Stage,
    plan: {
      bind: DatagramBindOptions;
      multicastInterface?: string;
      sends: { text: string; to: Place; options?: SendOptions }[];
    },
  ): Promise<void> {
    await using socket = await DatagramSocket.bind({ ...plan.bind, ring });
    if (plan.multicastInterface !== undefined) socket.setMulticastInterface(plan.multicastInterface);
    for (const { text, to, options } of plan.sends) await socket.send(text, to, options);
  },

  /** What a connected socket takes its path's MTU for, before and after it has sent so many bytes, and then. */
  async measurePath(
    { ring }: Stage,
    { to, bytes }: { to: Place; bytes: number },
  ): Promise<{ before: number; after: number; outcomes: unknown[] }> {
    await using socket = await DatagramSocket.bind({ pathMtuDiscovery: 'do', ring });
    await socket.connect(to);
    const before = socket.getPathMtu();
    const attempt = (length: number): Promise<unknown> =>
      socket.send(Buffer.alloc(length)).catch(({ code }: CallError) => code);
    const outcomes = [await attempt(bytes)];
    await eventually('the network to say how much it carries', () => socket.getPathMtu() < before);
    const after = socket.getPathMtu();
    outcomes.push(await attempt(bytes));
    // What the network said is an error that waits for a call, which need not be one that is too long.
    const fitting = await attempt(after - 28);
    outcomes.push(fitting === 'EMSGSIZE' ? await attempt(after - 28) : fitting);
    socket.setPathMtuDiscovery('dont');
    outcomes.push(await attempt(bytes));
    return { before, after, outcomes };
  },

  /** Receives one connection whole. */
  async listen({ ring, tell }: Stage, { host, port }: { host: string; port: number }): Promise<string[]> {
    await using listener = await Listener.listen({ host, port, ring });
    tell('listening');
    await using connection = await listener.accept();
    return [String(await readAll(connection)), connection.remoteAddress?.address ?? ''];
  },

  async dial(
    { ring }: Stage,
    { host, port, text }: { host: string; port: number; text: string },
  ): Promise<void> {
    await using connection = await StreamSocket.connect({ host, port, ring });
    await connection.write(text);
    await connection.end();
    await connection.read(Buffer.alloc(1));
  },
};
