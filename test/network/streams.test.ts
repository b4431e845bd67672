/** Streams over a bad link: every byte once and in order, an end of each wait, and Node's own errors. */
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { describeOnEachBackend } from '../support/backends.js';
import { eventually } from '../support/eventually.js';
import { type Host, networkForSuite } from '../support/network.js';
import { type Call, stationsForSuite } from '../support/station.js';
import type { Exchanged, roles } from './stream-roles.js';

const ROLES = fileURLToPath(new URL('stream-roles.js', import.meta.url));
/** Each test has one of its own. */
let port = 7000;
const CONNECTION_COUNT = 3;
const BYTES = 400_000;
const ALL_BYTES = CONNECTION_COUNT * BYTES;

/** Faults enough that each occurs hundreds of times in a transfer. */
const TROUBLE = { loss: 0.03, duplicate: 0.03, corrupt: 0.02, delayMs: 1, jitterMs: 5 };
const CALM = { loss: 0, duplicate: 0, corrupt: 0, delayMs: 0, jitterMs: 0, isCut: false };

describe('Streams between network namespaces', () => {
  const network = networkForSuite('wire');
  const { a, b, device } = network;

  /**
   * The device with what it lost when it went down: IPv6 addresses and routes. Retransmissions start after
   * 20 ms, not 200.
   */
  async function bringUp(host: Host): Promise<void> {
    await host.shell(
      `ip link set ${device} up`,
      `ip address replace ${host.address6}/64 dev ${device} nodad`,
      `ip route replace 10.77.0.0/24 dev ${device} rto_min 20ms`,
      // The metric of the kernel's own route to it, which is to be replaced.
      `ip route replace fd77::/64 dev ${device} metric 256 rto_min 20ms`,
    );
  }

  before('routes', async () => {
    await Promise.all([bringUp(a), bringUp(b)]);
    await a.shell(
      'ip route add unreachable 10.78.1.0/24',
      'ip route add prohibit 10.78.2.0/24',
      'ip route add blackhole 10.78.3.0/24',
    );
    await b.shell('echo 1 > /proc/sys/net/ipv4/ip_forward', 'echo 0 > /proc/sys/net/ipv4/icmp_ratelimit');
    await b.shell('ip route add unreachable 10.78.4.0/24');
  });

  beforeEach('a good link', async () => {
    await network.wire.set(CALM);
  });

  describeOnEachBackend('Streams over a bad link', (_makeRing, configuration) => {
    const stations = stationsForSuite<typeof roles>(network, configuration, ROLES);

    /** Connections from one host to the other, each of which carries bytes both ways. */
    async function exchange(
      host: string,
      options: { hasPause?: boolean } = {},
    ): Promise<[serving: Call<Exchanged>, connecting: Call<Exchanged>]> {
      port += 1;
      const plan = { host, port, count: CONNECTION_COUNT, bytes: BYTES, ...options };
      const serving = stations.far.start('serve', plan);
      expect(await serving.told()).to.equal('listening');
      return [serving, stations.near.start('connect', plan)];
    }

    async function expectAllOnce(serving: Call<Exchanged>, connecting: Call<Exchanged>): Promise<void> {
      const [there, here] = await Promise.all([serving.result(), connecting.result()]);
      expect([there.bytesReceived, here.bytesReceived]).to.deep.equal([ALL_BYTES, ALL_BYTES]);
      expect(there.received).to.deep.equal(here.sent);
      expect(here.received).to.deep.equal(there.sent);
    }

    for (const [family, host] of [
      ['IPv4', b.address],
      ['IPv6', b.address6],
    ] as const) {
      it(`loss, duplicates, corruption, delay and reordering, ${family}: every byte once, in order`, async () => {
        const before = await network.wire.counts('aToB', 'tcp');
        await network.wire.set(TROUBLE);
        await expectAllOnce(...(await exchange(host)));
        const after = await network.wire.counts('aToB', 'tcp');
        for (const what of ['lost', 'duplicated', 'corrupted'] as const) {
          expect(after[what] - before[what], what).to.be.greaterThan(0);
        }
      });
    }

    /** Breaks the link halfway, and mends it once packets of both directions, or of `lostFrom` alone, are lost. */
    async function interrupt(
      lostFrom: readonly ('aToB' | 'bToA')[],
      breakIt: () => Promise<unknown>,
      mendIt: () => Promise<void>,
    ): Promise<void> {
      const [serving, connecting] = await exchange(b.address, { hasPause: true });
      expect([await serving.told(), await connecting.told()]).to.deep.equal(['halfway', 'halfway']);
      await breakIt();
      const lostCounts = async (): Promise<number[]> =>
        Promise.all(lostFrom.map(async (direction) => (await network.wire.counts(direction, 'tcp')).lost));
      const before = await lostCounts();
      serving.say('go on');
      connecting.say('go on');
      await eventually('packets that are lost', async () =>
        (await lostCounts()).every((count, index) => count > (before[index] ?? 0) + 5),
      );
      await mendIt();
      await expectAllOnce(serving, connecting);
    }

    it('a link that goes silent and comes back: transfers go on, and nothing is lost or doubled', async () => {
      const cut = (isCut: boolean) => () => network.wire.set({ isCut });
      await interrupt(['aToB', 'bToA'], cut(true), cut(false));
    });

    it('a device that goes down, with its routes, and comes up: the same', async () => {
      const down = (): Promise<unknown> => a.shell(`ip link set ${device} down`);
      try {
        await interrupt(['bToA'], down, () => bringUp(a));
      } finally {
        await bringUp(a);
      }
    });

    /** How soon the kernel gives up is asked at each retransmission; these are its defaults. */
    const giveTime = (): Promise<unknown> =>
      a.shell('echo 6 > /proc/sys/net/ipv4/tcp_syn_retries', 'echo 15 > /proc/sys/net/ipv4/tcp_retries2');

    it('connecting to where no way leads, or nobody answers: the errors of node:net', async () => {
      // Behind the other host, which says that it knows no way.
      await a.shell(`ip route replace 10.78.4.0/24 via ${b.address}`);
      await network.wire.set({ isCut: false });
      const hosts = [
        '10.78.1.1',
        '10.78.2.1',
        '10.78.3.1',
        '10.78.4.1',
        '192.0.2.1',
        '2001:db8::1',
        'fe80::1',
      ];
      const errors = await stations.near.start('failToConnect', { hosts, port: 9 }).result();
      expect(errors.map(({ ringlet }) => ringlet)).to.deep.equal(errors.map(({ node }) => node));
      expect(errors.map(({ ringlet }) => ringlet.code)).to.deep.equal([
        'EHOSTUNREACH',
        'EACCES',
        'EINVAL',
        'EHOSTUNREACH',
        'ENETUNREACH',
        'ENETUNREACH',
        'EINVAL',
      ]);
      // The shortest that the kernel can be told to try is three seconds.
      if (!['node', 'loop'].includes(configuration.title)) return;
      await a.shell('echo 1 > /proc/sys/net/ipv4/tcp_syn_retries');
      await network.wire.set({ isCut: true });
      const failing = stations.near.start('failToConnect', { hosts: [b.address], port: 9 }).result();
      const [silent] = await failing.finally(giveTime);
      expect(silent?.ringlet).to.deep.equal(silent?.node);
      expect(silent?.ringlet.code).to.equal('ETIMEDOUT');
    });

    it('a connection whose link goes silent for good: the write and the read that wait get ETIMEDOUT', async () => {
      port += 1;
      const serving = stations.far.start('hold', { host: b.address, port });
      await serving.told();
      const waiting = stations.near.start('wait', { host: b.address, port });
      await waiting.told();
      // 0.6 s, where the default is a quarter of an hour.
      await a.shell('echo 1 > /proc/sys/net/ipv4/tcp_retries2');
      await network.wire.set({ isCut: true });
      waiting.say('write');
      const { read, write } = await waiting.result().finally(giveTime);
      expect(read).to.deep.include({ code: 'ETIMEDOUT', errno: -110, syscall: 'read' });
      expect(write.code).to.be.oneOf(['ETIMEDOUT', 'EPIPE', 'ERR_SOCKET_CLOSED']);
      serving.say('close');
      await serving.result();
    });
  });
});
