/** FileHandle.chmod, chown, utimes, getAsyncId and the 'close' event, beside Node's own handle. */
import { statSync } from 'node:fs';
import nodePromises, { type FileHandle as NodeHandle } from 'node:fs/promises';
import { expect } from 'chai';
import type { FileHandle } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { describeError, outcomeOf, type Row, titleOf } from '../support/outcomes.js';
import { temporaryDirectory } from '../support/temporary.js';

const ROWS: readonly Row[] = [
  ['chmod', 0o640],
  ['chmod', '600'],
  ['chmod', 0],
  ['chmod'],
  ['chmod', null],
  ['chmod', '9'],
  ['chmod', 'rwx'],
  ['chmod', -1],
  ['chmod', 2 ** 32],
  ['chmod', 1.5],
  ['chmod', {}],
  ['chown', -1, -1],
  ['chown', process.getuid?.(), process.getgid?.()],
  ['chown'],
  ['chown', 1],
  ['chown', '1', 1],
  ['chown', 1, -2],
  ['chown', 2 ** 32, 1],
  ['utimes', 1_000_000, 2_000_000.5],
  ['utimes', new Date(12_345_678), new Date(87_654_321)],
  ['utimes', '1000', '2000'],
  ['utimes'],
  ['utimes', 'soon', 1],
  ['utimes', 1, {}],
  ['utimes', Number.NaN, 1],
  ['utimes', Number.POSITIVE_INFINITY, 1],
];

describeOnEachBackend('FileHandle attributes', (makeRing) => {
  const directory = temporaryDirectory();
  let ours: FileHandle;
  let theirs: NodeHandle;

  beforeEach(async () => {
    ours = await makeRing().fs.open(directory.file('ours', 'x'));
    theirs = await nodePromises.open(directory.file('theirs', 'x'));
  });
  afterEach(() => Promise.all([ours.close(), theirs.close()]));

  const stateOf = (name: string): unknown => {
    const { mode, uid, gid, atimeMs, mtimeMs } = statSync(directory.at(name));
    return { mode, uid, gid, atimeMs, mtimeMs };
  };

  for (const row of ROWS) {
    it(`${titleOf(row)}: as Node's, in what it answers and in what it does`, async () => {
      await Promise.all([ours, theirs].map((handle) => handle.utimes(5, 6)));
      const answers = [await outcomeOf(ours, row), await outcomeOf(theirs, row)];
      expect(describeError(answers[0])).to.deep.equal(describeError(answers[1]));
      expect(stateOf('ours')).to.deep.equal(stateOf('theirs'));
    });
  }

  it('chmod, chown, utimes: an abort rejects, and a call on a closed handle does', async () => {
    const signal = AbortSignal.abort('enough');
    const aborted = [
      ours.chmod(0o600, { signal }),
      ours.chown(-1, -1, { signal }),
      ours.utimes(1, 1, { signal }),
    ];
    for (const { status, ...outcome } of await Promise.allSettled(aborted)) {
      expect(status).to.equal('rejected');
      expect(outcome).to.have.nested.include({ 'reason.code': 'ABORT_ERR', 'reason.cause': 'enough' });
    }
    await Promise.all([ours.close(), theirs.close()]);
    for (const row of ROWS) {
      expect(describeError(await outcomeOf(ours, row))).to.deep.equal(
        describeError(await outcomeOf(theirs, row)),
      );
    }
  });

  it("'close': once, as soon as close is called, and not for later calls", async () => {
    for (const handle of [ours, theirs] as unknown as NodeHandle[]) {
      let count = 0;
      (handle as unknown as NodeJS.EventEmitter).on('close', () => count++);
      const closing = handle.close();
      expect(count).to.equal(1);
      await closing;
      await handle.close();
      expect(count).to.equal(1);
    }
  });

  it('close: works on its own, as a function', async () => {
    const { close } = ours;
    await close();
    expect(ours.fd).to.equal(-1);
  });

  it('getAsyncId: a number of its own, always the same', () => {
    expect(ours.getAsyncId()).to.be.a('number').above(0);
    expect(ours.getAsyncId()).to.equal(ours.getAsyncId());
  });

  it('structuredClone: refused with a DataCloneError, as a handle that is in use', () => {
    expect(() => structuredClone(ours))
      .to.throw(DOMException)
      .with.property('name', 'DataCloneError');
  });
});
