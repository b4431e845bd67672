/** A FIFO that lies where files may stall: its reads do not wait for the file system, and no kernel thread begins them. */
import { expect } from 'chai';
import { needsIoUring } from '../support/backends.js';
import { expectCleanExit, runScript } from '../support/child.js';
import { stallingFs } from '../support/stalling-fs.js';

/** In a process of its own, whose threads it counts. */
const SCRIPT = `
  import { readdirSync, readFileSync } from 'node:fs';
  import { Ring } from 'ringlet';
  const threadCount = () => {
    const ids = readdirSync('/proc/self/task');
    const names = ids.map((id) => readFileSync('/proc/self/task/' + id + '/comm', 'utf8'));
    return names.filter((name) => name.startsWith('iou-wrk-')).length;
  };
  // One thread for opens, and others for what waits for peers.
  const ring = new Ring({ backend: 'io_uring', ioWorkers: { bounded: 1 } });
  const open = () => ring.fs.open(process.argv[1], 'r+');
  const pipe = await open();
  const threadsBefore = threadCount();
  const reading = pipe.read(Buffer.alloc(4));
  const other = await open();
  const threads = threadCount();
  await other.write('text');
  const { bytesRead } = await reading;
  console.log(JSON.stringify({ threadsBefore, threads, bytesRead }));
  for (const each of [pipe, other, ring]) await each.close();
`;

describe('a FIFO on a file system that may stall', () => {
  needsIoUring();
  const stalling = stallingFs();

  it('a read that waits for a writer is not begun by a kernel thread', async () => {
    const outcome = await runScript(SCRIPT, { args: [stalling.at('fifo')] });
    expectCleanExit(outcome);
    expect(JSON.parse(outcome.stdout)).to.deep.equal({ threadsBefore: 1, threads: 1, bytesRead: 4 });
  });
});
