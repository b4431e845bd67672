/** Options of an open socket, each with node:dgram's own answer to the same call beside it; and those of bind. */
import dgram from 'node:dgram';
import { once } from 'node:events';
import { expect } from 'chai';
import { DatagramSocket, type Ring } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { expectCleanExit, runProgram, runScript } from '../support/child.js';
import { takeMessage } from '../support/datagrams.js';
import { isPending, rejection } from '../support/eventually.js';
import { skip } from '../support/skip.js';

const address = '127.0.0.1';

/** What a call came to, in words that can be compared. */
function outcome(call: () => unknown): unknown {
  try {
    return { returned: call() };
  } catch (error) {
    const { name, message, code, errno, syscall } = error as NodeJS.ErrnoException;
    return { name, message, code, errno, syscall };
  }
}

type Call = [method: keyof dgram.Socket & keyof DatagramSocket & string, ...parameters: unknown[]];

/** In this order on one socket each; each must come to the same with both. */
const CALLS: readonly Call[] = [
  ['setTTL', 16],
  ['setTTL', 1],
  ['setTTL', 255],
  ['setTTL', 0],
  ['setTTL', 256],
  ['setTTL', '5'],
  ['setTTL'],
  ['setMulticastTTL', 0],
  ['setMulticastTTL', 255],
  ['setMulticastTTL', 256],
  ['setMulticastTTL', null],
  ['setBroadcast', true],
  ['setBroadcast', false],
  ['setMulticastLoopback', true],
  ['setMulticastLoopback', false],
  ['setMulticastInterface', '127.0.0.1'],
  ['setMulticastInterface', '0.0.0.0'],
  ['setMulticastInterface', '192.0.2.1'],
  ['setMulticastInterface', '224.0.0.1'],
  ['setMulticastInterface', 'no address'],
  ['setMulticastInterface', 5],
  ['addMembership', '224.0.0.114', '127.0.0.1'],
  ['addMembership', '224.0.0.114', '127.0.0.1'],
  ['addMembership', '127.0.0.1'],
  ['addMembership', 'no address'],
  ['addMembership', '224.0.0.115', 'no address'],
  ['addMembership', '224.0.0.115', 5],
  ['addMembership'],
  ['dropMembership', '224.0.0.114', '127.0.0.1'],
  ['dropMembership', '224.0.0.114', '127.0.0.1'],
  ['dropMembership', ''],
  ['addSourceSpecificMembership', '127.0.0.1', '232.1.1.1', '127.0.0.1'],
  ['addSourceSpecificMembership', 'no address', '232.1.1.1', '127.0.0.1'],
  ['addSourceSpecificMembership', '127.0.0.1'],
  ['addSourceSpecificMembership'],
  ['dropSourceSpecificMembership', '127.0.0.1', '232.1.1.1', '127.0.0.1'],
  ['dropSourceSpecificMembership', '127.0.0.1', '232.1.1.1', '127.0.0.1'],
  ['dropSourceSpecificMembership', 5, '232.1.1.1'],
  ['setRecvBufferSize', 8192],
  ['getRecvBufferSize'],
  ['setSendBufferSize', 100_000],
  ['getSendBufferSize'],
  ['setRecvBufferSize', -1],
  ['setRecvBufferSize', 'x'],
  ['setRecvBufferSize', Number.NaN],
  ['setSendBufferSize', 1.5],
];

const CALLS_IPV6: readonly Call[] = [
  ['setTTL', 5],
  ['setTTL', 0],
  ['setMulticastTTL', 5],
  ['setMulticastInterface', '::%lo'],
  ['addMembership', 'ff02::1:5', '::%lo'],
  ['addMembership', 'ff02::1:5', '::%lo'],
  ['dropMembership', 'ff02::1:5', '::%lo'],
  ['dropMembership', 'ff02::1:5', '::%lo'],
  ['addMembership', '::1'],
  ['addSourceSpecificMembership', '::1', 'ff3e::5', '::%lo'],
  ['dropSourceSpecificMembership', '::1', 'ff3e::5', '::%lo'],
];

