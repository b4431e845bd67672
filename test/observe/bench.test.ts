/** `ringlet bench`: figures and verdicts of every row, and nothing left behind. */
import { expect } from 'chai';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_ROOT, runProgram } from '../support/child.js';
import { temporaryDirectory } from '../support/temporary.js';

const MAIN = join(PACKAGE_ROOT, 'dist/observe/cli/main.js');
const DEADLINE_MS = 120_000;

describe('ringlet bench', function () {
  this.timeout(DEADLINE_MS);
  const directory = temporaryDirectory();

  for (const backend of ['auto', 'epoll', 'node']) {
    it(`RINGLET_BACKEND=${backend}: each row has figures of Node and of a ring, and a verdict`, async () => {
      const { code, stdout, stderr } = await runProgram(
        [process.execPath, MAIN, 'bench', '--json', `--directory=${directory.path}`],
        { env: { RINGLET_BACKEND: backend }, deadlineMs: DEADLINE_MS },
      );
      expect([code, stderr]).to.deep.equal([0, '']);
      const results = JSON.parse(stdout) as {
        title: string;
        node: { perSecond: number };
        rings: { name: string; figures: { perSecond: number }; verdict: string }[];
      }[];
      expect(results).to.have.length(6);
      for (const { title, node, rings } of results) {
        expect(node.perSecond, title).to.be.above(0);
        expect(rings, title).to.not.be.empty;
        for (const { figures, verdict } of rings) {
          expect(figures.perSecond, title).to.be.above(0);
          expect(verdict, title).to.match(/ringlet|Node|no difference/);
        }
      }
      expect(readdirSync(directory.path)).to.deep.equal([]);
    });
  }

  it('a folder that is not there is said, with status 1', async () => {
    const { code, stderr } = await runProgram([process.execPath, MAIN, 'bench', '--directory=/none']);
    expect(code).to.equal(1);
    expect(stderr).to.match(/^ringlet: ENOENT: .*'\/none\/ringlet-bench-\w+'\n$/);
  });
});
