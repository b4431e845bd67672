/** Timers of a process in a time namespace: io_uring takes absolute times on the machine's clock, not on its own. */
import { execFileSync } from 'node:child_process';
import { expect } from 'chai';
import { needsIoUring } from '../support/backends.js';
import { runScript } from '../support/child.js';
import { skip } from '../support/skip.js';

/** A program that runs another one whose monotonic clock is that much ahead, or behind. */
function inTimeNamespace(seconds: number): string[] {
  return [
    'unshare',
    '--time',
    '--monotonic',
    `${seconds}`,
    '--boottime',
    `${seconds}`,
    '--fork',
    '--kill-child',
  ];
}

const SCRIPT = `
  import { execFileSync } from 'node:child_process';
  import { mkdtempSync, rmSync } from 'node:fs';
  import { tmpdir } from 'node:os';
  import { join } from 'node:path';
  import { Ring } from 'ringlet';
  const ring = new Ring({ backend: 'io_uring', sqPoll: process.argv[1] === 'sqPoll' });
  const startMs = performance.now();
  await ring.sleep(200);
  const tookMs = performance.now() - startMs;
  let ticks = 0;
  for await (const _tick of ring.interval(20)) if (++ticks === 3) break;
  const { timerRequests } = ring.stats();
  const folder = mkdtempSync(join(tmpdir(), 'ringlet-'));
  execFileSync('mkfifo', [join(folder, 'fifo')]);
  const file = await ring.fs.open(join(folder, 'fifo'), 'r+');
  const [read] = await ring.chain((chain) => [chain.read(file, Buffer.alloc(1))], { timeoutMs: 100 });
  await file.close();
  await ring.close();
  rmSync(folder, { recursive: true });
  console.log(JSON.stringify({ tookMs, timerRequests, code: read.reason?.code }));`;

describe('A ring in a time namespace', () => {
  needsIoUring();

  before(function () {
    const [program = '', ...rest] = inTimeNamespace(1000);
    try {
      execFileSync(program, [...rest, 'true'], { stdio: 'pipe' });
    } catch (error) {
      skip(this, `no time namespace can be made here: ${(error as Error).message}`);
    }
  });

  for (const kind of ['loop', 'sqPoll']) {
    for (const [title, seconds] of [
      ['ahead of', 1000],
      ['behind', -1],
    ] as const) {
      it(`${kind}: timers go off once, and in time, on a clock ${title} the machine's`, async () => {
        const { stdout, stderr } = await runScript(SCRIPT, {
          args: [kind],
          launcher: inTimeNamespace(seconds),
        });
        expect(stderr).to.equal('');
        const { tookMs, timerRequests, code } = JSON.parse(stdout);
        expect(tookMs).to.be.at.least(200);
        expect(timerRequests, 'one a wait').to.equal(4);
        expect(code).to.equal('ETIMEDOUT');
      });
    }
  }
});
