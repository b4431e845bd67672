/** Arrays that change while they are looked at, or whose methods are their own: refused, or taken as they were. */
import { expect } from 'chai';
import { DatagramSocket, type OutgoingDatagram } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { type CallError, within } from '../support/eventually.js';
import { connectPair } from '../support/streams.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

describeOnEachBackend('Arrays that are not what they seem', (makeRing) => {
  const directory = temporaryDirectory();
  const view = (): Uint8Array => new Uint8Array(100);

  const arrays: Readonly<Record<string, () => Uint8Array[]>> = {
    'an element that changes': () => {
      let count = 0;
      return Object.defineProperty([view()], 0, { get: () => (count++ === 0 ? view() : {}) });
    },
    'a map and a slice of its own': () => Object.assign([view()], { map: () => [{}], slice: () => [{}] }),
    'an iterator of its own': () =>
      Object.assign([{} as Uint8Array], {
        *[Symbol.iterator](): ArrayIterator<Uint8Array> {
          yield view();
        },
      }),
    'a subclass': () => {
      class Odd extends Array<Uint8Array> {
        override map<Result>(): Result[] {
          return [5 as Result];
        }
        override slice(): Uint8Array[] {
          return [];
        }
      }
      return Odd.from([view()]);
    },
    'a proxy that changes': () => {
      let count = 0;
      const get = (target: Uint8Array[], name: string | symbol): unknown =>
        name === '0' && count++ > 0 ? 7 : Reflect.get(target, name);
      return new Proxy([view()], { get });
    },
    'a length that is not so': () => {
      const get = (target: Uint8Array[], name: string | symbol): unknown =>
        name === 'length' ? 1e9 : Reflect.get(target, name);
      return new Proxy([view()], { get });
    },
  };

  it('end in what they held when they were looked at, or are refused', async () => {
    const ring = makeRing();
    const file = await ring.fs.open(directory.file('content', pattern(10_000)), 'r+');
    await using pair = await connectPair(ring);
    await using socket = await DatagramSocket.bind({ address: '127.0.0.1', ring });
    const remote = socket.address;
    const { near } = pair;
    const calls: Readonly<Record<string, (views: Uint8Array[]) => Promise<unknown>>> = {
      readv: (views) => file.readv(views, 0),
      writev: (views) => file.writev(views, 0),
      'chain.readv': (views) => ring.chain((chain) => [chain.readv(file, views, 0)]),
      'chain.writev': (views) => ring.chain((chain) => [chain.writev(file, views, 0)]),
      'stream writev': (views) => near.writev(views),
      send: (views) => socket.send(views, remote),
      sendMany: (views) => socket.sendMany([{ data: views, remote }]),
      'sendMany of messages': (views) => socket.sendMany(views as unknown as OutgoingDatagram[]),
      sendDescriptors: (views) => near.sendDescriptors(views as unknown as number[], 'x'),
      poll: async (views) => ring.poll(file.fd, views as unknown as 'readable'[]),
      'a Ring of CPUs': async (views) => makeRing({ sqPoll: { cpus: views as unknown as number[] } }),
    };
    for (const [what, make] of Object.entries(arrays)) {
      for (const [name, call] of Object.entries(calls)) {
        const title = `${name} with ${what}`;
        const outcome = await within(
          title,
          call(make()).catch((error: CallError) => error),
        );
        if (outcome instanceof Error) {
          expect((outcome as CallError).code, title).to.match(
            /^ERR_(INVALID_ARG|OUT_OF_RANGE|SOCKET_|FEATURE)/,
          );
        }
      }
    }
    await file.close();
  });
});
