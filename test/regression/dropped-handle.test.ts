/** A handle that nobody closed: the process hears of it as it does from Node, and the descriptor comes back. */
import { expect } from 'chai';
import { needsIoUring } from '../support/backends.js';
import { expectCleanExit, runProgram } from '../support/child.js';

const scriptFor = (source: string): string => `
  import { readdirSync } from 'node:fs';
  ${source}
  const lines = [];
  const note = (kind) => (error) => lines.push([kind, error.name, error.code, error.message.replace(/\\d+/g, 'N')]);
  process.on('warning', note('warning'));
  process.on('uncaughtException', note('uncaught'));
  const openCount = () => readdirSync('/proc/self/fd').length;
  await (await fs.open('/etc/hostname')).close();
  const before = openCount();
  await (async () => { await fs.open('/etc/hostname'); await fs.open('/etc/hostname'); })();
  const deadline = Date.now() + 9000;
  while (openCount() > before && Date.now() < deadline) {
    gc();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await new Promise((resolve) => setTimeout(resolve, 5));
  console.log(JSON.stringify({ left: openCount() - before, lines: lines.sort() }));
  process.exit();
`;

async function reportOf(source: string): Promise<unknown> {
  const script = scriptFor(source);
  const outcome = await runProgram([
    process.execPath,
    '--expose-gc',
    '--no-warnings',
    '--input-type=module',
    '-e',
    script,
  ]);
  expectCleanExit(outcome);
  return JSON.parse(outcome.stdout);
}

describe('a handle that is dropped without being closed', () => {
  needsIoUring();

  it("Node's warnings or error, word for word, and no descriptor is left", async () => {
    const ours = await reportOf("import { Ring } from 'ringlet'; const { fs } = new Ring();");
    const onNode = await reportOf(
      "import { Ring } from 'ringlet'; const { fs } = new Ring({ backend: 'node' });",
    );
    const theirs = await reportOf("import fs from 'node:fs/promises';");
    expect(ours).to.deep.equal(theirs);
    expect(onNode).to.deep.equal(theirs);
    expect(theirs).to.include({ left: 0 });
  });
});
