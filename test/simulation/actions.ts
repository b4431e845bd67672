/** What a simulated program does: each action takes a free target, makes one call or a few, and tells the model. */
import type { Random } from '../support/random.js';
import { pattern } from '../support/temporary.js';
import { check, PIECE_BYTES_MAX, RANGE_BYTES } from './models.js';
import {
  persist,
  SHORTAGE,
  type SimulatedFile,
  type SimulatedPipe,
  type SimulatedStream,
  type World,
} from './world.js';

/** Undefined where there is nothing to be done just now. */
export type Action = (world: World, random: Random) => Promise<void> | undefined;

const ENDED = /^(ABORT_ERR|ECANCELED|EBADF|ERR_RINGLET_CLOSED)$/;
/** Of a stream whose other end has been closed with data in it. */
const BROKEN = /^(ECONNRESET|EPIPE|ERR_SOCKET_CLOSED)$/;

/** Undefined for a call that ended with an error which there may be; any other is a finding. */
async function attempt<Value>(call: Promise<Value>, isBroken = () => false): Promise<Value | undefined> {
  try {
    return await call;
  } catch (error) {
    const code = String((error as NodeJS.ErrnoException).code);
    if (ENDED.test(code) || SHORTAGE.test(code) || (isBroken() && BROKEN.test(code))) return undefined;
    throw error;
  }
}

function perhapsAborted(random: Random): { signal?: AbortSignal } {
  if (!random.chance(15)) return {};
  const controller = new AbortController();
  if (random.chance(50)) queueMicrotask(() => controller.abort());
  else setTimeout(() => controller.abort(), random.integer(2));
  return { signal: controller.signal };
}

function freeFile(world: World, random: Random): SimulatedFile | undefined {
  const file = random.pick(world.files);
  return file.isClosing ? undefined : file;
}

const writeFileRange: Action = (world, random) => {
  const file = freeFile(world, random);
  const range = file?.model.take(random);
  if (file === undefined || range === undefined) return undefined;
  const content = pattern(RANGE_BYTES, random.integer(1 << 30));
  const position = range * RANGE_BYTES;
  const options = perhapsAborted(random);
  const half = content.subarray(0, RANGE_BYTES / 2);
  const call: Promise<{ bytesWritten: number }> = random.chance(30)
    ? file.handle.writev([half, content.subarray(RANGE_BYTES / 2)], position, options)
    : file.handle.write(content, { position, ...options });
  return (async () => {
    try {
      const written = await attempt(call);
      if (written === undefined) file.model.spoil(range);
      else file.model.wrote(range, content, written.bytesWritten);
    } finally {
      file.model.free(range);
    }
  })();
};

const readFileRange: Action = (world, random) => {
  const file = freeFile(world, random);
  const range = file?.model.take(random);
  if (file === undefined || range === undefined) return undefined;
  const bytes = Buffer.alloc(RANGE_BYTES);
  const position = range * RANGE_BYTES;
  const options = perhapsAborted(random);
  const call: Promise<{ bytesRead: number }> = random.chance(30)
    ? file.handle.readv([bytes.subarray(0, 100), bytes.subarray(100)], position, options)
    : file.handle.read(bytes, { position, ...options });
  return (async () => {
    try {
      const result = await attempt(call);
      if (result === undefined) return;
      check(result.bytesRead > 0, () => 'a read in the middle of a file found its end');
      file.model.expect(range, bytes.subarray(0, result.bytesRead));
    } finally {
      file.model.free(range);
    }
  })();
};

const chainOnFile: Action = (world, random) => {
  const file = freeFile(world, random);
  const range = file?.model.take(random);
  if (file === undefined || range === undefined) return undefined;
  const content = pattern(RANGE_BYTES, random.integer(1 << 30));
  const bytes = Buffer.alloc(RANGE_BYTES);
  const position = range * RANGE_BYTES;
  const call = world.ring.chain((steps) => [
    steps.write(file.handle, content, { position }),
    steps.read(file.handle, bytes, { position }),
  ]);
  return (async () => {
    try {
      const results = await attempt(call);
      const [written, read] = results ?? [];
      file.model.spoil(range);
      if (written?.status === 'fulfilled') file.model.wrote(range, content, written.value.bytesWritten);
      if (read?.status !== 'fulfilled') return;
      const wanted = content.subarray(0, read.value.bytesRead);
      check(bytes.subarray(0, read.value.bytesRead).equals(wanted), () => 'a chain reads back other bytes');
    } finally {
      file.model.free(range);
    }
  })();
};

