/** `onProgress` of copyFile, cp and sendFile: what it is told, and what its errors and aborts leave. */
import { expect } from 'chai';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { cp, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Progress, Ring } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { runScript } from '../support/child.js';
import { eventually, rejection, within } from '../support/eventually.js';
import { connectPair, readAll } from '../support/streams.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

const MIB = 1024 * 1024;
/** Longer than two portions of a copy. */
const LARGE = Buffer.alloc(20 * MIB + 3);
for (let at = 0; at < LARGE.length; at += MIB) LARGE.writeUInt32LE(at, at === 20 * MIB ? at - 1 : at);

/** That they never go back, that the last one alone is the whole, and what each total was before it. */
function expectSteady(told: readonly Progress[], bytes: number, total: number | undefined): void {
  expect(told.at(-1)).to.deep.equal({ bytes, total: bytes });
  for (const [index, each] of told.slice(0, -1).entries()) {
    expect(each.total).to.equal(total);
    expect(each.bytes).to.be.greaterThan(told[index - 1]?.bytes ?? 0);
    expect(each.bytes).to.be.lessThan(bytes);
  }
}

/** Everything in a tree: modes, contents, targets of links, times of files to the second. */
function listTree(path: string, hasTimes: boolean): unknown[] {
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const status = lstatSync(join(path, name));
      const content = status.isFile() ? readFileSync(join(path, name)).toString('latin1') : '';
      return [
        name,
        status.mode,
        content,
        status.isFile() && hasTimes ? Math.floor(status.mtimeMs / 1000) : 0,
      ];
    });
}

