/** Which thread of an SQ-poll group a ring joins, and which CPU a thread is given, as rings come and go. */
import { expect } from 'chai';
import type { Ring } from 'ringlet';
import { frameRings } from '../support/backends.js';
import { skip } from '../support/skip.js';
import { absentCpu, cpusAllowed } from '../support/sq-poll.js';

const group = 'load test';

describe('SQ-poll groups, load', () => {
  const makeRing = frameRings({});
  const make = (more: { threads?: number; cpus?: readonly number[] }): Ring =>
    makeRing({ backend: 'io_uring', sqPoll: { group, idleMs: 10, ...more } });
  const threadOf = (ring: Ring): number | undefined => ring.profile.sqPoll?.threadIndex;

  it('five rings over two threads are three and two', () => {
    const threads = Array.from({ length: 5 }, () => threadOf(make({ threads: 2 })));
    expect(threads.filter((thread) => thread === 0)).to.have.length(3);
    expect(threads.filter((thread) => thread === 1)).to.have.length(2);
  });

  it('a thread that has lost its rings gets the next one', async () => {
    const rings = Array.from({ length: 4 }, () => make({ threads: 2 }));
    for (const ring of rings) if (threadOf(ring) === 1) await ring.close();
    expect(threadOf(make({ threads: 2 }))).to.equal(1);
  });

  it('churn: two threads never share a CPU while one of the list is free', async function () {
    const cpus = cpusAllowed('self').slice(0, 2);
    if (cpus.length < 2) skip(this, 'this process may use one CPU only');
    let [first, second] = [make({ threads: 2, cpus }), make({ threads: 2, cpus })];
    for (let round = 0; round < 6; round += 1) {
      expect(new Set([first, second].map(({ profile }) => profile.sqPoll?.cpu))).to.deep.equal(new Set(cpus));
      if (round % 2 === 0) {
        await first.close();
        first = make({ threads: 2, cpus });
      } else {
        await second.close();
        second = make({ threads: 2, cpus });
      }
    }
  });

  it('after a founding that failed the next one’s terms are honoured', () => {
    expect(() => make({ threads: 3, cpus: [absentCpu()] })).to.throw(/cpu/i);
    const cpu = cpusAllowed('self')[0] as number;
    expect(make({ threads: 1, cpus: [cpu] }).profile.sqPoll).to.deep.include({ threadIndex: 0, cpu });
  });
});
