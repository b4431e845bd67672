/**
 * Streams that send without a copy, to a device that takes no copies: what is settled when, and how what the
 * kernel still reads is given back. Over loopback, where the kernel copies anyway: contract/stream-flow.
 */
import { join } from 'node:path';
import { expect } from 'chai';
import { needsIoUring } from '../support/backends.js';
import { expectCleanExit, PACKAGE_ROOT, runProgram } from '../support/child.js';
import { findProgram } from '../support/programs.js';
import { python } from '../support/python.js';
import { skip } from '../support/skip.js';

/** A namespace whose only device drops what it is given, in packets that need no fragments. */
const SETUP = `
ip link set lo up
ip link add sink0 mtu 60000 type ifb
ip address add 10.66.0.1/24 dev sink0
ip link set sink0 up
echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter
echo 0 > /proc/sys/net/ipv4/conf/lo/rp_filter
exec "$0" "$@"`;

const PEER = join(PACKAGE_ROOT, 'test/support/deaf-peer.py');

/** Connects to the deaf peer, and writes a mebibyte of which the last part is sent and not acknowledged. */
const BEGIN = `
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { Ring, StreamSocket } from 'ringlet';

const MIB = 1024 * 1024;
const peer = spawn(${JSON.stringify(python())}, [${JSON.stringify(PEER)}, 'sink0'], { stdio: ['pipe', 'pipe', 'inherit'] });
const lines = createInterface({ input: peer.stdout })[Symbol.asyncIterator]();
await lines.next();
const ring = new Ring({ backend: 'io_uring' });
const socket = await StreamSocket.connect({ host: '10.66.0.2', port: 7, localAddress: '10.66.0.1', sendBufferBytes: 100_000, noDelay: true, zeroCopy: true, ring });
await lines.next();

const told = (promise) => {
  const state = { isSettled: false, outcome: undefined };
  state.promise = promise.then((value) => value, ({ code, bytesWritten }) => [code, bytesWritten]).then((outcome) => {
    Object.assign(state, { isSettled: true, outcome });
    return outcome;
  });
  return state;
};
/** Has the peer acknowledge what is sent, up to so many bytes in all. */
const acknowledge = (bytes) => peer.stdin.write('ack ' + bytes + '\\n');
const counts = () => {
  const { zeroCopySends, zeroCopyCopies } = ring.stats();
  return [zeroCopySends, zeroCopyCopies];
};
const finish = (outcome) => {
  console.log(JSON.stringify(outcome));
  peer.stdin.end();
};
const controller = new AbortController();
const large = told(socket.write(Buffer.alloc(MIB, 1), { signal: controller.signal }));
const small = told(socket.write('small'));
// The small one goes once the kernel has taken all of the large one, and has room. It tells of room when two thirds
// of the buffer are free, and a segment that is acknowledged in part counts whole: so only the last one may be left.
acknowledge(MIB - 8_192);
await small.promise;
`;

/** Why there can be no such namespace here. */
async function refusal(): Promise<string | undefined> {
  for (const program of ['ip', 'ss', 'unshare', 'python3']) {
    if (findProgram(program) === '') return `${program} is not installed`;
  }
  const tried = await runProgram(['ip', 'link', 'add', 'sink0', 'type', 'ifb'], {
    launcher: ['unshare', '--net'],
  });
  return tried.code === 0 ? undefined : `no device in a namespace: ${tried.stderr.trim()}`;
}

async function play(context: Mocha.Context, script: string): Promise<unknown> {
  const reason = await refusal();
  if (reason !== undefined) skip(context, reason);
  const outcome = await runProgram([process.execPath, '--input-type=module', '-e', BEGIN + script], {
    launcher: ['unshare', '--net', 'sh', '-ec', SETUP],
    deadlineMs: DEADLINE_MS,
  });
  expectCleanExit(outcome);
  return JSON.parse(outcome.stdout);
}

const MIB = 1024 * 1024;
/** Of one process. */
const DEADLINE_MS = 60_000;

