/** AbortSignal on file operations: before, during and after, and that the outcome tells the truth. */
import { expect } from 'chai';
import { closeSync, existsSync, openSync, readFileSync, writeSync } from 'node:fs';
import { describeOnEachBackend } from '../support/backends.js';
import { expectCleanExit, runScript } from '../support/child.js';
import { isPending, rejection, rejections, within } from '../support/eventually.js';
import { expectAbort } from '../support/outcomes.js';
import { temporaryDirectory } from '../support/temporary.js';

describeOnEachBackend('AbortSignal of a file operation', (makeRing, configuration) => {
  const directory = temporaryDirectory();
  const reason = new Error('no longer wanted');

  it('aborted before: every Fs call rejects with AbortError and does nothing', async () => {
    const { fs } = makeRing();
    const signal = AbortSignal.abort(reason);
    const path = directory.file('a', 'content');
    const calls = {
      open: fs.open(directory.at('new'), 'w', 0o666, { signal }),
      readFile: fs.readFile(path, { signal }),
      writeFile: fs.writeFile(path, 'changed', { signal }),
      appendFile: fs.appendFile(path, 'changed', { signal }),
      stat: fs.stat(path, { signal }),
      rename: fs.rename(path, directory.at('new'), { signal }),
      unlink: fs.unlink(path, { signal }),
      mkdir: fs.mkdir(directory.at('dir'), { signal }),
      mkdirRecursive: fs.mkdir(directory.at('dir/deep'), { recursive: true, signal }),
    };
    for (const [, error] of await rejections(calls)) expectAbort(error, reason);
    expect(readFileSync(path, 'utf8')).to.equal('content');
    expect([existsSync(directory.at('new')), existsSync(directory.at('dir'))]).to.deep.equal([false, false]);
  });

  it('aborted before: every FileHandle call rejects with AbortError and does nothing', async () => {
    const { fs } = makeRing();
    const signal = AbortSignal.abort(reason);
    const path = directory.file('a', 'content');
    await using handle = await fs.open(path, 'r+');
    const buffer = Buffer.alloc(4);
    const calls = {
      readWithOptions: handle.read({ buffer, signal }),
      readWithBuffer: handle.read(buffer, { signal }),
      write: handle.write(Buffer.from('xx'), { signal }),
      readv: handle.readv([buffer], 0, { signal }),
      writev: handle.writev([Buffer.from('xx')], 0, { signal }),
      stat: handle.stat({ signal }),
      sync: handle.sync({ signal }),
      datasync: handle.datasync({ signal }),
      truncate: handle.truncate(0, { signal }),
      readFile: handle.readFile({ signal }),
      writeFile: handle.writeFile('xx', { signal }),
    };
    for (const [, error] of await rejections(calls)) expectAbort(error, reason);
    expect(readFileSync(path, 'utf8')).to.equal('content');
    expect(await handle.readFile('utf8')).to.equal('content');
  });

  it('aborted during: a read of an empty FIFO rejects, with the reason as cause', async () => {
    const { fs } = makeRing();
    const fifo = directory.fifo('fifo');
    const handle = await fs.open(fifo, 'r+');
    const controller = new AbortController();
    const reading = handle.read(Buffer.alloc(10), { signal: controller.signal });
    expect(await isPending(reading)).to.equal(true);
    controller.abort(reason);
    expectAbort(await rejection(reading), reason);
    // The node backend's thread may still sit in the read; this lets it go.
    const writer = openSync(fifo, 'r+');
    writeSync(writer, 'x');
    await within('closing the handle', handle.close());
    closeSync(writer);
  });

  // A read on Node's thread pool cannot be taken back: a stated difference of that backend.
  const itWhereReadsCancel = configuration.title === 'node' ? (): void => {} : it;

  itWhereReadsCancel('aborted during: what comes later is not swallowed by the aborted read', async () => {
    const { fs } = makeRing();
    const fifo = directory.fifo('fifo');
    await using handle = await fs.open(fifo, 'r+');
    const controller = new AbortController();
    const aborted = Array.from({ length: 20 }, () =>
      rejection(handle.read(Buffer.alloc(4), { signal: controller.signal })),
    );
    expect(await isPending(aborted[0] as Promise<unknown>)).to.equal(true);
    controller.abort(reason);
    for (const error of await Promise.all(aborted)) expectAbort(error, reason);
    await handle.write('late');
    const { bytesRead, buffer } = await within('the later read', handle.read(Buffer.alloc(4)));
    expect(buffer.toString('latin1', 0, bytesRead)).to.equal('late');
  });

  it('AbortSignal.timeout: the cause is its TimeoutError', async () => {
    const { fs } = makeRing();
    const fifo = directory.fifo('fifo');
    const handle = await fs.open(fifo, 'r+');
    const error = await rejection(handle.read({ signal: AbortSignal.timeout(5) }));
    expect([error.name, error.code]).to.deep.equal(['AbortError', 'ABORT_ERR']);
    expect((error.cause as Error).name).to.equal('TimeoutError');
    const writer = openSync(fifo, 'r+');
    writeSync(writer, 'x');
    await handle.close();
    closeSync(writer);
  });

  it('aborted after: changes nothing, and no listener stays on the signal', async () => {
    const { fs } = makeRing();
    const path = directory.file('a', 'content');
    const controller = new AbortController();
    await using handle = await fs.open(path, 'r', 0o666, { signal: controller.signal });
    // Node warns of a leak at the eleventh listener; it would end up as a failure here.
    const warnings: Error[] = [];
    const note = (warning: Error): number => warnings.push(warning);
    process.on('warning', note);
    for (let round = 0; round < 50; round += 1) {
      await handle.read(Buffer.alloc(1), { signal: controller.signal, position: 0 });
    }
    controller.abort(reason);
    expect((await handle.read(Buffer.alloc(7), 0, 7, 0)).buffer.toString()).to.equal('content');
    process.off('warning', note);
    expect(warnings).to.deep.equal([]);
  });

  it('writeFile: aborted between two parts it stops there', async () => {
    const { fs } = makeRing();
    const controller = new AbortController();
    const parts = (function* (): Generator<string> {
      yield 'first';
      controller.abort(reason);
      yield 'second';
      yield 'third';
    })();
    expectAbort(
      await rejection(fs.writeFile(directory.at('out'), parts, { signal: controller.signal })),
      reason,
    );
    expect(readFileSync(directory.at('out'), 'utf8')).to.not.contain('third');
  });

  it('readFile of a FIFO without data: rejects and closes it', async () => {
    const { fs } = makeRing();
    const fifo = directory.fifo('fifo');
    const writer = openSync(fifo, 'r+');
    const controller = new AbortController();
    const reading = fs.readFile(fifo, { signal: controller.signal });
    expect(await isPending(reading)).to.equal(true);
    controller.abort(reason);
    if (configuration.title === 'node') writeSync(writer, 'x');
    expectAbort(await rejection(reading), reason);
    closeSync(writer);
  });

  it('open of a FIFO that nobody writes: the abort ends it and the process may exit', async () => {
    const fifo = directory.fifo('fifo');
    // A thread of Node's pool cannot be called back from open(2): there the other end has to come.
    const release = configuration.title === 'node' ? `openSync(process.argv[1], 'r+');` : '';
    const script = `
      import { openSync } from 'node:fs';
      import { Ring } from 'ringlet';
      const ring = new Ring(${JSON.stringify(configuration.options)});
      const signal = AbortSignal.timeout(20);
      const error = await ring.fs.open(process.argv[1], 'r', 0o666, { signal }).catch((e) => e);
      console.log(error.name, error.code);
      await ring.close();
      console.log('closed');
      ${release}
    `;
    const outcome = await runScript(script, { args: [fifo] });
    expectCleanExit(outcome);
    expect(outcome.stdout).to.equal('AbortError ABORT_ERR\nclosed\n');
  });
});
