/** A mounted file system that stalls (stalling-fs.py), for tests of what hangs on one. Needs FUSE and the right to mount. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { within } from './eventually.js';
import { skip } from './skip.js';
import { python } from './python.js';

const PROGRAM = fileURLToPath(new URL('../../../test/support/stalling-fs.py', import.meta.url));

export interface StallingFs {
  /** A path inside it; the program says which names stall how. */
  at(name: string): string;
  /** Resolves when one more request has begun to wait there. */
  held(): Promise<void>;
  /** Fails what waits, and everything from now on. */
  release(): void;
}

/** Call inside `describe`: every test finds a new one mounted, or is skipped aloud. */
export function stallingFs(): StallingFs {
  let directory: string;
  let child: ChildProcessByStdio<Writable, Readable, null>;
  let lines: AsyncIterator<string>;

  const nextLine = async (): Promise<string> => {
    const { value, done } = await within('a line of the stalling file system', lines.next());
    if (done) throw new Error('the stalling file system has ended');
    return value;
  };

  before('starting the stalling file system', () => {
    directory = mkdtempSync(join(tmpdir(), 'ringlet-stalling-'));
    child = spawn(python(), [PROGRAM, directory], { stdio: ['pipe', 'pipe', 'inherit'] });
    lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  });
  beforeEach('mounting', async function () {
    child.stdin.write('mount\n');
    const line = await nextLine();
    if (line !== 'mounted') skip(this, `no FUSE file system can be mounted here: ${line}`);
  });
  afterEach('unmounting', async () => {
    child.stdin.write('unmount\n');
    // A test need not have waited for all that has begun to wait.
    for (let line = ''; line !== 'unmounted'; line = await nextLine());
  });
  after('ending the stalling file system', async () => {
    const exited = once(child, 'close');
    child.stdin.end();
    await within('the stalling file system to end', exited);
    rmdirSync(directory);
  });

  return {
    at: (name) => join(directory, name),
    async held() {
      const line = await nextLine();
      if (!line.startsWith('held')) throw new Error(`the stalling file system says '${line}'`);
    },
    release() {
      child.stdin.write('release\n');
    },
  };
}
