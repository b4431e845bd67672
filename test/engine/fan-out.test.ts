/** Calls on thousands of files at once, in a process that may open 256: neither descriptors nor memory run out. */
import { expect } from 'chai';
import { needsIoUring } from '../support/backends.js';
import { expectCleanExit, runScript } from '../support/child.js';
import { PATIENCE } from '../support/eventually.js';
import { temporaryDirectory } from '../support/temporary.js';

/** Fewer where everything takes so many times as long, and still many more than there may be descriptors. */
const FILE_COUNT = Math.round(20_000 / PATIENCE);
/** A slab for each of 20,000 files at once would take more than a gigabyte. */
const BYTES_MORE_MAX = 512 * 1024 * 1024;

const scriptFor = (backend: string): string => `
  import { Ring } from 'ringlet';
  import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
  import { join } from 'node:path';

  const root = process.argv[1];
  const paths = Array.from({ length: ${FILE_COUNT} }, (_unused, index) => join(root, String(index % 100), String(index)));
  for (let index = 0; index < 100; index++) mkdirSync(join(root, String(index)));
  const ring = new Ring({ backend: '${backend}' });
  const { fs } = ring;

  let descriptorsMost = 0;
  const watch = setInterval(() => {
    try {
      descriptorsMost = Math.max(descriptorsMost, readdirSync('/proc/self/fd').length);
    } catch (error) {
      descriptorsMost = error.code;
      clearInterval(watch);
    }
  }, 1);
  const bytesBefore = process.memoryUsage().rss;

  await Promise.all(paths.map((path, index) => fs.writeFile(path, 'file ' + index)));
  await Promise.all(paths.map((path) => fs.appendFile(path, '!')));
  const texts = await Promise.all(paths.map((path) => fs.readFile(path, 'utf8')));
  const sizes = await Promise.all(paths.map(async (path) => (await fs.stat(path)).size));
  const some = paths.slice(0, ${Math.round(FILE_COUNT / 10)});
  await Promise.all(some.map((path) => fs.copyFile(path, path + '.copy')));
  await Promise.all(some.map((path) => fs.rename(path + '.copy', path)));
  const names = await fs.readdir(root, { recursive: true });
  const bytesMore = process.memoryUsage().rss - bytesBefore;
  await fs.rm(root, { recursive: true });
  clearInterval(watch);
  await ring.close();
  console.log(JSON.stringify({
    wrong: texts.filter((text, index) => text !== 'file ' + index + '!' || sizes[index] !== text.length).length,
    nameCount: names.length,
    descriptorsMost,
    bytesMore,
  }));
`;

describe(`${FILE_COUNT.toLocaleString('en')} files at once`, () => {
  needsIoUring();
  const directory = temporaryDirectory();

  for (const backend of ['io_uring', 'node']) {
    it(`${backend}: written, appended to, read, copied and removed with 256 descriptors`, async function () {
      this.timeout(240_000);
      const outcome = await runScript(scriptFor(backend), {
        args: [directory.path],
        launcher: ['prlimit', '--nofile=256'],
        deadlineMs: 220_000,
      });
      expectCleanExit(outcome);
      const { wrong, nameCount, descriptorsMost, bytesMore } = JSON.parse(outcome.stdout) as Record<
        string,
        number
      >;
      expect({ wrong, nameCount }).to.deep.equal({ wrong: 0, nameCount: FILE_COUNT + 100 });
      expect(descriptorsMost).to.be.within(1, 255);
      // The address sanitizer keeps what was freed for a while: 256 MiB by default (its quarantine).
      const quarantineBytes = process.env.LD_PRELOAD?.includes('libasan') ? 256 * 1024 * 1024 : 0;
      expect(Number(bytesMore) - quarantineBytes).to.be.below(BYTES_MORE_MAX);
    });
  }
});
