/** The examples in the docstrings: each compiles against the package's types, runs to its end, and is JavaScript. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { expect } from 'chai';
import { expectCleanExit, PACKAGE_ROOT } from './support/child.js';
import { asCommonJs, Examples } from './support/examples.js';
import { temporaryDirectory } from './support/temporary.js';

const SOURCES = join(PACKAGE_ROOT, 'src');

/** What an example takes for granted: what comes before it in its program, and after it. */
interface Surroundings {
  before: string;
  after?: string;
}

const PIPE = `
  import { closeSync, openSync, readSync, writeSync } from 'node:fs';
  import { execFileSync } from 'node:child_process';
  execFileSync('mkfifo', ['fifo']);
  const fd = openSync('fifo', 'r+');
  writeSync(fd, 'some');
  const buffer = Buffer.alloc(8);`;

/** By the first line of the example. Those that are not here need nothing but a ring. */
const SURROUNDINGS: Record<string, Surroundings> = {
  'const recording = ring.recordLatency();': {
    before: `const serve = () => ring.fs.stat('.');`,
  },
  "const events = await ring.poll(fd, ['readable'], { signal: AbortSignal.timeout(1000) });": {
    before: PIPE,
    after: 'closeSync(fd);',
  },
  "for await (const events of ring.watch(fd, ['readable'])) {": {
    // A socket, because it can hang up.
    before: `
      import net from 'node:net';
      import { once } from 'node:events';
      import { readSync } from 'node:fs';
      const server = net.createServer((socket) => socket.end('some')).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const socket = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1');
      await once(socket, 'connect');
      const { fd } = (socket as unknown as { _handle: { fd: number } })._handle;
      setTimeout(() => socket.end(), 20);
      const readSome = (from: number) => {
        try {
          return readSync(from, Buffer.alloc(8));
        } catch {
          return 0;
        }
      };`,
    after: 'socket.destroy(); server.close();',
  },
  "for await (const { signal, count } of ring.signals(['SIGHUP', 'SIGTERM'])) {": {
    before: `
      let reloadCount = 0;
      const reload = async () => {
        reloadCount += 1;
        process.kill(process.pid, 'SIGTERM');
      };
      setTimeout(() => process.kill(process.pid, 'SIGHUP'), 20);`,
    after: `if (reloadCount !== 1) throw new Error('it was not reloaded');`,
  },
  'const [written, synced, renamed] = await ring.chain((chain) => [': {
    before: `
      const data = Buffer.from('{}');
      const file = await ring.fs.open('settings.new', 'w');`,
    after: `
      if (renamed.status !== 'fulfilled') throw renamed.reason;
      await file.close();`,
  },
  'const pool = ring.bufferPool({ count: 8, bytes: 65_536 });': {
    before: `
      await ring.fs.writeFile('data.bin', Buffer.alloc(100_000));
      const file = await ring.fs.open('data.bin');`,
    after: 'await file.close();',
  },
  "import { constants } from 'node:fs';": {
    before: `await ring.fs.writeFile('data.bin', Buffer.alloc(100_000));`,
    after: 'await direct.close(); await pool.close();',
  },
  "const uploads = await ring.fs.open('/srv/uploads');": {
    before: `
      const nameFromOutside = 'picture';
      await ring.fs.writeFile('picture', '');`,
    after: 'await file.close(); await uploads.close();',
  },
};

/** Paths in examples that a test cannot have, and what stands for them. */
const PATHS: Record<string, string> = { "'/srv/uploads'": "'.'" };

interface Example {
  file: string;
  source: string;
}

function examplesOf(file: string): Example[] {
  const text = readFileSync(join(SOURCES, file), 'utf8');
  return [...text.matchAll(/^ *\* ```[jt]s\n(.*?)^ *\* ```$/gms)].map(([, body = '']) => ({
    file,
    source: body.replace(/^ *\* ?/gm, ''),
  }));
}

function programOf({ source }: Example): string {
  const firstLine = source.split('\n', 1)[0] ?? '';
  const { before, after = '' } = SURROUNDINGS[firstLine] ?? { before: '' };
  const body = Object.entries(PATHS).reduce((text, [path, own]) => text.replaceAll(path, own), source);
  const names = /import \{ ([^}]*) \} from 'ringlet'/.test(body) ? '' : `import { Ring } from 'ringlet';`;
  const ring = names && 'const ring = new Ring();';
  // Both in one scope, so that what comes after may use what the example has made.
  return [names, ring, before, body, after, names && 'await ring.close();'].join('\n');
}

const examples = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .sort()
  .flatMap(examplesOf);

describe('Examples in docstrings', () => {
  const programs = new Examples('docstrings');
  const directory = temporaryDirectory();

  before('compiling them', async function () {
    this.timeout(60_000);
    // An example shows what there is, and need not use it.
    await programs.compile(examples.map(programOf), { noUnusedLocals: false, noImplicitAny: false });
  });

  it('has examples to run', () => {
    expect(examples).to.have.length.at.least(7);
  });

  it('knows of none that is gone', () => {
    const firstLines = examples.map(({ source }) => source.split('\n', 1)[0]);
    expect(firstLines).to.include.members(Object.keys(SURROUNDINGS));
  });

  it('are JavaScript that the oldest Node parses', () => {
    for (const { source } of examples) new Script(asCommonJs(source));
  });

  for (const [index, { file, source }] of examples.entries()) {
    it(`src/${file}: '${source.split('\n', 1)[0]}' runs to its end`, async () => {
      const outcome = await programs.run(index, directory.path);
      expectCleanExit(outcome);
      expect(outcome.stderr).to.equal('');
    });
  }
});