const callOnFile: Action = (world, random) => {
  const file = freeFile(world, random);
  if (file === undefined) return undefined;
  const { handle } = file;
  const calls: (() => Promise<unknown>)[] = [
    () => handle.stat(),
    () => handle.datasync(),
    () => handle.cancel(),
    () => handle.utimes(1, 2),
  ];
  return attempt(random.pick(calls)()).then(() => {});
};

const reopenFile: Action = (world, random) => {
  const file = freeFile(world, random);
  if (file === undefined || random.chance(80)) return undefined;
  file.isClosing = true;
  return (async () => {
    await file.handle.close();
    file.handle = await persist(() => world.ring.fs.open(file.path, 'r+'));
    file.isClosing = false;
  })();
};

const usePath: Action = (world, random) => {
  const target = random.pick(world.paths);
  if (target.isBusy) return undefined;
  target.isBusy = true;
  const { fs } = world.ring;
  const content = pattern(random.integer(3000), random.integer(1 << 30));
  const write = async (): Promise<void> => {
    target.content = undefined;
    await fs.writeFile(target.path, content);
    target.content = content;
  };
  const read = async (): Promise<void> => {
    const found = await fs.readFile(target.path);
    const known = target.content;
    check(known !== null, () => 'a file that was removed can be read');
    check(known === undefined || known.equals(found), () => 'a file has other bytes than were written');
  };
  const remove = async (): Promise<void> => {
    const before = target.content;
    target.content = undefined;
    await fs.unlink(target.path);
    check(before !== null, () => 'a file that was not there was removed');
    target.content = null;
  };
  const look = async (): Promise<void> => {
    const { size } = await fs.stat(target.path);
    const known = target.content;
    check(known !== null, () => 'a file that was removed has a size');
    check(known === undefined || known.length === size, () => 'a file has another size');
  };
  const call = random.pick([write, write, read, read, look, remove]);
  return (async () => {
    const before = target.content;
    try {
      await attempt(call());
    } catch (error) {
      const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      if (!isMissing || (before !== null && before !== undefined)) throw error;
      target.content = before;
    } finally {
      target.isBusy = false;
    }
  })();
};

/** A pipe of which is not known what is in it any more gives way to a new one. */
async function renew(world: World, pipe: SimulatedPipe): Promise<void> {
  await Promise.all([pipe.reader.close(), pipe.writer.close()]);
  Object.assign(pipe, await world.openPipe(pipe.path));
}

const writePipe: Action = (world, random) => {
  const pipe = random.pick(world.pipes);
  // Of what there is no room for, a read may wait.
  if (pipe.isWriting || pipe.model.isBroken || pipe.model.outstanding > 30_000) return undefined;
  pipe.isWriting = true;
  const piece = pipe.model.next(1 + random.integer(6000));
  return (async () => {
    const result = await attempt(pipe.writer.write(piece));
    if (result === undefined) pipe.model.isBroken = true;
    else pipe.model.takeBack(piece.length - result.bytesWritten);
    pipe.isWriting = false;
    if (pipe.model.isBroken && !pipe.isReading) await renewPipe(world, pipe);
  })();
};

async function renewPipe(world: World, pipe: SimulatedPipe): Promise<void> {
  pipe.isReading = true;
  pipe.isWriting = true;
  await renew(world, pipe);
}

const readPipe: Action = (world, random) => {
  const pipe = random.pick(world.pipes);
  if (pipe.isReading || pipe.model.isBroken || pipe.isWriting || pipe.model.outstanding === 0)
    return undefined;
  pipe.isReading = true;
  const bytes = Buffer.alloc(1 + random.integer(6000));
  return (async () => {
    const result = await attempt(pipe.reader.read(bytes, 0, bytes.length, null));
    if (result !== undefined) pipe.model.read(bytes.subarray(0, result.bytesRead));
    if (result !== undefined) check(result.bytesRead > 0, () => 'a pipe with a writer has ended');
    pipe.isReading = false;
    if (pipe.model.isBroken && !pipe.isWriting) await renewPipe(world, pipe);
  })();
};

async function reconnect(world: World, stream: SimulatedStream): Promise<void> {
  stream.model.isBroken = true;
  await Promise.all([stream.near.close(), stream.far.close()]);
  Object.assign(stream, await world.connect());
}

