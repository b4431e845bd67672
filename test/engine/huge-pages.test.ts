/** `receiveBuffers.hugePages`, as the kernel accounts for the pool's memory (proc_pid_smaps(5)). */
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { DatagramSocket } from 'ringlet';
import { CONFIGURATIONS, frameRings } from '../support/backends.js';
import { numberedRange, take } from '../support/datagrams.js';
import { eventually } from '../support/eventually.js';
import { Peer } from '../support/peer.js';
import { skip } from '../support/skip.js';

const SETTING = '/sys/kernel/mm/transparent_hugepage/enabled';
const HUGE_PAGE_KIB = 2048;

interface Mapping {
  title: string;
  isEligible: boolean;
  hugeKib: number;
}

/** The process's mappings for which huge pages were asked for: VmFlags with hg. */
function advisedMappings(): Mapping[] {
  const mappings: Mapping[] = [];
  let mapping: Mapping = { title: '', isEligible: false, hugeKib: 0 };
  for (const line of readFileSync('/proc/self/smaps', 'utf8').split('\n')) {
    if (/^[0-9a-f]+-[0-9a-f]+ /.test(line)) mapping = { title: line, isEligible: false, hugeKib: 0 };
    const [, name, value = ''] = /^(\w+):\s*(.*)$/.exec(line) ?? [];
    if (name === 'THPeligible') mapping.isEligible = value.trim() === '1';
    if (name === 'AnonHugePages') mapping.hugeKib = Number.parseInt(value, 10);
    if (name === 'VmFlags' && value.split(' ').includes('hg')) mappings.push(mapping);
  }
  return mappings;
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

    it('the pool is eligible for them, and lies on them once messages have come', async () => {
      const others = new Set(advisedMappings().map((mapping) => mapping.title));
      const ring = makeRing();
      await using socket = await DatagramSocket.bind({
        address: '127.0.0.1',
        ring,
        receiveBufferBytes: 1 << 22,
      });
      await using peer = await Peer.open();
      const pool = (): Mapping[] => advisedMappings().filter((mapping) => !others.has(mapping.title));
      const payloads = numberedRange(0, 64, 1000);
      const exchange = async (): Promise<void> => {
        for (const payload of payloads) await peer.send(payload, socket.address);
        expect(await take(socket, payloads.length)).to.deep.equal(payloads);
      };
      await exchange();
      expect(pool().length).to.be.greaterThan(0);
      for (const mapping of pool()) expect(mapping.isEligible, mapping.title).to.equal(true);
      await eventually('a huge page of the pool', async () => {
        await exchange();
        return pool().some(({ hugeKib }) => hugeKib >= HUGE_PAGE_KIB);
      });
    });
  });
}
