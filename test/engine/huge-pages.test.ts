/** `receiveBuffers.hugePages`, as the kernel accounts for the pool's memory (proc_pid_smaps(5)). */
import { binding } from '#ringlet/native/binding.js';
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { DatagramSocket } from 'ringlet';
import { CONFIGURATIONS, frameRings } from '../support/backends.js';
import { numberedRange, take } from '../support/datagrams.js';
import { eventually, turns, within } from '../support/eventually.js';
import { Peer } from '../support/peer.js';
import { skip } from '../support/skip.js';

const SETTING = '/sys/kernel/mm/transparent_hugepage/enabled';
const HUGE_PAGE_KIB = 2048;

interface Mapping {
  title: string;
  isEligible: boolean;
  isAdvised: boolean;
  hugeKib: number;
}

/** The mapping that an address lies in. */
function mappingOf(address: number): Mapping {
  let mapping: Mapping | undefined;
  for (const line of readFileSync('/proc/self/smaps', 'utf8').split('\n')) {
    const [, begin, end] = /^([0-9a-f]+)-([0-9a-f]+) /.exec(line) ?? [];
    if (begin !== undefined && end !== undefined) {
      if (mapping) return mapping;
      const isIts = Number.parseInt(begin, 16) <= address && address < Number.parseInt(end, 16);
      mapping = isIts ? { title: line, isEligible: false, isAdvised: false, hugeKib: 0 } : undefined;
    }
    if (mapping === undefined) continue;
    const [, name, value = ''] = /^(\w+):\s*(.*)$/.exec(line) ?? [];
    if (name === 'THPeligible') mapping.isEligible = value.trim() === '1';
    if (name === 'AnonHugePages') mapping.hugeKib = Number.parseInt(value, 10);
    if (name === 'VmFlags') mapping.isAdvised = value.split(' ').includes('hg');
  }
  if (mapping) return mapping;
  throw new Error(`nothing is mapped at ${address}`);
}

for (const { title, options } of CONFIGURATIONS) {
  if (options.backend !== 'io_uring') continue;

  describe(`Huge pages of receive buffers [${title}]`, () => {
    const makeRing = frameRings({ ...options, receiveBuffers: { count: 512, bytes: 4096, hugePages: true } });

    before(function () {
      let setting = 'absent';
      try {
        setting = /\[(\w+)\]/.exec(readFileSync(SETTING, 'utf8'))?.[1] ?? setting;
      } catch {
        // As good as off.
      }
      if (setting === 'never' || setting === 'absent')
        skip(this, `transparent huge pages are ${setting} here`);
    });

    it('memory that an allocator has had before is on huge pages, too', async () => {
      // Freed again, blocks of this size stay with the allocator, with the small pages that they lie on.
      setFlagsFromString('--expose-gc');
      const collect = runInNewContext('gc') as () => void;
      for (let round = 0; round < 10; round += 1) {
        for (let index = 0; index < 4; index += 1)
          new Uint8Array(new SharedArrayBuffer(4_500_000 + index)).fill(1);
        collect();
        await turns(2);
      }
      await expectHugePages();
    });

    it('the pool is eligible for them, and lies on them once messages have come', () => expectHugePages());

    async function expectHugePages(): Promise<void> {
      const ring = makeRing();
      await using socket = await DatagramSocket.bind({
        address: '127.0.0.1',
        ring,
        receiveBufferBytes: 1 << 22,
      });
      await using peer = await Peer.open();
      const payloads = numberedRange(0, 64, 1000);
      const exchange = async (): Promise<Mapping> => {
        for (const payload of payloads) await peer.send(payload, socket.address);
        expect(await take(socket, payloads.length)).to.deep.equal(payloads);
        await peer.send('leased', socket.address);
        const { value } = await within('a message', socket.messages({ lease: true }).next());
        const mapping = mappingOf(binding().addressOf(value.data));
        value.release();
        return mapping;
      };
      const { title: where, isEligible, isAdvised } = await exchange();
      expect([isEligible, isAdvised], where).to.deep.equal([true, true]);
      await eventually('a huge page of the pool', async () => (await exchange()).hugeKib >= HUGE_PAGE_KIB);
    }
  });
}
