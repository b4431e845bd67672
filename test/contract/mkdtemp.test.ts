/** Fs.mkdtemp with prefixes longer than those that are Node's own to take. */
import { mkdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { describeOnEachBackend } from '../support/backends.js';
import { rejection } from '../support/eventually.js';
import { temporaryDirectory } from '../support/temporary.js';

describeOnEachBackend('Fs.mkdtemp', (makeRing) => {
  const directory = temporaryDirectory();

  /** A path of about so many bytes, whose directory is there. */
  function prefixOf(bytes: number): string {
    const folders = Math.max(0, Math.floor((bytes - directory.path.length) / 201));
    const parent = `${directory.path}/${`${'d'.repeat(200)}/`.repeat(folders)}`;
    mkdirSync(parent, { recursive: true });
    return parent + 'p'.repeat(Math.max(1, bytes - parent.length));
  }

  const forms: [string, (prefix: string) => unknown][] = [
    ['string', (prefix) => prefix],
    ['Buffer', (prefix) => Buffer.from(prefix)],
  ];
  for (const [title, toForm] of forms) {
    it(`a prefix of any length, as ${title}`, async () => {
      const { fs } = makeRing();
      for (const bytes of [900, 1001, 1500, 4000]) {
        const prefix = prefixOf(bytes);
        const made = [
          await fs.mkdtemp(toForm(prefix) as string),
          await fs.mkdtemp(toForm(prefix) as string, 'buffer'),
          await fs.mkdtemp(toForm(prefix) as string, { encoding: 'utf8' }),
        ];
        expect(made.map((path) => typeof path)).to.deep.equal(['string', 'object', 'string']);
        const paths = made.map(String);
        expect(new Set(paths).size).to.equal(3);
        for (const path of paths) {
          expect(path.slice(0, -6)).to.equal(prefix);
          expect(path.slice(-6)).to.match(/^[A-Za-z0-9]{6}$/);
          expect(statSync(path).mode & 0o7777).to.equal(0o700);
        }
      }
    });

    it(`what is too long, not there, or no encoding, as ${title}: Node's errors`, async () => {
      const { fs } = makeRing();
      const missing = `/missing/${'p'.repeat(250)}${'/p'.repeat(500)}`;
      const long = 'n'.repeat(5000);
      for (const [prefix, code, text] of [
        [missing, 'ENOENT', 'no such file or directory'],
        [long, 'ENAMETOOLONG', 'name too long'],
      ] as const) {
        const error = await rejection(fs.mkdtemp(toForm(prefix) as string));
        expect(error).to.include({ code, syscall: 'mkdtemp', path: `${prefix}XXXXXX` });
        expect(error.message).to.equal(`${code}: ${text}, mkdtemp '${prefix}XXXXXX'`);
      }
      const error = await rejection(fs.mkdtemp(toForm(long) as string, 'nonsense' as BufferEncoding));
      expect(error.code).to.equal('ERR_INVALID_ARG_VALUE');
    });
  }

  it('a prefix that looks like a URL: read once, so that what was measured is what is used', async () => {
    const { fs } = makeRing();
    let reads = 0;
    const prefix = {
      href: 'file:',
      protocol: 'file:',
      hostname: '',
      get pathname(): string {
        reads++;
        return directory.at('from-a-url-');
      },
    } as URL;
    fileURLToPath(prefix);
    const readsOfOne = reads;
    reads = 0;
    const made = await fs.mkdtemp(prefix as unknown as string);
    expect([made.slice(0, -6), reads]).to.deep.equal([directory.at('from-a-url-'), readsOfOne]);
  });
});
