/** On a file system that does not answer, the event loop keeps turning, and an abort ends each call. */
import { expect } from 'chai';
import { existsSync, rmSync, symlinkSync } from 'node:fs';
import type { Chain, FileHandle, Fs } from 'ringlet';
import { describeOnEachBackend, needsOfRing } from '../support/backends.js';
import { isPending, rejection, within } from '../support/eventually.js';
import { chainTimedOutAt } from '../support/outcomes.js';
import { skip } from '../support/skip.js';
import { type StallingFs, stallingFs } from '../support/stalling-fs.js';
import { temporaryDirectory } from '../support/temporary.js';

type Options = { signal: AbortSignal };
type PathCall = (fs: Fs, stalling: StallingFs, options: Options) => Promise<unknown>;
type HandleCall = (handle: FileHandle, options: Options) => Promise<unknown>;

const PATH_CALLS: Readonly<Record<string, PathCall>> = {
  'stat, while the path is looked up': (fs, { at }, options) => fs.stat(at('stall-lookup'), options),
  'stat, while the attributes are asked for': (fs, { at }, options) => fs.stat(at('stall-getattr'), options),
  lstat: (fs, { at }, options) => fs.lstat(at('stall-lookup'), options),
  open: (fs, { at }, options) => fs.open(at('stall-open'), 'r', null, options),
  'readFile, while the file is opened': (fs, { at }, options) => fs.readFile(at('stall-open'), options),
  'readFile, while the file is read': (fs, { at }, options) => fs.readFile(at('stall-transfer'), options),
  'writeFile, while the file is truncated': (fs, { at }, options) =>
    fs.writeFile(at('stall-transfer'), 'x', options),
  'writeFile, while the file is written': (fs, { at }, options) =>
    fs.writeFile(at('stall-transfer'), 'x', { ...options, flag: 'r+' }),
  appendFile: (fs, { at }, options) => fs.appendFile(at('stall-transfer'), 'x', options),
  mkdir: (fs, { at }, options) => fs.mkdir(at('new'), options),
  'mkdir, recursive': (fs, { at }, options) => fs.mkdir(at('new/one'), { ...options, recursive: true }),
  unlink: (fs, { at }, options) => fs.unlink(at('stall-transfer'), options),
  rename: (fs, { at }, options) => fs.rename(at('stall-transfer'), at('other'), options),
  rmdir: (fs, { at }, options) => fs.rmdir(at('stall-directory'), options),
  getxattr: (fs, { at }, options) => fs.getxattr(at('stall-lookup'), 'user.a', options),
  'getxattr of a link': (fs, { at }, options) =>
    fs.getxattr(at('stall-lookup'), 'user.a', { ...options, followSymlinks: false }),
  setxattr: (fs, { at }, options) => fs.setxattr(at('stall-lookup'), 'user.a', '', options),
  listxattr: (fs, { at }, options) => fs.listxattr(at('stall-lookup'), options),
  removexattr: (fs, { at }, options) => fs.removexattr(at('stall-lookup'), 'user.a', options),
  access: (fs, { at }, options) => fs.access(at('stall-lookup'), 0, options),
  readdir: (fs, { at }, options) => fs.readdir(at('stall-directory'), options as object),
  realpath: (fs, { at }, options) => fs.realpath(at('stall-lookup'), options as object),
  copyFile: (fs, { at }, options) => fs.copyFile(at('stall-open'), at('other'), 0, options),
  rm: (fs, { at }, options) => fs.rm(at('stall-transfer'), options),
};

type ChainPart = (chain: Chain, stalling: StallingFs, handle: FileHandle) => unknown;

const CHAIN_PARTS: Readonly<Record<string, ChainPart>> = {
  open: (chain, { at }) => chain.open(at('stall-open')),
  stat: (chain, { at }) => chain.stat(at('stall-getattr')),
  rename: (chain, { at }) => chain.rename(at('stall-transfer'), at('other')),
  mkdir: (chain, { at }) => chain.mkdir(at('new')),
  unlink: (chain, { at }) => chain.unlink(at('stall-transfer')),
  datasync: (chain, _stalling, handle) => chain.datasync(handle),
  truncate: (chain, _stalling, handle) => chain.truncate(handle, 10),
  read: (chain, _stalling, handle) => chain.read(handle, buffer()),
  write: (chain, _stalling, handle) => chain.write(handle, buffer()),
};

const buffer = (): Buffer => Buffer.alloc(8);
const many = () => [0, 8, 16].map((position) => ({ buffer: buffer(), position }));
const HANDLE_CALLS: Readonly<Record<string, HandleCall>> = {
  'FileHandle.read': (handle, options) => handle.read(buffer(), options),
  'FileHandle.read, at a position': (handle, options) => handle.read(buffer(), { ...options, position: 10 }),
  'FileHandle.readv': (handle, options) => handle.readv([buffer()], null, options),
  'FileHandle.readMany': (handle, options) => handle.readMany(many(), options),
  'FileHandle.writeMany': (handle, options) => handle.writeMany(many(), options),
  'FileHandle.write': (handle, options) => handle.write(buffer(), options),
  'FileHandle.writev': (handle, options) => handle.writev([buffer(), buffer()], 3, options),
  'FileHandle.sync': (handle, options) => handle.sync(options),
  'FileHandle.datasync': (handle, options) => handle.datasync(options),
  'FileHandle.truncate': (handle, options) => handle.truncate(10, options),
  'FileHandle.readFile': (handle, options) => handle.readFile(options),
  'FileHandle.chmod': (handle, options) => handle.chmod(0o600, options),
  'FileHandle.utimes': (handle, options) => handle.utimes(1, 1, options),
};

