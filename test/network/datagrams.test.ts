/** Datagrams over a bad link: what was sent, lost, doubled and received adds up to what the kernel counts. */
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { describeOnEachBackend } from '../support/backends.js';
import { eventually } from '../support/eventually.js';
import { type Host, networkForSuite } from '../support/network.js';
import { stationsForSuite } from '../support/station.js';
import type { Received, roles } from './datagram-roles.js';

const ROLES = fileURLToPath(new URL('datagram-roles.js', import.meta.url));
const CALM = { loss: 0, duplicate: 0, corrupt: 0, delayMs: 0, jitterMs: 0, isCut: false };
const CROWD_COUNT = 10_000;
const BUFFER_COUNT = 16;

/** The kernel's counters of UDP in a namespace, since `before`. */
async function udpSince(host: Host, before: Record<string, number>): Promise<Record<string, number>> {
  const now = await host.counters('Udp');
  return Object.fromEntries(Object.entries(now).map(([name, count]) => [name, count - (before[name] ?? 0)]));
}

function sum(sockets: readonly Received[], field: 'count' | 'dropped' | 'spoiledCount'): number {
  return sockets.reduce((total, socket) => total + socket[field], 0);
}

describe('Datagrams between network namespaces', () => {
  const network = networkForSuite('wire');
  const { a, b, device } = network;
  let port = 7000;

  beforeEach('a good link', async () => {
    await network.wire.set(CALM);
    port += 10;
  });

  before('routes', async () => {
    await a.shell(
      'ip route add local 10.80.0.0/16 dev lo',
      'ip route add unreachable 10.78.1.0/24',
      'ip route add prohibit 10.78.2.0/24',
      'ip route add blackhole 10.78.3.0/24',
    );
    await b.shell(`ip route add 10.80.0.0/16 dev ${device}`);
  });

  describeOnEachBackend('Datagrams over a bad link', (_makeRing, configuration) => {
    const stations = stationsForSuite<typeof roles>(network, configuration, ROLES);
    const isOnRing = configuration.options.backend !== 'node';
    const ancillary = isOnRing ? { ancillary: ['droppedCount' as const] } : {};

    it('loss, duplicates, corruption and reordering: every one is accounted for', async () => {
      // As many as find room in the socket's buffer, whatever its reader does meanwhile.
      const count = 300;
      const receiving = stations.far.start('receive', {
        address: b.address,
        ports: [port],
        bind: { receiveBufferBytes: 1 << 22, ...ancillary },
      });
      await receiving.told();
      const [udpA, udpB] = await Promise.all([a.counters('Udp'), b.counters('Udp')]);
      const wire = await network.wire.counts('aToB', 'udp');
      await network.wire.set({ loss: 0.1, duplicate: 0.1, corrupt: 0.1, delayMs: 1, jitterMs: 10 });
      const to = [{ address: b.address, port }];
      const sent = await stations.near.start('send', { from: a.address, to, count, bytes: 200 }).result();
      expect(sent).to.deep.equal({ sentCount: count, codes: [] });

      let onWire = wire;
      await eventually('the wire to be empty', async () => {
        onWire = await network.wire.counts('aToB', 'udp');
        const { taken, lost, duplicated, delivered } = onWire;
        return taken - wire.taken === count && delivered === taken - lost + duplicated;
      });
      const since = (what: 'lost' | 'duplicated' | 'corrupted' | 'delivered'): number =>
        onWire[what] - wire[what];
      expect([since('lost'), since('duplicated'), since('corrupted')].every((many) => many > 0)).to.equal(
        true,
      );
      // Of a doubled datagram that is spoiled both are, so the kernel says how many never reached the socket.
      let kernel: Record<string, number> = {};
      await eventually('the kernel to have handed out or dropped all', async () => {
        kernel = await udpSince(b, udpB);
        return (kernel.InDatagrams ?? 0) + (kernel.InErrors ?? 0) === since('delivered');
      });
      receiving.say(kernel.InDatagrams);
      const { sockets } = await receiving.result();
      const [received] = sockets as [Received];

      expect((await udpSince(a, udpA)).OutDatagrams).to.equal(count);
      expect(received.count).to.equal(kernel.InDatagrams);
      expect([kernel.InCsumErrors, kernel.RcvbufErrors]).to.deep.equal([kernel.InErrors, 0]);
      expect(kernel.InCsumErrors).to.be.within(since('corrupted'), 2 * since('corrupted'));
      expect(received.spoiledCount).to.equal(0);
      expect(received.repeatedCount).to.be.within(1, since('duplicated'));
      expect(received.lateCount).to.be.greaterThan(0);
      // Each that was doubled and not spoiled came twice, all others that were not lost came once.
      const spoiledTwice = (kernel.InErrors ?? 0) - since('corrupted');
      expect(received.repeatedCount).to.equal(since('duplicated') - spoiledTwice);
      expect(received.dropped, 'dropped for their checksums').to.equal(kernel.InErrors);
      if (isOnRing) expect(received.toldDropped).to.be.at.most(received.dropped);
    });

    it('a link too narrow for a burst: what its queue drops is missing, and nothing else', async () => {
      await a.shell(`tc qdisc replace dev ${device} root tbf rate 2mbit burst 4kb limit 30000`);
      try {
        const count = 600;
        const receiving = stations.far.start('receive', {
          address: b.address,
          ports: [port],
          bind: { receiveBufferBytes: 1 << 22 },
        });
        await receiving.told();
        const [udpA, udpB] = await Promise.all([a.counters('Udp'), b.counters('Udp')]);
        const to = [{ address: b.address, port }];
        const sending = stations.near.start('send', { from: a.address, to, count, bytes: 1000 });
        // It is no error of the sender's, who would otherwise need IP_RECVERR: see udp(7).
        expect(await sending.result()).to.deep.equal({ sentCount: count, codes: [] });
        const out = await udpSince(a, udpA);
        const [queue] = JSON.parse(await a.shell(`tc -s -j qdisc show dev ${device}`)) as [{ drops: number }];
        expect(out.SndbufErrors).to.equal(queue.drops);
        expect(out.OutDatagrams).to.equal(count - queue.drops);
        expect(queue.drops).to.be.greaterThan(0);
        let kernel: Record<string, number> = {};
        await eventually('what has left to arrive', async () => {
          kernel = await udpSince(b, udpB);
          return (kernel.InDatagrams ?? 0) + (kernel.InErrors ?? 0) === out.OutDatagrams;
        });
        receiving.say(kernel.InDatagrams);
        const { sockets } = await receiving.result();
        expect([sum(sockets, 'count'), sum(sockets, 'dropped')]).to.deep.equal([
          kernel.InDatagrams,
          kernel.InErrors,
        ]);
      } finally {
        await a.shell(`tc qdisc del dev ${device} root`);
      }
    });

    it(`${CROWD_COUNT} senders, 4 sockets of small buffers, ${BUFFER_COUNT} receive buffers: lost is what the kernel dropped`, async function () {
      this.timeout(60_000);
      const ports = [port, port + 1, port + 2, port + 3];
      const receiving = stations.far.start('receive', {
        address: b.address,
        ports,
        bind: { receiveBufferBytes: 20_000, ...ancillary },
        ring: { receiveBuffers: { count: BUFFER_COUNT, countMax: BUFFER_COUNT, bytes: 2048 } },
      });
      await receiving.told();
      const udpB = await b.counters('Udp');
      const to = ports.map((each) => ({ address: b.address, port: each }));
      const sent = await stations.near.start('sendAsCrowd', { to, count: CROWD_COUNT, bytes: 100 }).result();
      expect(sent).to.equal(CROWD_COUNT);
      let kernel: Record<string, number> = {};
      await eventually('all to have come or been dropped', async () => {
        kernel = await udpSince(b, udpB);
        return (kernel.InDatagrams ?? 0) + (kernel.InErrors ?? 0) === CROWD_COUNT;
      });
      receiving.say(isOnRing ? kernel.InDatagrams : 0);
      const { sockets, rearms } = await receiving.result();
      const [count, dropped] = [sum(sockets, 'count'), sum(sockets, 'dropped')];
      expect(kernel.RcvbufErrors).to.equal(kernel.InErrors);
      expect([count, dropped, sum(sockets, 'spoiledCount')]).to.deep.equal([
        kernel.InDatagrams,
        kernel.RcvbufErrors,
        0,
      ]);
      for (const socket of sockets) {
        // Each sender has one datagram, so none of them may have come twice.
        expect([socket.senderCount, socket.repeatedCount]).to.deep.equal([socket.count, 0]);
        expect(socket.count).to.be.greaterThan(0);
        expect(socket.count + socket.dropped).to.equal(CROWD_COUNT / ports.length);
        if (isOnRing) expect(socket.toldDropped).to.be.at.most(socket.dropped);
      }
      expect(rearms, 'armings').to.be.at.most(count);
    });

    it('a device that goes down and comes up: the sender hears ENETUNREACH, and both sockets go on', async () => {
      const receiving = stations.far.start('receive', { address: b.address, ports: [port] });
      await receiving.told();
      const plan = { from: a.address, to: [{ address: b.address, port }], count: 0, bytes: 0 };
      const sending = stations.near.start('sendOnDemand', plan);
      const send = async (): Promise<unknown> => {
        sending.say('send');
        return sending.told();
      };
      expect(await send()).to.equal('sent');
      await a.shell(`ip link set ${device} down`);
      try {
        expect(await send()).to.equal('ENETUNREACH');
      } finally {
        await a.shell(`ip link set ${device} up`, `ip address replace ${a.address6}/64 dev ${device} nodad`);
      }
      await b.shell(`ip link set ${device} down`);
      const { lost } = await network.wire.counts('aToB', 'udp');
      try {
        expect(await send()).to.equal('sent');
        await eventually('the datagram to be lost', async () => {
          return (await network.wire.counts('aToB', 'udp')).lost === lost + 1;
        });
      } finally {
        await b.shell(
          `ip link set ${device} up`,
          `ip address replace ${b.address6}/64 dev ${device} nodad`,
          `ip route replace 10.80.0.0/16 dev ${device}`,
        );
      }
      expect(await send()).to.equal('sent');
      sending.say('enough');
      receiving.say(2);
      const { sockets } = await receiving.result();
      expect(sum(sockets, 'count')).to.equal(2);
      await sending.result();
    });

    it('sending to where no way leads: the errors of node:dgram', async () => {
      const addresses = ['10.78.1.1', '10.78.2.1', '10.78.3.1', '192.0.2.1', '2001:db8::1'];
      const to = addresses.map((address) => ({ address, port: 9 }));
      const errors = await stations.near.start('failToSend', { to }).result();
      expect(errors.map(({ ringlet }) => ringlet)).to.deep.equal(errors.map(({ node }) => node));
      expect(errors.map(({ ringlet }) => ringlet.code)).to.deep.equal([
        'EHOSTUNREACH',
        'EACCES',
        'EINVAL',
        'ENETUNREACH',
        'ENETUNREACH',
      ]);
    });
  });
});
