/** Fs.readFiles: order, bounds, failures, leaving the loop. */
import { expect } from 'chai';
import { describeOnEachBackend } from '../support/backends.js';
import { eventually, rejection } from '../support/eventually.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

const COUNT = 300;

describeOnEachBackend('Fs.readFiles', (makeRing) => {
  const directory = temporaryDirectory();
  const makeFiles = (count: number): string[] =>
    Array.from({ length: count }, (_unused, index) =>
      directory.file(`f${index}`, pattern(index * 13, index + 1)),
    );

  it('each file once, in the order of the paths, with its own content', async () => {
    const { fs } = makeRing();
    const paths = makeFiles(COUNT);
    let index = 0;
    for await (const { path, content } of fs.readFiles(paths)) {
      expect(path).to.equal(paths[index]);
      expect(content.equals(pattern(index * 13, index + 1)), `file ${index}`).to.equal(true);
      index++;
    }
    expect(index).to.equal(COUNT);
  });

  it('ordered: false gives each once, and a slow one holds up no other', async () => {
    const { fs } = makeRing();
    const slow = directory.fifo('slow');
    const paths = makeFiles(20);
    const seen: unknown[] = [];
    const abort = new AbortController();
    const options = { ordered: false, concurrency: 4, encoding: 'latin1', signal: abort.signal } as const;
    const loop = (async () => {
      for await (const { path } of fs.readFiles([slow, ...paths], options)) seen.push(path);
    })();
    const ending = rejection(loop);
    await eventually('all but the slow one', () => seen.length === paths.length);
    expect([...seen].sort()).to.deep.equal([...paths].sort());
    abort.abort(new Error('enough'));
    expect((await ending).name).to.equal('AbortError');
    // Where Node's pool goes on, it needs a writer to end.
    await using writer = await fs.open(slow, 'r+');
    await writer.write('x');
  });

  it('takes no more paths than concurrency ahead of who takes the files', async () => {
    const { fs } = makeRing();
    const paths = makeFiles(40);
    let takenCount = 0;
    const source = function* (): Generator<string> {
      for (const path of paths) {
        takenCount++;
        yield path;
      }
    };
    let readCount = 0;
    for await (const _ of fs.readFiles(source(), { concurrency: 5 })) {
      readCount++;
      await new Promise(setImmediate);
      expect(takenCount).to.be.at.most(readCount + 5);
    }
    expect(readCount).to.equal(40);
  });

  it('the first failure ends the loop with its error, and the source is given up', async () => {
    const { fs } = makeRing();
    const [first = ''] = makeFiles(1);
    let isGivenUp = false;
    const source = async function* (): AsyncGenerator<string> {
      try {
        yield first;
        yield directory.at('missing');
        for (;;) yield first;
      } finally {
        isGivenUp = true;
      }
    };
    const seen: unknown[] = [];
    const error = await rejection(
      (async () => {
        for await (const { path } of fs.readFiles(source(), { concurrency: 2 })) seen.push(path);
      })(),
    );
    expect(error).to.deep.include({ code: 'ENOENT', syscall: 'open', path: directory.at('missing') });
    expect(seen).to.deep.equal([first]);
    expect(isGivenUp).to.equal(true);
  });

  it('leaving the loop ends it; none and wrong arguments', async () => {
    const { fs } = makeRing();
    for await (const { path } of fs.readFiles(makeFiles(50))) {
      expect(path).to.be.a('string');
      break;
    }
    for await (const entry of fs.readFiles([])) expect.fail(String(entry.path));
    expect(() => fs.readFiles(5 as never))
      .to.throw(TypeError)
      .with.property('code', 'ERR_INVALID_ARG_TYPE');
    for (const options of [{ concurrency: 0 }, { concurrency: 1.5 }, { ordered: 1 }, { timeout: 0 }]) {
      expect(() => fs.readFiles([], options as never))
        .to.throw()
        .with.property('code')
        .that.matches(/^ERR_/);
    }
  });
});