describeOnEachBackend('a file system that stalls', (makeRing) => {
  const stalling = stallingFs();
  const directory = temporaryDirectory();

  /** Turns of the event loop: none would come while it is blocked. */
  async function expectAbortable(call: (options: Options) => Promise<unknown>): Promise<void> {
    const controller = new AbortController();
    const failure = rejection(call({ signal: controller.signal }));
    await stalling.held();
    expect(await isPending(failure, 20)).to.equal(true);
    controller.abort('enough');
    expect(await within('the call to end', failure)).to.include({ name: 'AbortError', cause: 'enough' });
  }

  for (const [title, call] of Object.entries(PATH_CALLS)) {
    it(`${title}: timers go on, and an abort ends it`, async () => {
      const { fs } = makeRing();
      await expectAbortable((options) => call(fs, stalling, options));
      stalling.release();
    });
  }

  for (const [title, call] of Object.entries(HANDLE_CALLS)) {
    it(`${title}: timers go on, and an abort ends it`, async () => {
      const handle = await makeRing().fs.open(stalling.at('stall-transfer'), 'r+');
      await expectAbortable((options) => call(handle, options));
      stalling.release();
      await within('the handle to be closed', handle.close());
    });
  }

  for (const [title, part] of Object.entries(CHAIN_PARTS)) {
    it(`a chain whose ${title} hangs: its time limit ends it`, async function () {
      const ring = makeRing();
      needsOfRing(this, ring, title);
      const handle = await ring.fs.open(stalling.at('stall-transfer'), 'r+');
      const { results } = await chainTimedOutAt(1, 100, (timeoutMs) =>
        ring.chain(
          (parts) => {
            parts.stat(directory.path);
            part(parts, stalling, handle);
            // Nothing can follow an open.
            if (title !== 'open') parts.mkdir(directory.at('after'));
          },
          { timeoutMs },
        ),
      );
      const [before, hung, after] = results;
      expect(before).to.include({ status: 'fulfilled' });
      expect(hung)
        .to.deep.include({ status: 'rejected' })
        .and.to.have.nested.property('reason.code', 'ETIMEDOUT');
      if (title !== 'open') expect(after).to.have.nested.property('reason.code', 'ECANCELED');
      expect(existsSync(directory.at('after'))).to.equal(false);
      stalling.release();
      await within('the handle to be closed', handle.close());
    });
  }

  it('a link elsewhere that leads there, with the name in the cache: as the path itself', async function () {
    const { fs, backend } = makeRing();
    if (backend === 'node') skip(this, "each call keeps one of the four threads of Node's pool");
    for (const [name, call] of [
      ['stall-open', (path: string, options: Options) => fs.open(path, 'r', null, options)],
      ['stall-open', (path: string, options: Options) => fs.readFile(path, options)],
      ['stall-getattr', (path: string, options: Options) => fs.stat(path, options)],
      ['stall-transfer', (path: string, options: Options) => fs.readFile(path, options)],
    ] as const) {
      const link = directory.at(`to-${name}`);
      rmSync(link, { force: true });
      symlinkSync(stalling.at(name), link);
      // So that the kernel has the name in its cache.
      const look = (options?: Options): Promise<unknown> => fs.lstat(stalling.at(name), options);
      await (name === 'stall-getattr' ? expectAbortable(look) : within('a look', look()));
      await expectAbortable((options) => call(link, options));
    }
    stalling.release();
  });

  it('several calls that hang: others, on another file system, go on', async () => {
    const ring = makeRing();
    const controller = new AbortController();
    const { signal } = controller;
    const hanging = [
      rejection(ring.fs.readFile(stalling.at('stall-transfer'), { signal })),
      rejection(ring.fs.stat(stalling.at('stall-getattr'), { signal })),
    ];
    await stalling.held();
    await stalling.held();
    const path = directory.at('elsewhere');
    for (let round = 0; round < 20; round++) {
      await within('a write elsewhere', ring.fs.writeFile(path, `round ${round}`));
      expect(await within('a read elsewhere', ring.fs.readFile(path, 'utf8'))).to.equal(`round ${round}`);
      await within('a timer', ring.sleep(1));
    }
    expect(await isPending(Promise.race(hanging))).to.equal(true);
    controller.abort('enough');
    for (const failure of hanging) {
      expect(await within('the call to end', failure)).to.include({ name: 'AbortError', cause: 'enough' });
    }
    stalling.release();
  });

  it('Ring.close: ends what hangs', async () => {
    const ring = makeRing();
    const failure = rejection(ring.fs.stat(stalling.at('stall-getattr')));
    await stalling.held();
    await within('the ring to be closed', ring.close());
    expect(await within('the call to end', failure)).to.include({ code: 'ERR_RINGLET_CLOSED' });
    stalling.release();
  });
});