describe('Streams that send without a copy', function () {
  // Several processes each, with a Python in between.
  this.timeout(5 * DEADLINE_MS);
  needsIoUring();

  it('write settles when the peer has acknowledged it, and the next one before that; end does not wait', async function () {
    const outcome = await play(
      this,
      `
      const log = [large.isSettled, small.outcome, counts()];
      await socket.end();
      controller.abort();
      log.push(large.isSettled);
      acknowledge(MIB);
      await large.promise;
      log.push(large.outcome, counts());
      await socket.close();
      await ring.close();
      finish(log);`,
    );
    expect(outcome).to.deep.equal([false, 5, [1, 0], false, MIB, [1, 0]]);
  });

  it('an abort while the peer holds it back: what has been taken is counted, and waits for the peer', async function () {
    const outcome = await play(
      this,
      `
      acknowledge(MIB + 5);
      await large.promise;
      const second = new AbortController();
      const cut = told(socket.write(Buffer.alloc(MIB, 2), { signal: second.signal }));
      await ring.sleep(20);
      second.abort();
      await ring.sleep(20);
      const log = [cut.isSettled];
      acknowledge(2 * MIB);
      await cut.promise;
      const [code, bytesWritten] = cut.outcome;
      log.push(code, bytesWritten > 0 && bytesWritten < MIB, counts());
      log.push((await told(socket.write('x')).promise)[0]);
      await socket.close();
      await ring.close();
      finish(log);`,
    );
    expect(outcome).to.deep.equal([false, 'ABORT_ERR', true, [2, 0], 'EPIPE']);
  });

  it('close and detach wait for the peer', async function () {
    for (const call of ['close', 'detach']) {
      const outcome = await play(
        this,
        `
        const closing = told(socket.${call}());
        await ring.sleep(50);
        const log = [closing.isSettled, large.isSettled];
        acknowledge(MIB + 5);
      await large.promise;
        await closing.promise;
        await ring.close();
        log.push(large.outcome);
        finish(log);`,
      );
      expect(outcome, call).to.deep.equal([false, false, MIB]);
    }
  });

  it('a peer that never acknowledges: close ends it after a while, reset and Ring.close at once', async function () {
    for (const call of [
      'socket.close()',
      'socket.reset()',
      'ring.close()',
      'socket.detach().catch(() => {}), ring.close()',
    ]) {
      const outcome = await play(
        this,
        `
        await (${call});
        await ring.close();
        finish([large.outcome, counts()]);`,
      );
      expect(outcome, call).to.deep.equal([MIB, [1, 0]]);
    }
  });

  it('a peer that resets the connection lets go of it', async function () {
    const outcome = await play(
      this,
      `
      peer.stdin.write('reset\\n');
      await large.promise;
      const { code } = await socket.read(Buffer.alloc(1)).catch((error) => error);
      await socket.close();
      await ring.close();
      finish([large.outcome, code]);`,
    );
    expect(outcome).to.deep.equal([MIB, 'ECONNRESET']);
  });

  it('a process that exits, and a worker that is terminated, do not wait for the peer', async function () {
    const outcome = await play(this, `console.log('[]'); process.exit(0);`);
    expect(outcome).to.deep.equal([]);
    const inWorker = await play(
      this,
      `
      import { Worker } from 'node:worker_threads';
      const fd = await (async () => {
        acknowledge(MIB + 5);
      await large.promise;
        return await socket.detach();
      })();
      const worker = new Worker(\`
        import('ringlet').then(async ({ Ring, StreamSocket }) => {
          const { parentPort, workerData } = await import('node:worker_threads');
          const ring = new Ring({ backend: 'io_uring' });
          const socket = StreamSocket.fromFd(workerData, { ring, zeroCopy: true });
          void socket.write(Buffer.alloc(1024 * 1024, 3));
          setTimeout(() => parentPort.postMessage(ring.stats().zeroCopySends), 50);
        });\`, { eval: true, workerData: fd });
      const [sends] = await once(worker, 'message');
      await worker.terminate();
      await ring.close();
      finish([sends]);`,
    );
    expect(inWorker).to.deep.equal([1]);
  });
});
