/**
 * What the system refuses in the midst of things: no room, no descriptors, a device that fails, signals in
 * between. Each as with Node's own module, and better where that is said.
 */
import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import * as nodeFs from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { describeOnEachBackend } from '../support/backends.js';
import { expectCleanExit, runScript } from '../support/child.js';
import { type CallError, rejection } from '../support/eventually.js';
import { describeError } from '../support/outcomes.js';
import { skip } from '../support/skip.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

const MIB = 2 ** 20;

type Api = Pick<typeof nodeFs, 'writeFile' | 'appendFile' | 'readFile'> & {
  open: (
    ...given: Parameters<typeof nodeFs.open>
  ) => Promise<
    Pick<
      nodeFs.FileHandle,
      'write' | 'writev' | 'writeFile' | 'read' | 'close' | 'createReadStream' | 'createWriteStream'
    >
  >;
};

interface PartialWriteError extends CallError {
  bytesWritten?: number;
}

describeOnEachBackend('Files that the system refuses', (makeRing, configuration) => {
  const directory = temporaryDirectory();
  const backend = JSON.stringify(configuration.options);

  describe('ENOSPC, on a tmpfs of 1 MiB', () => {
    let isMounted = false;

    beforeEach(function () {
      mkdirSync(directory.at('small'));
      try {
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', directory.at('small')], {
          stdio: 'pipe',
        });
      } catch (error) {
        skip(this, `no tmpfs can be mounted here: ${(error as Error).message}`);
      }
      isMounted = true;
    });
    afterEach(() => {
      if (isMounted) execFileSync('umount', [directory.at('small')]);
      isMounted = false;
    });

    /** Plays it on both, each with an empty disk, and returns what ringlet's said. */
    async function onBoth(
      act: (api: Api, path: string) => Promise<unknown>,
    ): Promise<[PartialWriteError, number]> {
      const path = directory.at('small/file');
      const outcomes: unknown[] = [];
      let last: PartialWriteError | undefined;
      for (const api of [nodeFs, makeRing().fs] as Api[]) {
        last = await rejection(act(api, path), 'a write beyond the disk');
        outcomes.push([describeError(last), statSync(path).size]);
        execFileSync('rm', [path]);
      }
      expect(outcomes[1]).to.deep.equal(outcomes[0]);
      const [, size] = outcomes[1] as [unknown, number];
      return [last as PartialWriteError, size];
    }

    it('writeFile: the error says how much is on the disk, which is all that fits', async () => {
      const [error, size] = await onBoth((api, path) => api.writeFile(path, pattern(3 * MIB)));
      expect(error.code).to.equal('ENOSPC');
      expect([error.bytesWritten, size]).to.deep.equal([MIB, MIB]);
      expect(Object.keys(error)).not.to.include('bytesWritten');
    });

    it('writeFile of parts: counted over all of them', async () => {
      const parts = Array.from({ length: 30 }, () => pattern(50_000));
      const [error, size] = await onBoth((api, path) => api.writeFile(path, parts));
      expect([error.bytesWritten, size]).to.deep.equal([MIB, MIB]);
    });

    it('appendFile and FileHandle.writeFile: only what they added', async () => {
      const [appended] = await onBoth(async (api, path) => {
        await api.writeFile(path, pattern(100_000));
        await api.appendFile(path, pattern(2 * MIB));
      });
      expect(appended.bytesWritten).to.equal(MIB - 100_000);
      const [written] = await onBoth(async (api, path) => {
        const handle = await api.open(path, 'w');
        try {
          await handle.write(pattern(100_000));
          await handle.writeFile(pattern(2 * MIB));
        } finally {
          await handle.close();
        }
      });
      expect(written.bytesWritten).to.equal(MIB - 100_000);
    });

    it('write and writev: a short count first, then ENOSPC', async () => {
      for (const api of [nodeFs, makeRing().fs] as Api[]) {
        const path = directory.at('small/file');
        const handle = await api.open(path, 'w');
        await handle.write(pattern(900_000));
        const { bytesWritten } = await handle.write(pattern(300_000));
        expect(bytesWritten).to.equal(MIB - 900_000);
        expect((await rejection(handle.write('x'))).message).to.equal(
          'ENOSPC: no space left on device, write',
        );
        expect((await rejection(handle.writev([pattern(5000)]))).code).to.equal('ENOSPC');
        await handle.close();
        expect(readFileSync(path).subarray(0, 900_000).equals(pattern(900_000))).to.equal(true);
        execFileSync('rm', [path]);
      }
    });

    it('createWriteStream: fails, and has written what fits', async () => {
      const [error, size] = await onBoth(async (api, path) => {
        const handle = await api.open(path, 'w');
        await pipeline(
          Array.from({ length: 40 }, () => pattern(50_000)),
          handle.createWriteStream(),
        );
      });
      expect([error.code, size]).to.deep.equal(['ENOSPC', MIB]);
    });

    it('small files at once: those that fit are whole', async () => {
      const { fs } = makeRing();
      const names = Array.from({ length: 40 }, (_unused, index) => directory.at(`small/${index}`));
      const settled = await Promise.allSettled(names.map((name) => fs.writeFile(name, pattern(40_960))));
      const failed = settled.filter(({ status }) => status === 'rejected');
      expect(failed).not.to.have.length(0);
      for (const [index, { status }] of settled.entries()) {
        if (status === 'rejected') continue;
        expect(readFileSync(names[index] as string).equals(pattern(40_960)), names[index]).to.equal(true);
      }
    });
  });

  it('EIO: reading and writing what can neither be read nor written', async () => {
    const descriptions: unknown[] = [];
    for (const api of [nodeFs, makeRing().fs] as Api[]) {
      // The first page of a process is mapped nowhere.
      const handle = await api.open('/proc/self/mem', 'r+');
      const errors = [
        await rejection(handle.read(Buffer.alloc(8), 0, 8, 0)),
        await rejection(handle.write(Buffer.alloc(8), 0, 8, 0)),
        await rejection(api.readFile('/proc/self/mem')),
      ];
      await handle.close();
      descriptions.push(errors.map(({ code, errno, syscall }) => ({ code, errno, syscall })));
    }
    expect(descriptions[1]).to.deep.equal(descriptions[0]);
    expect(JSON.stringify(descriptions[1])).to.contain('EIO');
  });

  it('EMFILE: open says it as Node does; afterwards all is well; readFile of many stays below the limit', async () => {
    const path = directory.file('file', 'content');
    const script = `
      import * as nodeFs from 'node:fs/promises';
      import { Ring } from 'ringlet';
      const path = ${JSON.stringify(path)};
      const ring = new Ring(${backend});
      const reports = [];
      for (const api of [nodeFs, ring.fs]) {
        const handles = [];
        let failure;
        while (failure === undefined) {
          await api.open(path).then((handle) => handles.push(handle), (error) => { failure = error; });
        }
        for (const handle of handles) await handle.close();
        const { message, code, errno, syscall, path: of } = failure;
        reports.push({ message, code, errno, syscall, of, isEnough: handles.length > 20 });
      }
      const contents = await Promise.all(Array.from({ length: 1000 }, () => ring.fs.readFile(path, 'utf8')));
      await Promise.all(contents.map((content, index) => ring.fs.writeFile(path + index % 200, content)));
      console.log(JSON.stringify({ reports, isWhole: contents.every((content) => content === 'content') }));
      await ring.close();
    `;
    const outcome = await runScript(script, { launcher: ['sh', '-c', 'ulimit -n 100; exec "$0" "$@"'] });
    expectCleanExit(outcome);
    const { reports, isWhole } = JSON.parse(outcome.stdout);
    expect(reports[0]).to.include({ code: 'EMFILE', syscall: 'open', of: path, isEnough: true });
    expect(reports[1]).to.deep.equal(reports[0]);
    expect(isWhole).to.equal(true);
  });

  it('EMFILE in the first burst of many: the errors say so, and with descriptors free again all is well', async () => {
    const path = directory.file('file', 'content');
    const script = `
      import { closeSync, openSync } from 'node:fs';
      import { Ring } from 'ringlet';
      const path = ${JSON.stringify(path)};
      const ring = new Ring(${backend});
      const burst = async () => {
        const calls = Array.from({ length: 60 }, (_, index) => [
          ring.fs.writeFile(path + index, 'x'), ring.fs.readFile(path),
        ]);
        const results = await Promise.allSettled(calls.flat());
        return [...new Set(results.map(({ reason }) => reason?.code ?? 'done'))].sort();
      };
      const taken = [];
      try {
        for (;;) taken.push(openSync('/dev/null'));
      } catch {}
      const during = await burst();
      for (const fd of taken) closeSync(fd);
      console.log(JSON.stringify({ during, after: await burst() }));
      await ring.close();
    `;
    const outcome = await runScript(script, { launcher: ['sh', '-c', 'ulimit -n 60; exec "$0" "$@"'] });
    expectCleanExit(outcome);
    const { during, after } = JSON.parse(outcome.stdout);
    // A ring opens what is small without a descriptor of the process.
    expect(['EMFILE', 'EMFILE,done']).to.include(String(during));
    expect(after).to.deep.equal(['done']);
  });

  it('EINTR: signals in between reach the program, and no call', async () => {
    const path = directory.file('file', pattern(MIB));
    const fifo = directory.fifo('fifo');
    const script = `
      import { spawn } from 'node:child_process';
      import { Ring } from 'ringlet';
      let signalCount = 0;
      process.on('SIGUSR1', () => { signalCount++; });
      const ring = new Ring(${backend});
      const [path, fifo] = process.argv.slice(1);
      const storm = spawn('sh', ['-c', 'while kill -USR1 $0 2>/dev/null; do :; done', String(process.pid)]);
      const handle = await ring.fs.open(fifo, 'r+');
      let roundCount = 0;
      while (signalCount < 300 || roundCount < 50) {
        const reading = handle.read(Buffer.alloc(4), 0, 4, null);
        const content = await ring.fs.readFile(path);
        await ring.fs.writeFile(path + '.copy', content);
        await ring.fs.appendFile(path + '.copy', 'x');
        if ((await ring.fs.stat(path + '.copy')).size !== content.length + 1) throw new Error('a short file');
        await handle.write('data');
        if ((await reading).bytesRead !== 4) throw new Error('a short read');
        roundCount++;
      }
      storm.kill();
      await handle.close();
      await ring.close();
      console.log('done');
    `;
    const outcome = await runScript(script, { args: [path, fifo] });
    expectCleanExit(outcome);
    expect(outcome.stdout).to.equal('done\n');
  });

  it('a file cut off while it is read whole: its beginning, as far as it was there', async () => {
    const { fs } = makeRing();
    const content = pattern(24 * MIB);
    for (const bytesLeft of [0, 5 * MIB, 20 * MIB + 1]) {
      const path = directory.file('large', content);
      const reading = fs.readFile(path);
      await fs.stat(path);
      truncateSync(path, bytesLeft);
      const read = await reading;
      expect(read.length).to.be.at.least(bytesLeft).and.at.most(content.length);
      expect(read.equals(content.subarray(0, read.length))).to.equal(true);
    }
  });

  it('a file cut off while it is streamed: the stream ends where the file does, as Node’s', async () => {
    const content = pattern(4 * MIB);
    for (const api of [nodeFs, makeRing().fs] as Api[]) {
      const path = directory.file('large', content);
      const handle = await api.open(path);
      const chunks: Buffer[] = [];
      for await (const chunk of handle.createReadStream({ highWaterMark: 65_536 })) {
        if (chunks.push(chunk as Buffer) === 3) truncateSync(path, MIB);
      }
      const read = Buffer.concat(chunks);
      // One more chunk may have been read by the time of the cut.
      expect(read.length)
        .to.be.at.least(MIB)
        .and.at.most(2 * MIB);
      expect(read.equals(content.subarray(0, read.length))).to.equal(true);
    }
  });

  it('a file cut off between reads: what is gone reads as the end, and short before it', async () => {
    for (const api of [nodeFs, makeRing().fs] as Api[]) {
      const path = directory.file('file', pattern(10_000));
      const handle = await api.open(path);
      expect((await handle.read(Buffer.alloc(8192), 0, 8192, 0)).bytesRead).to.equal(8192);
      truncateSync(path, 5000);
      const after = await handle.read(Buffer.alloc(8192), 0, 8192, 4096);
      expect((await handle.read(Buffer.alloc(8192), 0, 8192, 8192)).bytesRead).to.equal(0);
      expect([after.bytesRead, after.buffer.subarray(0, 904)]).to.deep.equal([
        904,
        pattern(10_000).subarray(4096, 5000),
      ]);
      await handle.close();
    }
  });

  it('a file that grows while it is read whole: at least what was there', async () => {
    const { fs } = makeRing();
    const content = pattern(8 * MIB);
    const path = directory.file('large', content);
    const reading = fs.readFile(path);
    writeFileSync(path, content, { flag: 'a' });
    const read = await reading;
    expect(read.length).to.be.at.least(content.length);
    expect(read.subarray(0, content.length).equals(content)).to.equal(true);
  });

  it('an abort between parts: the error says how much is on the disk', async () => {
    const path = directory.at('parts');
    const controller = new AbortController();
    const parts = (async function* () {
      for (let index = 0; index < 10; index++) {
        if (index === 4) controller.abort();
        yield pattern(1000);
      }
    })();
    const writing = makeRing().fs.writeFile(path, parts, { signal: controller.signal });
    const error: PartialWriteError = await rejection(writing);
    expect([error.code, error.bytesWritten]).to.deep.equal(['ABORT_ERR', 4000]);
    expect(statSync(path).size).to.equal(4000);
  });
});
