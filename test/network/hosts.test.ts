/** What docs/sockets.md says of options that take two hosts to show: groups, links, marks, offloads, path MTU. */
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { describeOnEachBackend } from '../support/backends.js';
import { networkForSuite } from '../support/network.js';
import { skip } from '../support/skip.js';
import { stationsForSuite } from '../support/station.js';
import type { Heard, Membership, roles } from './host-roles.js';

const ROLES = fileURLToPath(new URL('host-roles.js', import.meta.url));
const GROUP = '239.77.0.1';
const GROUP6 = 'ff15::77';
const [LINK_A, LINK_B] = ['fe80::77:1', 'fe80::77:2'];

const texts = (heard: readonly Heard[]): string[] => heard.map(({ text }) => text);

describe('Socket options between hosts', () => {
  const network = networkForSuite('veth');
  const { a, b, device } = network;
  let port = 9000;

  before('addresses and routes', async () => {
    await a.shell(
      `ip address add ${LINK_A}/64 dev ${device} nodad`,
      `ip address add 10.77.0.3/24 dev ${device}`,
      `ip route add 224.0.0.0/4 dev ${device}`,
      `ip route add 10.79.0.0/24 via ${b.address}`,
      `ip link add second type veth peer name second netns ${b.name}`,
      'ip address add 10.76.0.1/24 dev second',
      'ip link set second up',
    );
    // A router whose next link carries 1,300 bytes, and which says so at once.
    await b.shell(
      `ip address add ${LINK_B}/64 dev ${device} nodad`,
      'ip address add 10.76.0.2/24 dev second',
      'ip link set second up',
      'echo 1 > /proc/sys/net/ipv4/ip_forward',
      'echo 0 > /proc/sys/net/ipv4/icmp_ratelimit',
      'ip link add narrow type veth peer name narrow2',
      'ip link set narrow mtu 1300 up',
      'ip link set narrow2 mtu 1300 up',
      'ip address add 10.79.0.1/24 dev narrow',
      'ip neighbour add 10.79.0.5 lladdr 02:00:00:00:00:05 dev narrow',
    );
  });

  beforeEach(() => {
    port += 1;
  });

  describeOnEachBackend('Two hosts', (_makeRing, configuration) => {
    const stations = stationsForSuite<typeof roles>(network, configuration, ROLES);
    const isOnRing = configuration.options.backend !== 'node';

    function needsRing(context: Mocha.Context): void {
      if (!isOnRing) skip(context, 'the node backend has no such options');
    }

    it('multicast: members hear the group, IPv4 and IPv6', async () => {
      const groups = [
        { family: 'IPv4' as const, group: GROUP, on: b.address, by: a.address, remote: a.address },
        {
          family: 'IPv6' as const,
          group: GROUP6,
          on: `::%${device}`,
          by: `::%${device}`,
          remote: a.address6,
        },
      ];
      for (const { family, group, on, by, remote } of groups) {
        const joins: Membership[] = [{ group, on }];
        const hearing = stations.far.start('hear', { bind: { family, port }, joins, count: 1 });
        await hearing.told();
        const to = { address: group, port };
        const bind = { address: remote, family };
        await stations.near
          .start('say', { bind, multicastInterface: by, sends: [{ text: group, to }] })
          .result();
        const [heard] = await hearing.result();
        expect([heard?.text, heard?.from.address]).to.deep.equal([group, remote]);
      }
    });

    it('source-specific multicast: of two senders one is heard', async () => {
      const joins = [{ group: '232.77.0.1', source: '10.77.0.3', on: b.address }];
      const hearing = stations.far.start('hear', { bind: { port }, joins, count: 2 });
      await hearing.told();
      const to = { address: '232.77.0.1', port };
      for (const [address, text] of [
        ['10.77.0.3', 'chosen'],
        [a.address, 'another'],
        ['10.77.0.3', 'chosen again'],
      ] as const) {
        const say = { bind: { address }, multicastInterface: a.address, sends: [{ text, to }] };
        await stations.near.start('say', say).result();
      }
      expect(texts(await hearing.result())).to.deep.equal(['chosen', 'chosen again']);
    });

    it('broadcast: heard, and with ancillary data told from what was sent to the host itself', async () => {
      const ancillary = isOnRing ? { ancillary: ['local' as const] } : {};
      const hearing = stations.far.start('hear', { bind: { port, ...ancillary }, count: 2 });
      await hearing.told();
      const sends = ['10.77.0.255', b.address].map((address) => ({ text: address, to: { address, port } }));
      await stations.near.start('say', { bind: { broadcast: true }, sends }).result();
      const heard = await hearing.result();
      expect(texts(heard)).to.deep.equal(['10.77.0.255', b.address]);
      if (!isOnRing) return;
      expect(heard.map(({ local }) => local)).to.deep.equal(['10.77.0.255', b.address]);
      const index = Number(await b.shell(`cat /sys/class/net/${device}/ifindex`));
      expect(heard.map(({ interfaceIndex }) => interfaceIndex)).to.deep.equal([index, index]);
    });

    it('link-local addresses: their scope goes in, and comes with the sender; streams as well', async () => {
      const hearing = stations.far.start('hear', {
        bind: { address: `${LINK_B}%${device}`, port },
        count: 1,
      });
      await hearing.told();
      const listening = stations.far.start('listen', { host: `${LINK_B}%${device}`, port });
      await listening.told();
      const to = { address: `${LINK_B}%${device}`, port };
      const say = { bind: { address: `${LINK_A}%${device}` }, sends: [{ text: 'on the link', to }] };
      await stations.near.start('say', say).result();
      const [heard] = await hearing.result();
      expect([heard?.text, heard?.from.address]).to.deep.equal(['on the link', `${LINK_A}%${device}`]);
      await stations.near.start('dial', { host: to.address, port, text: 'a stream' }).result();
      const [text, from] = await listening.result();
      expect(text).to.equal('a stream');
      expect(from?.replace(/%.*/, '')).to.equal(LINK_A);
    });

    it('device: a socket of one device does not hear another', async function () {
      needsRing(this);
      const hearing = stations.far.start('hear', { bind: { device, port }, count: 1 });
      await hearing.told();
      const sends = ['10.76.0.2', b.address].map((address) => ({ text: address, to: { address, port } }));
      await stations.near.start('say', { bind: {}, sends }).result();
      expect(texts(await hearing.result())).to.deep.equal([b.address]);
    });

    it('ecn: every mark arrives, IPv4 and IPv6', async function () {
      needsRing(this);
      for (const address of [b.address, b.address6]) {
        const hearing = stations.far.start('hear', { bind: { address, port, ancillary: ['ecn'] }, count: 4 });
        await hearing.told();
        const sends = ([0, 1, 2, 3] as const).map((ecn) => ({
          text: String(ecn),
          to: { address, port },
          options: { ecn },
        }));
        const family = address.includes(':') ? ('IPv6' as const) : ('IPv4' as const);
        await stations.near.start('say', { bind: { family }, sends }).result();
        expect((await hearing.result()).map(({ text, ecn }) => [text, ecn])).to.deep.equal([
          ['0', 0],
          ['1', 1],
          ['2', 2],
          ['3', 3],
        ]);
      }
    });

    it('segmentBytes and receiveOffload: 40 datagrams in one call, across the link, as they were sent', async function () {
      needsRing(this);
      const pieces = Array.from({ length: 40 }, (_unused, index) => `${index} `.padEnd(1000, '.'));
      pieces.push('the last and shorter');
      for (const receiveOffload of [false, true]) {
        const hearing = stations.far.start('hear', {
          bind: { address: b.address, port, receiveOffload, receiveBufferBytes: 1 << 20 },
          ring: { receiveBuffers: { count: 16, bytes: 65_536 } },
          count: pieces.length,
        });
        await hearing.told();
        const send = {
          text: pieces.join(''),
          to: { address: b.address, port },
          options: { segmentBytes: 1000 },
        };
        await stations.near.start('say', { bind: {}, sends: [send] }).result();
        expect(texts(await hearing.result())).to.deep.equal(pieces);
      }
    });

    it('pathMtuDiscovery: a router’s word is heard, EMSGSIZE above it, and fragments where they are allowed', async function () {
      needsRing(this);
      await a.shell('ip route flush cache');
      const to = { address: '10.79.0.5', port };
      const found = await stations.near.start('measurePath', { to, bytes: 1400 }).result();
      expect(found).to.deep.equal({ before: 1500, after: 1300, outcomes: [1400, 'EMSGSIZE', 1272, 1400] });
    });
  });
});
