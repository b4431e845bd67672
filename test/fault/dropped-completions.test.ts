/**
 * Completions that the kernel itself drops. It keeps what finds no room in the queue, but needs memory for
 * that; a memory cgroup at its limit, where nothing may be killed for it, has none (cgroups(7), version 1).
 */
import { expect } from 'chai';
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { needsIoUring } from '../support/backends.js';
import { expectCleanExit, runScript } from '../support/child.js';
import { eventually, pause } from '../support/eventually.js';
import { skip } from '../support/skip.js';
import { temporaryDirectory } from '../support/temporary.js';

const GROUP = `/sys/fs/cgroup/memory/ringlet-test-${process.pid}`;
const POLLS = 30_000;
const ATTEMPTS = 6;
/** Room for what the process itself needs for the moment, but not for that many completions of 32 bytes. */
const ROOM_BYTES = 128 * 1024;
const PLENTY_BYTES = 1 << 30;

const SCRIPT = `
  import { closeSync, constants, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
  import { Ring } from 'ringlet';
  const [, group, path] = process.argv;
  const fifo = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  const sizes = { submissionEntries: 8, completionEntries: 8, completionEntriesMin: 8, completionEntriesMax: 8 };
  const ring = new Ring({ backend: 'io_uring', ...sizes, inFlightMax: 65536 });
  const tally = {};
  const note = (outcome) => { tally[outcome] = (tally[outcome] ?? 0) + 1; };
  const polls = Array.from({ length: ${POLLS} }, () => {
    return ring.poll(fifo, ['readable']).then(() => note('fulfilled'), ({ code, syscall }) => note(code + ' ' + syscall));
  });
  while (ring.stats().submitted < ${POLLS}) await new Promise((resolve) => setTimeout(resolve, 1));
  writeFileSync(group + '/cgroup.procs', String(process.pid));
  const used = Number(readFileSync(group + '/memory.usage_in_bytes', 'utf8'));
  writeFileSync(group + '/memory.limit_in_bytes', String(used + ${ROOM_BYTES}));
  // All of them are ready at once, in the next call into the kernel.
  writeSync(fifo, 'x');
  await Promise.all(polls);
  const refused = await ring.poll(fifo, ['readable']).catch(({ code }) => code);
  await ring.close();
  closeSync(fifo);
  console.log(JSON.stringify({ tally, refused }));
`;

describe('Completions dropped by the kernel (EBADR)', () => {
  needsIoUring();
  const directory = temporaryDirectory();
  let hasGroup = false;

  before(function () {
    try {
      mkdirSync(GROUP);
      hasGroup = true;
      writeFileSync(`${GROUP}/memory.oom_control`, '1');
    } catch (error) {
      skip(this, `no memory cgroup of version 1 to make: ${(error as Error).message}`);
    }
  });

  after(async () => {
    if (!hasGroup) return;
    await eventually('the end of the cgroup', () => {
      try {
        rmdirSync(GROUP);
        return true;
      } catch {
        return false;
      }
    });
  });

  const read = (file: string): string => readFileSync(`${GROUP}/${file}`, 'utf8');

  /**
   * Gives the group memory again once it has been short for a while. It may go on asking: a thread that the engine
   * has for its own work tries the same page again and again.
   */
  async function liftWhenStuck(isOver: () => boolean): Promise<void> {
    let shortCount = 0;
    while (!isOver()) {
      await pause(20);
      shortCount = /under_oom 1/.test(read('memory.oom_control')) ? shortCount + 1 : 0;
      if (shortCount > 25) writeFileSync(`${GROUP}/memory.limit_in_bytes`, String(PLENTY_BYTES));
    }
  }

  it('the calls that they were for reject with EBADR, the others fulfil, and the ring closes', async function () {
    const path = directory.fifo('fifo');
    const tallies: Record<string, number>[] = [];
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      writeFileSync(`${GROUP}/memory.limit_in_bytes`, String(PLENTY_BYTES));
      let isOver = false;
      const running = runScript(SCRIPT, { args: [GROUP, path] }).finally(() => {
        isOver = true;
      });
      await liftWhenStuck(() => isOver);
      const outcome = await running;
      expectCleanExit(outcome);
      const { tally, refused } = JSON.parse(outcome.stdout) as {
        tally: Record<string, number>;
        refused: string | string[];
      };
      tallies.push(tally);
      const { fulfilled = 0, 'EBADR io_uring_enter': dropped = 0, ...others } = tally;
      expect(others).to.deep.equal({});
      expect(fulfilled + dropped).to.equal(POLLS);
      // The kernel may have got by with what it had.
      if (dropped === 0) continue;
      expect(refused).to.equal('ERR_RINGLET_CLOSED');
      return;
    }
    skip(this, `the kernel dropped nothing in ${ATTEMPTS} attempts: ${JSON.stringify(tallies)}`);
  });
});