describeOnEachBackend('onProgress', (makeRing) => {
  const directory = temporaryDirectory();

  function makeTree(): { path: string; bytes: number } {
    const path = directory.at('tree');
    mkdirSync(join(path, 'inner/empty'), { recursive: true });
    writeFileSync(join(path, 'large'), LARGE);
    writeFileSync(join(path, 'inner/small'), 'small');
    writeFileSync(join(path, 'inner/nothing'), '');
    chmodSync(join(path, 'inner/small'), 0o640);
    utimesSync(join(path, 'inner/small'), 1000, 2000);
    symlinkSync('/nowhere', join(path, 'link'));
    return { path, bytes: LARGE.length + 5 };
  }

  /** Of a tree, once, by Node and by us, with the same options. */
  async function copyBoth({ fs }: Ring, from: string, options: object): Promise<Progress[]> {
    const told: Progress[] = [];
    await cp(from, directory.at('by-node'), { recursive: true, ...options });
    const onProgress = (progress: Progress): number => told.push(progress);
    await fs.cp(from, directory.at('by-us'), { recursive: true, ...options, onProgress });
    const hasTimes = 'preserveTimestamps' in options;
    expect(listTree(directory.at('by-us'), hasTimes)).to.deep.equal(
      listTree(directory.at('by-node'), hasTimes),
    );
    return told;
  }

  it('copyFile: each portion, and the end once', async () => {
    const { fs } = makeRing();
    const [from, to] = [directory.file('from', LARGE), directory.at('to')];
    const told: Progress[] = [];
    await fs.copyFile(from, to, 0, { onProgress: (progress) => told.push(progress) });
    expect(told.length).to.be.at.least(3);
    expectSteady(told, LARGE.length, LARGE.length);
    expect(readFileSync(to).equals(LARGE)).to.equal(true);
  });

  it('copyFile: of nothing, of what says nothing of its size, and onto itself', async () => {
    const { fs } = makeRing();
    for (const from of [directory.file('empty', ''), '/proc/version']) {
      const told: Progress[] = [];
      await fs.copyFile(from, directory.at('to'), 0, { onProgress: (progress) => told.push(progress) });
      const { length } = readFileSync(from);
      expect(told).to.deep.equal([{ bytes: length, total: length }]);
      expect(readFileSync(directory.at('to')).equals(readFileSync(from))).to.equal(true);
    }
    const told: Progress[] = [];
    const path = directory.file('same', 'same');
    await fs.copyFile(path, path, 0, { onProgress: (progress) => told.push(progress) });
    expect(told.length).to.equal(1);
    expect(readFileSync(path, 'utf8')).to.equal('same');
  });

  it('copyFile: what it throws is the rejection, and half a copy is removed first', async () => {
    const { fs } = makeRing();
    const [from, to] = [directory.file('from', LARGE), directory.file('to', 'before')];
    const reason = new Error('enough');
    let count = 0;
    const onProgress = (): void => {
      count++;
      throw reason;
    };
    expect(await rejection(fs.copyFile(from, to, 0, { onProgress }))).to.equal(reason);
    expect([count, existsSync(to), readFileSync(from).equals(LARGE)]).to.deep.equal([1, false, true]);
  });

  it('copyFile: an abort between portions ends it, and no call follows', async () => {
    const { fs } = makeRing();
    const [from, to] = [directory.file('from', LARGE), directory.at('to')];
    const controller = new AbortController();
    let count = 0;
    const onProgress = (): void => {
      count++;
      controller.abort('enough');
    };
    const error = await rejection(fs.copyFile(from, to, 0, { onProgress, signal: controller.signal }));
    expect([error.name, (error as Error).cause]).to.deep.equal(['AbortError', 'enough']);
    await eventually('the half to be removed', () => !existsSync(to));
    expect(count).to.equal(1);
    const late = rejection(fs.copyFile(from, to, 0, { onProgress, signal: controller.signal }));
    expect((await late).name).to.equal('AbortError');
    expect([count, existsSync(to)]).to.deep.equal([1, false]);
  });

  it('copyFile: errors as without it, and nothing is told', async () => {
    const { fs } = makeRing();
    const told: Progress[] = [];
    const onProgress = (progress: Progress): number => told.push(progress);
    const [from, to] = [directory.at('none'), directory.file('to', 'mine')];
    const absent = await rejection(fs.copyFile(from, to, 0, { onProgress }));
    expect(absent.message).to.equal(`ENOENT: no such file or directory, copyfile '${from}' -> '${to}'`);
    const exclusive = fs.constants.COPYFILE_EXCL;
    const there = await rejection(fs.copyFile(directory.file('from', LARGE), to, exclusive, { onProgress }));
    expect([there.code, there.syscall, readFileSync(to, 'utf8')]).to.deep.equal([
      'EEXIST',
      'copyfile',
      'mine',
    ]);
    expect(told).to.deep.equal([]);
  });

  it('is looked at once, before anything is done; undefined is none', async () => {
    const ring = makeRing();
    const [from, to] = [directory.file('from', 'text'), directory.at('to')];
    const wrong = { onProgress: 'often' } as never;
    await using pair = await connectPair(ring);
    await using file = await ring.fs.open(from);
    for (const call of [
      () => ring.fs.copyFile(from, to, 0, wrong),
      () => ring.fs.cp(from, to, wrong),
      () => pair.near.sendFile(file, wrong),
    ]) {
      const { code, message } = await rejection(call());
      expect([code, message.includes('options.onProgress')]).to.deep.equal(['ERR_INVALID_ARG_TYPE', true]);
    }
    expect(existsSync(to)).to.equal(false);
    let looks = 0;
    const options = {
      get onProgress() {
        looks++;
        return undefined;
      },
    };
    await ring.fs.copyFile(from, to, 0, options);
    await pair.near.sendFile(file, options);
    expect(looks).to.equal(2);
  });

  it('cp: the bytes of a whole tree, which comes out as Node’s', async () => {
    const ring = makeRing();
    const { path, bytes } = makeTree();
    const told = await copyBoth(ring, path, { preserveTimestamps: true });
    expect(told.length).to.be.at.least(3);
    expectSteady(told, bytes, bytes);
    // Once more over what is there, in which some versions of Node would not replace a link.
    for (const each of [path, directory.at('by-us'), directory.at('by-node')]) unlinkSync(join(each, 'link'));
    expectSteady(await copyBoth(ring, path, {}), bytes, bytes);
    expectSteady(await copyBoth(ring, path, { force: false }), bytes, bytes);
    const error = await rejection(copyBoth(ring, path, { force: false, errorOnExist: true }));
    expect(error.code).to.equal('ERR_FS_CP_EEXIST');
  });

  it('cp: with a filter, which is asked once an entry, the total is known at the end', async () => {
    const ring = makeRing();
    const { path } = makeTree();
    const asked: string[] = [];
    const filter = async (from: string): Promise<boolean> => {
      asked.push(from);
      return !from.endsWith('small');
    };
    const told = await copyBoth(ring, path, { filter });
    expectSteady(told, LARGE.length, undefined);
    expect(asked.length).to.equal(2 * new Set(asked).size);
  });

  it('cp: a file alone, into a directory that is not there yet; links followed', async () => {
    const { fs } = makeRing();
    const from = directory.file('from', LARGE);
    symlinkSync(from, directory.at('link'));
    for (const [source, to] of [
      [from, directory.at('new/deep/to')],
      [directory.at('link'), directory.at('followed')],
    ] as const) {
      const told: Progress[] = [];
      const onProgress = (progress: Progress): number => told.push(progress);
      await fs.cp(source, to, { dereference: true, onProgress });
      expectSteady(told, LARGE.length, LARGE.length);
      expect(lstatSync(to).isFile() && readFileSync(to).equals(LARGE)).to.equal(true);
    }
  });

  it('cp: Node’s errors; what is thrown or aborted leaves no half of a file', async () => {
    const { fs } = makeRing();
    const { path } = makeTree();
    const ignore = (): void => {};
    expect((await rejection(fs.cp(path, directory.at('to'), { onProgress: ignore }))).code).to.equal(
      'ERR_FS_EISDIR',
    );
    const inside = fs.cp(path, join(path, 'inner'), { recursive: true, onProgress: ignore });
    expect((await rejection(inside)).code).to.equal('ERR_FS_CP_EINVAL');
    const reason = new Error('enough');
    const onProgress = ({ bytes }: Progress): void => {
      if (bytes > MIB) throw reason;
    };
    expect(await rejection(fs.cp(path, directory.at('to'), { recursive: true, onProgress }))).to.equal(
      reason,
    );
    expect(existsSync(directory.at('to/large'))).to.equal(false);
    const controller = new AbortController();
    const { signal } = controller;
    const abort = ({ bytes }: Progress): void => {
      if (bytes > MIB) controller.abort('enough');
    };
    const aborted = fs.cp(path, directory.at('other'), { recursive: true, onProgress: abort, signal });
    expect((await rejection(aborted)).name).to.equal('AbortError');
    await eventually('the half to be removed', () => !existsSync(directory.at('other/large')));
  });

  it('sendFile: each block, from the cursor and from a position, of our handles and Node’s', async () => {
    const ring = makeRing();
    const content = pattern(1_500_000, 9);
    const path = directory.file('content', content);
    await using pair = await connectPair(ring);
    const receiving = readAll(pair.far);
    await using own = await ring.fs.open(path);
    const theirs = await open(path);
    const told: Progress[] = [];
    const onProgress = (progress: Progress): number => told.push(progress);
    await own.read(Buffer.alloc(1000), 0, 1000, null);
    await theirs.read(Buffer.alloc(1000), 0, 1000, null);
    for (const file of [own, theirs]) {
      for (const [options, bytes] of [
        [{}, content.length - 1000],
        [{ position: 500_000 }, 1_000_000],
        [{ position: 500_000, length: 600_000 }, 600_000],
        [{ position: 2_000_000 }, 0],
      ] as const) {
        expect(await within('the file', pair.near.sendFile(file, { ...options, onProgress }))).to.equal(
          bytes,
        );
        expect(told.length).to.be.at.least(bytes > 0 ? 3 : 1);
        expectSteady(told.splice(0), bytes, bytes);
      }
    }
    await theirs.close();
    await pair.near.end();
    expect((await within('the end', receiving)).length).to.equal(2 * (content.length - 1000 + 1_600_000));
  });

  it('sendFile: what has no size has no total before the end', async () => {
    const ring = makeRing();
    await using pair = await connectPair(ring);
    const receiving = readAll(pair.far);
    const path = directory.fifo('fifo');
    await using fifo = await ring.fs.open(path, 'r+');
    const writer = await open(path, 'r+');
    const told: Progress[] = [];
    const onProgress = (progress: Progress): number => told.push(progress);
    // More than a pipe holds, so that it takes several reads.
    const content = pattern(200_000);
    const feeding = writer.write(content);
    const sending = pair.near.sendFile(fifo, { length: content.length, onProgress });
    await within('the pipe', Promise.all([feeding, sending]));
    await writer.close();
    expect(told.length).to.be.at.least(3);
    expectSteady(told, content.length, undefined);
    await pair.near.end();
    expect((await within('the end', receiving)).equals(content)).to.equal(true);
  });

  it('sendFile: what it throws ends it, and the connection and the file go on', async () => {
    const ring = makeRing();
    await using pair = await connectPair(ring);
    const receiving = readAll(pair.far);
    await using file = await ring.fs.open(directory.file('content', LARGE));
    const reason = new Error('enough');
    let bytes = 0;
    const onProgress = (progress: Progress): void => {
      bytes = progress.bytes;
      throw reason;
    };
    expect(await rejection(pair.near.sendFile(file, { position: 0, onProgress }))).to.equal(reason);
    await pair.near.write('and more');
    await pair.near.end();
    const received = await within('what was sent', receiving);
    expect(received.equals(Buffer.concat([LARGE.subarray(0, bytes), Buffer.from('and more')]))).to.equal(
      true,
    );
  });
});

describe('onProgress without the addon', () => {
  const directory = temporaryDirectory();

  it('a file is one portion of Node’s', async () => {
    const script = `
      import { fs } from 'ringlet';
      const [from, to] = process.argv.slice(1);
      const told = [];
      const onProgress = (progress) => told.push(progress);
      await fs.copyFile(from, to, 0, { onProgress });
      await fs.cp(from, to, { onProgress });
      console.log(JSON.stringify(told));
    `;
    const args = [directory.file('from', LARGE), directory.at('to')];
    const env = { RINGLET_ADDON: '/nonexistent/ringlet.node' };
    const { stdout, stderr } = await runScript(script, { args, env });
    const whole = { bytes: LARGE.length, total: LARGE.length };
    expect(JSON.parse(stdout || stderr)).to.deep.equal([whole, whole]);
  });
});