const writeStream: Action = (world, random) => {
  const stream = random.pick(world.streams);
  const { model } = stream;
  if (model.isBroken || model.outstanding > 60_000) return undefined;
  const piece = model.next(1 + random.integer(random.chance(10) ? PIECE_BYTES_MAX - 1 : 2000));
  const half = piece.length >> 1;
  const call = random.chance(30)
    ? stream.near.writev([piece.subarray(0, half), piece.subarray(half)])
    : stream.near.write(piece);
  return (async () => {
    const isDone = (await attempt(call, () => true)) !== undefined;
    if (!isDone && !model.isBroken) await reconnect(world, stream);
  })();
};

const readStream: Action = (world, random) => {
  const stream = random.pick(world.streams);
  const { model, far } = stream;
  if (model.isBroken || stream.isReading || model.outstanding === 0) return undefined;
  stream.isReading = true;
  const isBroken = (): boolean => model.isBroken;
  const iterate = async (): Promise<void> => {
    for await (const chunk of far) {
      model.read(chunk);
      break;
    }
  };
  const lease = async (): Promise<void> => {
    for await (const chunk of far.chunks({ lease: true })) {
      model.read(chunk.data);
      if (random.chance(50)) chunk.release();
      else world.held.push(chunk);
      break;
    }
  };
  const read = async (): Promise<void> => {
    const buffer = Buffer.alloc(1 + random.integer(9000));
    // As much as there is may be waited for.
    const fill = buffer.length <= model.outstanding && random.chance(30);
    const { bytesRead } = await far.read(buffer, { fill, ...(fill ? {} : perhapsAborted(random)) });
    model.read(buffer.subarray(0, bytesRead));
  };
  return (async () => {
    try {
      await attempt(random.pick([iterate, lease, read, read])(), isBroken);
    } finally {
      if (stream.far === far) stream.isReading = false;
    }
  })();
};

const closeStream: Action = (world, random) => {
  const stream = random.pick(world.streams);
  if (stream.model.isBroken || random.chance(90)) return undefined;
  return reconnect(world, stream);
};

const sendDatagram: Action = (world, random) => {
  const { sender, receiver, model } = random.pick(world.datagrams);
  if (model.outstanding > 100) return undefined;
  const messages = Array.from({ length: random.chance(20) ? 1 + random.integer(8) : 1 }, () =>
    model.next(8 + random.integer(400)),
  );
  const [first = Buffer.alloc(0)] = messages;
  return (async () => {
    if (messages.length === 1) {
      const pieces = random.chance(30) ? [first.subarray(0, 5), first.subarray(5)] : first;
      if ((await attempt(sender.send(pieces, receiver.address))) !== undefined) model.sent(first);
      return;
    }
    const remote = receiver.address;
    const count = await attempt(sender.sendMany(messages.map((data) => ({ data, remote }))));
    for (const data of messages.slice(0, count ?? 0)) model.sent(data);
  })();
};

const receiveDatagram: Action = (world, random) => {
  const { receiver, model } = random.pick(world.datagrams);
  if (model.outstanding <= model.reserved) return undefined;
  model.reserved++;
  const receive = async (): Promise<void> => {
    model.received((await receiver.receive(perhapsAborted(random))).data);
  };
  const iterate = async (): Promise<void> => {
    for await (const message of receiver.messages({ lease: random.chance(60) })) {
      model.received(message.data);
      if (random.chance(50)) message.release();
      else world.held.push(message);
      break;
    }
  };
  return (async () => {
    try {
      await attempt(random.pick([receive, iterate])());
    } finally {
      model.reserved--;
    }
  })();
};

const sleep: Action = (world, random) => {
  const ms = random.integer(4);
  const from = performance.now();
  return (async () => {
    const call = world.ring.sleep(ms, perhapsAborted(random)).then(() => {
      const passedMs = performance.now() - from;
      check(passedMs >= ms - 1, () => `a sleep of ${ms} ms was over after ${passedMs}`);
    });
    await attempt(call);
  })();
};

const release: Action = (world) => {
  world.releaseAll();
  return undefined;
};

export const ACTIONS: readonly Action[] = [
  ...Array<Action>(5).fill(writeFileRange),
  ...Array<Action>(6).fill(readFileRange),
  ...Array<Action>(2).fill(chainOnFile),
  callOnFile,
  reopenFile,
  ...Array<Action>(2).fill(usePath),
  ...Array<Action>(3).fill(writePipe),
  ...Array<Action>(3).fill(readPipe),
  ...Array<Action>(4).fill(writeStream),
  ...Array<Action>(4).fill(readStream),
  closeStream,
  ...Array<Action>(5).fill(sendDatagram),
  ...Array<Action>(5).fill(receiveDatagram),
  sleep,
  release,
];
