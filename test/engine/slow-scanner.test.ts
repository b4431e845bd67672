/** Where each open and read waits for a scanner (fanotify permission events), the event loop goes on after the first. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'chai';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { needsIoUring } from '../support/backends.js';
import { expectCleanExit, runScript } from '../support/child.js';
import { within } from '../support/eventually.js';
import { python } from '../support/python.js';
import { skip } from '../support/skip.js';
import { temporaryDirectory } from '../support/temporary.js';

const PROGRAM = fileURLToPath(new URL('../../../test/support/slow-scanner.py', import.meta.url));
/** How long the scanner takes: many turns of the event loop, also on a busy machine. */
const DELAY_MS = 300;

/** In a process of its own: what has been noticed is remembered. */
const SCRIPT = `
  import { Ring } from 'ringlet';
  const directory = process.argv[1];
  const paths = Array.from({ length: 4 }, (_, index) => directory + '/file' + index);
  const [path] = paths;
  const ring = new Ring({ backend: 'io_uring' });
  const other = new Ring({ backend: 'io_uring', inlineReads: false });
  const noticing = new Ring({ backend: 'io_uring', inlineReads: process.argv[2] === 'inline' });

  // How often the event loop has come round while a call was pending.
  const turnsDuring = async (call) => {
    let turnCount = 0;
    const beat = setInterval(() => turnCount++, 1);
    await call();
    clearInterval(beat);
    return turnCount;
  };
  let unnoticedCount = 0;
  while (unnoticedCount < 10 && (await turnsDuring(() => noticing.fs.readFile(path))) < 3) unnoticedCount++;

  const handle = await ring.fs.open(path);
  const calls = {
    readFile: () => ring.fs.readFile(path),
    'readFile on another ring': () => other.fs.readFile(path),
    open: async () => (await ring.fs.open(path)).close(),
    read: () => handle.read(Buffer.alloc(4), 0, 4, 0),
    'two readFile at once': () => Promise.all(paths.slice(2).map((each) => ring.fs.readFile(each))),
    writeFile: () => ring.fs.writeFile(path, 'other'),
  };
  const turns = {};
  for (const [name, call] of Object.entries(calls)) turns[name] = await turnsDuring(call);
  await handle.close();
  console.log(JSON.stringify({ unnoticedCount, turns }));
  for (const each of [ring, other, noticing]) await each.close();
`;

/** Reads a pipe while a file is opened, when the scanner has been noticed, and prints how many threads do it. */
const PIPE_SCRIPT = `
  import { readdirSync, readFileSync } from 'node:fs';
  import { Ring } from 'ringlet';
  const [path, fifo] = process.argv.slice(1);
  const threadCount = () => {
    const ids = readdirSync('/proc/self/task');
    const names = ids.map((id) => readFileSync('/proc/self/task/' + id + '/comm', 'utf8'));
    return names.filter((name) => name.startsWith('iou-wrk-')).length;
  };
  // One thread for opens, and others for what waits for peers.
  const ring = new Ring({ backend: 'io_uring', ioWorkers: { bounded: 1 } });
  const pipe = await ring.fs.open(fifo, 'r+');
  const openFile = async () => (await ring.fs.open(path)).close();
  for (let count = 0; count < 10 && threadCount() === 0; count++) await openFile();
  const threadsBefore = threadCount();
  const reading = pipe.read(Buffer.alloc(4));
  await openFile();
  const threads = threadCount();
  await pipe.write('text');
  const { bytesRead } = await reading;
  console.log(JSON.stringify({ threadsBefore, threads, bytesRead }));
  for (const each of [pipe, ring]) await each.close();
`;

describe('Files that a slow scanner looks at first', () => {
  needsIoUring();
  const directory = temporaryDirectory();
  let scanner: ChildProcessByStdio<Writable, Readable, null>;

  beforeEach('starting the scanner', async function () {
    for (let index = 0; index < 4; index++) directory.file(`file${index}`, 'content');
    scanner = spawn(python(), [PROGRAM, directory.path, String(DELAY_MS)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const [line] = (await within('the scanner', once(scanner.stdout, 'data'))) as [Buffer];
    if (String(line).trim() !== 'ready') skip(this, `no fanotify permission events here: ${String(line)}`);
  });
  afterEach('ending the scanner', async () => {
    const ended = once(scanner, 'close');
    scanner.stdin.end();
    await within('the scanner to end', ended);
  });

  for (const how of ['inline', 'submitted']) {
    it(`a call that kept the event loop waiting, ${how}, is noticed, and those after it do not`, async () => {
      const outcome = await runScript(SCRIPT, { args: [directory.path, how] });
      expectCleanExit(outcome);
      const { unnoticedCount, turns } = JSON.parse(outcome.stdout) as {
        unnoticedCount: number;
        turns: Record<string, number>;
      };
      expect(unnoticedCount).to.be.below(10);
      for (const [name, turnCount] of Object.entries(turns)) expect(turnCount, name).to.be.at.least(3);
    });
  }

  it('a read of a pipe, for which no scanner is asked, is not begun by a kernel thread', async () => {
    const args = [directory.at('file0'), directory.fifo('fifo')];
    const outcome = await runScript(PIPE_SCRIPT, { args });
    expectCleanExit(outcome);
    expect(JSON.parse(outcome.stdout)).to.deep.equal({ threadsBefore: 1, threads: 1, bytesRead: 4 });
  });
});
