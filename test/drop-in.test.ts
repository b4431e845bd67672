/** `ringlet/fs/promises`: the same names as Node's module, however it comes in; and Node's own where there is no other. */
import { createRequire } from 'node:module';
import nodePromises, { type FileHandle as NodeHandle } from 'node:fs/promises';
import * as nodeNamespace from 'node:fs/promises';
import { expect } from 'chai';
import { FileHandle, fs as ringletFs, Ring } from 'ringlet';
import fs, * as namespace from 'ringlet/fs/promises';
import { expectCleanExit, PACKAGE_ROOT, runScript } from './support/child.js';
import { describeError, outcomeOf } from './support/outcomes.js';
import { temporaryDirectory } from './support/temporary.js';

describe('ringlet/fs/promises', () => {
  const directory = temporaryDirectory();

  it('import, default and by name: exactly what Node exports, in its order', () => {
    expect(Object.keys(fs)).to.deep.equal(Object.keys(nodePromises));
    expect(Object.keys(namespace)).to.deep.equal(Object.keys(nodeNamespace));
    const differing = Object.keys(fs).filter(
      (name) => Reflect.get(fs, name) !== Reflect.get(namespace, name),
    );
    expect(differing).to.deep.equal([]);
  });

  it('require: the same object as the default import', () => {
    const required: unknown = createRequire(import.meta.url)('ringlet/fs/promises');
    expect(required).to.equal(fs);
  });

  it("fs of 'ringlet' and Ring.fs: every name of Node's, too", async () => {
    expect(ringletFs).to.include.keys(Object.keys(nodePromises));
    await using ring = new Ring();
    expect(ring.fs).to.include.keys(Object.keys(nodePromises));
  });

  it('every function has the name of its counterpart', () => {
    for (const [name, value] of Object.entries(nodePromises)) {
      if (typeof value === 'function')
        expect(Reflect.get(fs, name), name).to.have.property('name', value.name);
      else expect(Reflect.get(fs, name), name).to.equal(value);
    }
  });

  it('importing it makes no ring', async () => {
    const outcome = await runScript(`
      import { readdirSync, readlinkSync } from 'node:fs';
      const countRings = () => readdirSync('/proc/self/fd').filter((fd) => {
        try { return readlinkSync('/proc/self/fd/' + fd).includes('io_uring'); } catch { return false; }
      }).length;
      // From Node 22 on libuv has some of its own.
      const before = countRings();
      await import('ringlet/fs/promises');
      console.log(countRings() - before);
    `);
    expectCleanExit(outcome);
    expect(outcome.stdout.trim()).to.equal('0');
  });

  it('importing it, or the package, loads no backend, no queue and no module of Node that only sockets need', async () => {
    for (const name of ['ringlet/fs/promises', 'ringlet']) {
      const outcome = await runScript(`
        import { createRequire } from 'node:module';
        const before = new Set(process.moduleLoadList);
        await import('${name}');
        const added = process.moduleLoadList.filter((each) => !before.has(each));
        const { cache } = createRequire('${PACKAGE_ROOT}');
        console.log(JSON.stringify({ added, addons: Object.keys(cache).filter((path) => path.endsWith('.node')) }));
      `);
      expectCleanExit(outcome);
      const { added, addons } = JSON.parse(outcome.stdout) as { added: string[]; addons: string[] };
      const heavy = [
        'dgram',
        'net',
        'dns/promises',
        'perf_hooks',
        'worker_threads',
        'stream/web',
        'readline',
      ];
      // From 22 on Node's own util and fs bring these: stderr's colours, and the stream behind a pipe.
      const ofNode = Number.parseInt(process.versions.node, 10) >= 22 ? ['net', 'worker_threads'] : [];
      for (const each of heavy.filter((module) => !ofNode.includes(module)))
        expect(added, name).to.not.include(`NativeModule ${each}`);
      expect(addons, name).to.deep.equal([]);
    }
  });

  it("readFile, writeFile, appendFile: take a handle of Node's", async () => {
    const path = directory.at('of-node');
    const handle = await nodePromises.open(path, 'w+');
    try {
      await fs.writeFile(handle, 'one');
      await fs.appendFile(handle, 'two');
      expect(await nodePromises.readFile(path, 'utf8')).to.equal('onetwo');
    } finally {
      await handle.close();
    }
    const reader = await nodePromises.open(path);
    try {
      expect(await fs.readFile(reader, 'utf8')).to.equal('onetwo');
    } finally {
      await reader.close();
    }
  });

  it("open: a handle of ringlet's, which is one of Node's to the compiler", async () => {
    const handle: NodeHandle = await fs.open(directory.file('typed', 'x'));
    expect(handle).to.be.instanceOf(FileHandle);
    await handle.close();
  });

  it("open: a handle has every member that the running Node's has", async () => {
    const path = directory.file('members', 'x');
    const [theirs, ours] = [await nodePromises.open(path), await fs.open(path)];
    try {
      const prototype = Object.getPrototypeOf(theirs) as object;
      const names = [...Object.getOwnPropertyNames(prototype), 'close', 'on', Symbol.asyncDispose];
      const differing = names.filter(
        (name) => typeof Reflect.get(ours, name) !== typeof Reflect.get(theirs, name),
      );
      expect(differing).to.deep.equal([]);
    } finally {
      await Promise.all([theirs.close(), ours.close()]);
    }
  });

  it('readFile: a small content has memory of its own, as with Node; from `fs` it shares it', async () => {
    const path = directory.file('small', Buffer.alloc(1000, 7));
    const memoryOf = ({ byteOffset, buffer }: Buffer): number[] => [byteOffset, buffer.byteLength];
    for (const read of [await fs.readFile(path), await nodePromises.readFile(path)]) {
      expect(memoryOf(read)).to.deep.equal([0, 1000]);
    }
    expect(memoryOf(await ringletFs.readFile(path, { pooled: false }))).to.deep.equal([0, 1000]);
  });

  it('readFile: what only looks like a handle is refused as Node refuses it', async () => {
    const ours = describeError(await outcomeOf(fs, ['readFile', { fd: 0 }]));
    expect(ours).to.include({ code: 'ERR_INVALID_ARG_TYPE' });
    expect(ours).to.deep.equal(describeError(await outcomeOf(nodePromises, ['readFile', { fd: 0 }])));
  });

  it("readdir, access, cp and others: Node's results, and an abort rejects", async () => {
    directory.file('here', 'x');
    expect(await fs.readdir(directory.path)).to.include('here');
    await fs.access(directory.at('here'));
    await ringletFs.access(directory.at('here'), undefined, { signal: new AbortController().signal });
    const aborted = AbortSignal.abort('enough');
    const calls = [
      ringletFs.access(directory.path, 0, { signal: aborted }),
      ringletFs.rm(directory.at('here'), { signal: aborted }),
      ringletFs.truncate(directory.at('here'), 0, { signal: aborted }),
    ];
    for (const call of calls) {
      const error = await call.then(
        () => undefined,
        (reason: NodeJS.ErrnoException) => reason,
      );
      expect(error).to.include({ name: 'AbortError', code: 'ABORT_ERR', cause: 'enough' });
    }
    expect(await fs.readFile(directory.at('here'), 'utf8')).to.equal('x');
  });
});