const SETTERS: readonly Call[] = [
  ['setTTL', 5],
  ['setBroadcast', true],
  ['setMulticastTTL', 5],
  ['setMulticastLoopback', true],
  ['setMulticastInterface', address],
  ['addMembership', '224.0.0.114'],
  ['dropMembership', '224.0.0.114'],
  ['addSourceSpecificMembership', address, '232.1.1.1'],
  ['getRecvBufferSize'],
  ['setSendBufferSize', 8192],
];

function callOn(socket: dgram.Socket | DatagramSocket, [method, ...parameters]: Call): unknown {
  const apply = socket[method] as (...parameters: unknown[]) => unknown;
  return outcome(() => apply.apply(socket, parameters));
}

describeOnEachBackend('DatagramSocket settings', (makeRing, { options }) => {
  const isNode = options.backend === 'node';

  for (const [family, type, host, calls] of [
    ['IPv4', 'udp4', '0.0.0.0', CALLS],
    ['IPv6', 'udp6', '::', CALLS_IPV6],
  ] as const) {
    it(`${family}: ${calls.length} calls come to what Node’s come to`, async () => {
      await using socket = await DatagramSocket.bind({ address: host, ring: makeRing() });
      const node = dgram.createSocket(type);
      node.bind(0, host);
      await once(node, 'listening');
      try {
        for (const call of calls) {
          expect(callOn(socket, call), JSON.stringify(call)).to.deep.equal(callOn(node, call));
        }
      } finally {
        node.close();
      }
    });
  }

  it('closed: ERR_SOCKET_DGRAM_NOT_RUNNING, every one', async () => {
    const socket = await DatagramSocket.bind({ address, ring: makeRing() });
    await socket.close();
    for (const call of SETTERS) {
      expect(callOn(socket, call), call[0]).to.include({ code: 'ERR_SOCKET_DGRAM_NOT_RUNNING' });
    }
  });

  const group = { address: '239.1.2.3' };

  async function bindMember(ring: Ring): Promise<DatagramSocket> {
    return DatagramSocket.bind({ reuseAddress: true, ring });
  }

  it('a group: members hear what is sent to it, and no longer once they have left', async () => {
    const ring = makeRing();
    await using member = await bindMember(ring);
    await using sender = await DatagramSocket.bind({ address, ring });
    const remote = { ...group, port: member.address.port };
    sender.setMulticastInterface(address);
    member.addMembership(group.address, address);
    await sender.send('to the group', remote);
    expect((await takeMessage(member)).data.toString()).to.equal('to the group');
    member.dropMembership(group.address, address);
    await sender.send('not heard', remote);
    await sender.send('heard', { address, port: member.address.port });
    expect((await takeMessage(member)).data.toString()).to.equal('heard');
  });

  it('a source-specific group: only the one sender is heard', async () => {
    const ring = makeRing();
    await using member = await bindMember(ring);
    await using wanted = await DatagramSocket.bind({ address: '127.0.0.3', ring });
    await using other = await DatagramSocket.bind({ address: '127.0.0.4', ring });
    const remote = { address: '232.1.2.3', port: member.address.port };
    for (const sender of [wanted, other]) sender.setMulticastInterface(address);
    member.addSourceSpecificMembership('127.0.0.3', remote.address, address);
    await other.send('not heard', remote);
    await wanted.send('heard', remote);
    const message = await takeMessage(member);
    expect([message.data.toString(), message.remote.address]).to.deep.equal(['heard', '127.0.0.3']);
    member.dropSourceSpecificMembership('127.0.0.3', remote.address, address);
    await wanted.send('gone', remote);
    expect(await isPending(member.receive())).to.equal(true);
  });

  it('setBroadcast: EACCES without it, and not with it', async () => {
    await using socket = await DatagramSocket.bind({ ring: makeRing() });
    const remote = { address: '127.255.255.255', port: socket.address.port };
    expect((await rejection(socket.send('x', remote))).code).to.equal('EACCES');
    socket.setBroadcast(true);
    await socket.send('to everybody', remote);
    expect((await takeMessage(socket)).data.toString()).to.equal('to everybody');
    socket.setBroadcast(false);
    expect((await rejection(socket.send('x', remote))).code).to.equal('EACCES');
  });

  if (isNode) {
    it('what Node has not: ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', async () => {
      const ring = makeRing();
      for (const wanted of [{ device: 'lo' }, { nonLocal: true }, { pathMtuDiscovery: 'do' }] as const) {
        const error = await rejection(DatagramSocket.bind({ address, ring, ...wanted }));
        expect(error.code).to.equal('ERR_FEATURE_UNAVAILABLE_ON_PLATFORM');
      }
      await using socket = await DatagramSocket.bind({ address, ring });
      await socket.connect(socket.address);
      for (const call of [() => socket.setPathMtuDiscovery('do'), () => socket.getPathMtu()]) {
        expect(outcome(call)).to.include({ code: 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM' });
      }
    });
    return;
  }

  it('device: nothing else is heard; one that is not there is ENODEV', async () => {
    const ring = makeRing();
    await using socket = await DatagramSocket.bind({ device: 'lo', ring });
    await socket.send('by lo', { address, port: socket.address.port });
    expect((await takeMessage(socket)).data.toString()).to.equal('by lo');
    const error = await rejection(DatagramSocket.bind({ device: 'no such device', address, ring }));
    expect([error.code, error.syscall]).to.deep.equal(['ENODEV', 'setsockopt']);
    for (const device of ['', 'x'.repeat(16), 'a\0b']) {
      const wrong = await rejection(DatagramSocket.bind({ device, ring }));
      expect(wrong.code, device).to.equal('ERR_INVALID_ARG_VALUE');
    }
  });

  it('nonLocal: binds an address of others, which is EADDRNOTAVAIL without it', async () => {
    const ring = makeRing();
    for (const foreign of ['192.0.2.1', '2001:db8::1']) {
      const error = await rejection(DatagramSocket.bind({ address: foreign, ring }));
      expect(error.code).to.equal('EADDRNOTAVAIL');
      await using socket = await DatagramSocket.bind({ address: foreign, nonLocal: true, ring });
      expect(socket.address.address).to.equal(foreign);
    }
  });

  it('pathMtuDiscovery: modes are checked, and the MTU is told of connected sockets', async () => {
    const ring = makeRing();
    for (const host of [address, '::1']) {
      await using socket = await DatagramSocket.bind({ address: host, pathMtuDiscovery: 'do', ring });
      expect(outcome(() => socket.getPathMtu())).to.include({ code: 'ERR_SOCKET_DGRAM_NOT_CONNECTED' });
      await socket.connect(socket.address);
      expect(socket.getPathMtu()).to.be.within(65_535, 65_536);
      for (const mode of ['dont', 'want', 'do', 'probe'] as const) socket.setPathMtuDiscovery(mode);
      expect(outcome(() => socket.setPathMtuDiscovery('never' as 'do'))).to.include({
        code: 'ERR_INVALID_ARG_VALUE',
      });
    }
    const wrong = await rejection(DatagramSocket.bind({ pathMtuDiscovery: 2 as unknown as 'do', ring }));
    expect(wrong.code).to.equal('ERR_INVALID_ARG_VALUE');
  });

  it('pathMtuDiscovery on a path of 1,400 bytes: never fragmented, or as ever', async function () {
    const launcher = ['unshare', '--net', 'sh', '-c', 'ip link set lo mtu 1400 up && exec "$@"', 'sh'];
    const probe = await runProgram(['true'], { launcher });
    if (probe.code !== 0) skip(this, `no network namespace to be had: ${probe.stderr.trim()}`);
    const script = `
      import { DatagramSocket, Ring } from 'ringlet';
      const ring = new Ring(${JSON.stringify(options)});
      const address = '127.0.0.1';
      const told = [];
      const bytes = Buffer.alloc(1373);
      for (const pathMtuDiscovery of ['do', 'want', 'dont']) {
        const socket = await DatagramSocket.bind({ address, pathMtuDiscovery, ring });
        await socket.connect(socket.address);
        const outcome = await socket.send(bytes).catch(({ code }) => code);
        told.push([pathMtuDiscovery, socket.getPathMtu(), outcome, await socket.send(bytes.subarray(1))]);
        await socket.close();
      }
      console.log(JSON.stringify(told));
      await ring.close();`;
    const outcome = await runScript(script, { launcher });
    expectCleanExit(outcome);
    expect(JSON.parse(outcome.stdout)).to.deep.equal([
      ['do', 1400, 'EMSGSIZE', 1372],
      ['want', 1400, 1373, 1372],
      ['dont', 1400, 1373, 1372],
    ]);
  });
});
