/** `ringlet top` on programs that show their rings, and on those that do not. */
import { expect } from 'chai';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, linkSync, mkdirSync, readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type ChildOutcome, PACKAGE_ROOT, runProgram, runScript } from '../support/child.js';
import { within } from '../support/eventually.js';
import { temporaryDirectory } from '../support/temporary.js';

const TOP = join(PACKAGE_ROOT, 'dist/observe/cli/main.js');

describe('ringlet top', () => {
  const directory = temporaryDirectory();
  const started: ChildProcess[] = [];

  afterEach(async () => {
    for (const child of started.splice(0)) {
      const ended = once(child, 'close');
      if (child.kill('SIGKILL')) await ended;
    }
  });

  function top(...args: string[]): Promise<ChildOutcome> {
    return runProgram([process.execPath, TOP, 'top', '--once', ...args], {
      env: { XDG_RUNTIME_DIR: directory.path },
    });
  }

  /** A program that shows its rings, once it has printed 'ready'. */
  async function start(script: string): Promise<number> {
    const argv = ['--import', 'ringlet/expose', '--input-type=module', '-e', script];
    const child = spawn(process.execPath, argv, {
      cwd: PACKAGE_ROOT,
      env: { ...process.env, XDG_RUNTIME_DIR: directory.path },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    started.push(child);
    await within('the program', once(createInterface(child.stdout), 'line'));
    return child.pid as number;
  }

  const busy = (options: string): string => `
    import { Ring } from 'ringlet';
    const ring = new Ring(${options});
    console.log('ready');
    for (;;) await Promise.all([ring.fs.mkdir('/').catch(() => {}), ring.sleep(5)]);
  `;

  it('shows what each ring does a second, as a table and as JSON', async () => {
    const pid = await start(busy("{ name: 'worker bee', backend: 'node' }"));
    const { stdout, code } = await top();
    expect(code).to.equal(0);
    expect(stdout).to.match(new RegExp(`^${pid} .*Node ${process.version}$`, 'm'));
    expect(stdout).to.match(/^ {2}worker bee {2}node +\d/m);
    const [seen] = JSON.parse((await top(String(pid), '--json')).stdout);
    expect(seen.pid).to.equal(pid);
    expect(seen.rings[0].name).to.equal('worker bee');
    expect(seen.rings[0].perSecond.submitted).to.be.above(0);
  });

  it('workers show theirs too, and a program that has no ring is told of', async () => {
    // Not by `eval`: Node 20 preloads nothing there.
    const worker = `data:text/javascript,
      import { createRequire } from 'node:module';
      import { parentPort } from 'node:worker_threads';
      const { Ring } = createRequire('${PACKAGE_ROOT}')('ringlet');
      globalThis.ring = new Ring({ name: 'in a worker', backend: 'node' });
      parentPort.on('message', () => {});
      parentPort.postMessage('made');`;
    const pid = await start(`
      import { once } from 'node:events';
      import { Worker } from 'node:worker_threads';
      await once(new Worker(new URL(${JSON.stringify(worker)})), 'message');
      console.log('ready');
    `);
    const { stdout } = await top(String(pid));
    expect(stdout).to.match(new RegExp(`^${pid} .*\\n  no ring yet$`, 'm'));
    expect(stdout).to.match(new RegExp(`^${pid}, worker 1 .*\\n.*\\n  in a worker`, 'm'));
  });

  it('a socket goes with its program, and one that was left behind with the first look', async () => {
    const shown = await runScript(
      "import { readdirSync } from 'node:fs'; console.log(readdirSync(process.env.XDG_RUNTIME_DIR + '/ringlet').length);",
      { execArgv: ['--import', 'ringlet/expose'], env: { XDG_RUNTIME_DIR: directory.path } },
    );
    expect(shown.stdout).to.equal('1\n');
    const folder = join(directory.path, 'ringlet');
    expect(readdirSync(folder)).to.deep.equal([]);
    const left = join(folder, '99999999-0.sock');
    const server = createServer().listen(left);
    await once(server, 'listening');
    // Node unlinks the path with the server; another name of it stays.
    linkSync(left, join(folder, '99999999-1.sock'));
    server.close();
    await once(server, 'close');
    expect((await top()).stdout).to.include('No program shows its rings.');
    expect(readdirSync(folder)).to.deep.equal([]);
  });

  it('a folder that is not the user’s alone is not used', async () => {
    const folder = join(directory.path, 'ringlet');
    mkdirSync(folder, { recursive: true });
    chmodSync(folder, 0o777);
    const { stdout, stderr, code } = await runScript("console.log('runs')", {
      execArgv: ['--import', 'ringlet/expose'],
      env: { XDG_RUNTIME_DIR: directory.path },
    });
    expect([stdout, code]).to.deep.equal(['runs\n', 0]);
    expect(stderr).to.include("is not this user's alone");
    expect(readdirSync(folder)).to.deep.equal([]);
    expect((await top()).code).to.equal(1);
  });
});
