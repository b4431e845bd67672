/** Processes that get to run seldom, or not for a while: every operation comes to its end when they do. */
import { expect } from 'chai';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { needsIoUring, RING_CONFIGURATIONS } from '../support/backends.js';
import { PACKAGE_ROOT } from '../support/child.js';
import { makeQuotaGroup } from '../support/cpu-quota.js';
import { DEADLINE_MS, eventually, within } from '../support/eventually.js';
import { skip } from '../support/skip.js';
import { temporaryDirectory } from '../support/temporary.js';

const ROUNDS = 40;

/** Files by all ways, datagrams, a stream, timers, aborts of what waits: many rounds, and a line for each. */
const SCRIPT = `
  import { DatagramSocket, Listener, Ring, StreamSocket } from 'ringlet';
  const [, optionsText, directory] = process.argv;
  const ring = new Ring(JSON.parse(optionsText));
  const fifo = await ring.fs.open(directory + '/fifo', 'r+');
  const socket = await DatagramSocket.bind({ address: '127.0.0.1', ring });
  const listener = await Listener.listen({ host: '127.0.0.1', port: 0, ring });
  const near = await StreamSocket.connect({ host: '127.0.0.1', port: listener.address.port, ring });
  const far = await listener.accept();
  void (async () => { for await (const chunk of far) await far.write(chunk); })();
  console.log('begun');
  for (let round = 0; round < ${ROUNDS}; round++) {
    const text = 'round ' + round;
    const path = directory + '/file-' + (round % 4);
    const controller = new AbortController();
    const waiting = fifo.read(Buffer.alloc(1), { signal: controller.signal }).catch(({ name }) => name);
    const coming = socket.receive();
    const echo = near.read(Buffer.alloc(text.length), { fill: true });
    await Promise.all([
      ring.fs.writeFile(path, text, { flush: true }),
      socket.send(text, socket.address),
      near.write(text),
      ring.sleep(2),
    ]);
    controller.abort();
    const found = [String(await ring.fs.readFile(path)), String((await coming).data), String((await echo).buffer)];
    if (await waiting !== 'AbortError' || found.some((each) => each !== text)) throw new Error(found.join());
    console.log(text);
  }
  for (const each of [near, far, listener, socket, fifo]) await each.close();
  const { inFlight, waiting, staleCompletions } = ring.stats();
  await ring.close();
  console.log(JSON.stringify({ inFlight, waiting, staleCompletions }));
`;

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

for (const { title, options } of RING_CONFIGURATIONS) {
  describe(`Processes that are held up [${title}]`, () => {
    needsIoUring(options);
    const directory = temporaryDirectory();

    /** Starts the script, has it begin, and waits for its end, and for `holdUp`’s. */
    async function run(holdUp: (child: Child, lines: readonly string[]) => Promise<void>): Promise<void> {
      directory.fifo('fifo');
      const args = ['--input-type=module', '-e', SCRIPT, JSON.stringify(options), directory.path];
      const child: Child = spawn(process.execPath, args, {
        cwd: PACKAGE_ROOT,
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      const exited = once(child, 'exit');
      let complaint = '';
      child.stderr.on('data', (text) => {
        complaint += text;
      });
      const lines: string[] = [];
      createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
      try {
        await eventually('the beginning', () => lines.length > 0);
        await holdUp(child, lines);
        const [code, signal] = await within('the end', exited, 4 * DEADLINE_MS);
        expect([code, signal], complaint).to.deep.equal([0, null]);
      } finally {
        child.kill('SIGKILL');
      }
      expect(lines).to.have.length(ROUNDS + 2);
      expect(JSON.parse(lines.at(-1) as string)).to.deep.equal({
        inFlight: 0,
        waiting: 0,
        staleCompletions: 0,
      });
    }

    it('SIGSTOP and SIGCONT, again and again', () => {
      return run(async (child, lines) => {
        const stateOf = (): string =>
          readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]?.[0] ?? '';
        for (let stops = 0; stops < 10 && child.exitCode === null; stops++) {
          child.kill('SIGSTOP');
          await eventually('the stop', () => child.exitCode !== null || ['T', 'Z'].includes(stateOf()));
          const count = lines.length;
          child.kill('SIGCONT');
          await eventually('a round', () => child.exitCode !== null || lines.length > count);
        }
      });
    });

    it('5 % of a CPU', async function () {
      this.timeout(6 * DEADLINE_MS);
      const group = makeQuotaGroup(5_000);
      if (typeof group === 'string') skip(this, group);
      try {
        await run(async (child) => {
          writeFileSync(`${group.directory}/cgroup.procs`, String(child.pid));
        });
      } finally {
        await eventually('the end of the group', () => {
          try {
            group.remove();
            return true;
          } catch {
            return false;
          }
        });
      }
    });
  });
}
