/** A directory of its own for every test, removed whether the test passes or not. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually.js';

export interface TemporaryDirectory {
  /** Where the running test's directory is. */
  readonly path: string;
  /** A path inside it. */
  at(name: string): string;
  /** Writes a file there with Node's own calls and returns its path. */
  file(name: string, content: string | Uint8Array): string;
  /** Makes a named pipe there and returns its path. */
  fifo(name: string): string;
}

/** False while it is not empty: what an abort has left to Node's threads may still make something in it. */
function isRemoved(path: string): boolean {
  try {
    rmSync(path, { recursive: true, force: true });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw error;
    return false;
  }
}

/** Call inside `describe`: every test of the suite finds an empty directory. */
export function temporaryDirectory(): TemporaryDirectory {
  let path = '';
  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), 'ringlet-test-'));
  });
  afterEach(async () => {
    await eventually(`${path} to be removed`, () => isRemoved(path));
  });
  return {
    get path() {
      return path;
    },
    at: (name) => join(path, name),
    file(name, content) {
      writeFileSync(join(path, name), content);
      return join(path, name);
    },
    fifo(name) {
      renameSync(newFifo(), join(path, name));
      return join(path, name);
    },
  };
}

const FIFOS_AT_ONCE = 64;
const fifos: string[] = [];
let fifoDirectory: string | undefined;

/** A named pipe that nobody has yet. Node can't make one, and a process for each would take 13 ms. */
function newFifo(): string {
  if (fifos.length === 0) {
    fifoDirectory ??= directoryUntilExit();
    const stock = mkdtempSync(join(fifoDirectory, 'stock-'));
    for (let index = 0; index < FIFOS_AT_ONCE; index += 1) fifos.push(join(stock, String(index)));
    execFileSync('mkfifo', fifos);
  }
  return fifos.pop() as string;
}

function directoryUntilExit(): string {
  const directory = mkdtempSync(join(tmpdir(), 'ringlet-fifos-'));
  process.on('exit', () => rmSync(directory, { recursive: true }));
  return directory;
}

/** Bytes that differ at every place and between seeds, so that a misplaced block shows. */
export function pattern(bytes: number, seed = 1): Buffer {
  const out = Buffer.allocUnsafe(bytes);
  let state = (seed * 2_654_435_761) >>> 0 || 1;
  for (let index = 0; index < bytes; index += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    out[index] = state >>> 24;
  }
  return out;
}
