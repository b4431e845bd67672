/** The example `dns-responder` and dig, which nobody here wrote: over loopback, and between network namespaces. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect } from 'chai';
import { DnsResponder } from '../support/dns-responder.js';
import { eventually, turns, within } from '../support/eventually.js';
import { networkForSuite } from '../support/network.js';
import { Peer } from '../support/peer.js';
import { findProgram } from '../support/programs.js';
import { needsSeccomp, refusing } from '../support/refuser.js';
import { skip } from '../support/skip.js';

const PARALLEL_COUNT = 8;
const QUERIES_EACH = 20;

function needsDig(): void {
  before('finding dig', function () {
    if (findProgram('dig') === '') skip(this, 'there is no dig here (bind9-dnsutils)');
  });
}

/** A query for the address of host.example. */
function query(id: number): Buffer {
  const name = Buffer.from('\x04host\x07example\0', 'latin1');
  return Buffer.concat([
    Buffer.from([id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
    name,
    Buffer.from([0, 1, 0, 1]),
  ]);
}

/** With other bytes from `offset` on. */
function spoiled(id: number, offset: number, ...bytes: number[]): Buffer {
  const data = query(id);
  data.set(bytes, offset);
  return data;
}

/** Code of the answer: 1 for a malformed query, 4 for what is not implemented; none for what gets no answer. */
const MALFORMED: readonly (readonly [title: string, data: Buffer, code: number | undefined])[] = [
  ['nothing', Buffer.alloc(0), undefined],
  ['half a header', query(1).subarray(0, 7), undefined],
  ['an answer', spoiled(2, 2, 0x80), undefined],
  ['a header alone', query(3).subarray(0, 12), 1],
  ['no question', spoiled(4, 4, 0, 0), 1],
  ['two questions', spoiled(5, 4, 0, 2), 1],
  ['a name without an end', query(6).subarray(0, 20), 1],
  ['a label longer than the query', spoiled(7, 12, 63), 1],
  ['a name that points at itself', spoiled(8, 12, 0xc0, 12), 1],
  ['a question without a type', query(9).subarray(0, -4), 1],
  ['another operation', spoiled(10, 2, 0x28), 4],
  ['as long as can be', Buffer.concat([spoiled(11, 12, 0x40), Buffer.alloc(65_000)]), 1],
];

describe('dig and the example dns-responder', () => {
  needsDig();

  for (const backend of ['io_uring where it can be had', 'epoll'] as const) {
    describe(`over loopback, ${backend}`, () => {
      let responder: DnsResponder;

      before('starting the responder', async function () {
        if (backend === 'epoll') needsSeccomp(this);
        responder = await DnsResponder.start('127.0.0.1', 0, backend === 'epoll' ? refusing('EPERM') : []);
      });

      after('stopping it', async () => {
        await responder?.[Symbol.asyncDispose]();
      });

      it('an address, a name that is not there, a type that is not there', async () => {
        expect(await responder.dig(['host.example', '+short'])).to.equal('192.0.2.1\n');
        expect(await responder.dig(['none.example'])).to.include('status: NXDOMAIN');
        const empty = await responder.dig(['host.example', 'AAAA']);
        expect(empty).to.include('status: NOERROR').and.include('ANSWER: 0');
      });

      it('an answer too long for UDP: truncated, and whole by TCP', async () => {
        const once = await responder.dig(['long.example', 'TXT', '+ignore']);
        expect(once).to.match(/flags: qr aa tc/);
        const told = await responder.dig(['long.example', 'TXT']);
        expect(told).to.include('Truncated, retrying in TCP mode');
        expect(told.match(/^long\.example\..*TXT/gm)).to.have.length(20);
      });

      it(`${PARALLEL_COUNT} of them at once with ${QUERIES_EACH} queries each: every one is answered`, async () => {
        const names = Array.from({ length: QUERIES_EACH }, () => 'host.example');
        const digs = Array.from({ length: PARALLEL_COUNT }, () => responder.dig([...names, '+short']));
        for (const answers of await within('the digs', Promise.all(digs))) {
          expect(answers).to.equal('192.0.2.1\n'.repeat(QUERIES_EACH));
        }
      });

      it('what dig can say wrongly: refused by code', async () => {
        expect(await responder.dig(['host.example', '+header-only'])).to.include('status: FORMERR');
        expect(await responder.dig(['host.example', '+opcode=update'])).to.include('status: NOTIMP');
        expect(await responder.dig(['host.example', '+short', '+noedns'])).to.equal('192.0.2.1\n');
      });

      it('malformed queries: refused by code, or left unanswered', async () => {
        await using peer = await Peer.open();
        for (const [title, data, code] of MALFORMED) {
          const count = peer.received.length;
          await peer.send(data, responder);
          // Answers keep their order: what comes next is for this one, or for the good one behind it.
          await peer.send(query(99), responder);
          const wanted = code === undefined ? 1 : 2;
          const answers = (await peer.wait(count + wanted)).slice(count).map((each) => each.data);
          if (code !== undefined) expect((answers[0]?.[3] ?? 0) & 15, title).to.equal(code);
          expect(answers.at(-1)?.subarray(-4), title).to.deep.equal(Buffer.from([192, 0, 2, 1]));
        }
      });

      it('malformed connections: none of them disturbs another', async () => {
        const open = async (): Promise<ReturnType<typeof connect>> => {
          const socket = connect(responder.port, responder.address);
          socket.on('error', () => {});
          await once(socket, 'connect');
          return socket;
        };
        const silent = await open();
        const reset = await open();
        reset.write('\0');
        reset.resetAndDestroy();
        for (const bytes of ['', '\0', '\0\0', '\0\x05abc', '\xff\xff']) {
          const socket = await open();
          socket.resume();
          const closed = once(socket, 'close');
          socket.end(bytes, 'latin1');
          await within('the other side to end too', closed);
        }
        const slow = await open();
        let answered = 0;
        slow.on('data', (piece: Buffer) => {
          answered += piece.length;
        });
        const data = query(7);
        for (const byte of [0, data.length, ...data, 0, data.length, ...data]) {
          slow.write(Buffer.from([byte]));
          await turns(1);
        }
        await eventually('two answers', () => answered === 2 * (2 + data.length + 16));
        slow.destroy();
        silent.destroy();
        expect(await responder.dig(['host.example', '+short', '+tcp'])).to.equal('192.0.2.1\n');
      });
    });
  }

  describe('between network namespaces', () => {
    const network = networkForSuite('veth');
    const { a, b } = network;

    for (const address of [a.address, a.address6]) {
      it(`${address}: by UDP and by TCP, and many at once`, async () => {
        await using responder = await DnsResponder.start(address, 53, a.launcher);
        expect(await responder.dig(['host.example', '+short'], b.launcher)).to.equal('192.0.2.1\n');
        const long = await responder.dig(['long.example', 'TXT'], b.launcher);
        expect(long).to.include('Truncated, retrying in TCP mode').and.include('"19 x');
        const digs = Array.from({ length: 4 }, () =>
          responder.dig(['host.example', 'host.example', '+short'], b.launcher),
        );
        expect(new Set(await Promise.all(digs))).to.deep.equal(new Set(['192.0.2.1\n'.repeat(2)]));
        expect(responder.complaints).to.equal('');
      });
    }
  });
});
