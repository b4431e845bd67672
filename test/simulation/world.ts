/** What a simulated program works on: files, pipes, sockets, with the model of each; made on the ring, and closed. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatagramSocket, type FileHandle, Listener, Ring, type RingOptions, StreamSocket } from 'ringlet';
import { within } from '../support/eventually.js';
import type { Random } from '../support/random.js';
import { DatagramModel, FILE_BYTES, FileModel, StreamModel } from './models.js';

/** Errors of a kernel that is short of something: the same call may do better. */
export const SHORTAGE = /^(ENOMEM|EAGAIN)$/;

/** The same call until it is no shortage that stops it. */
export async function persist<Value>(call: () => Promise<Value>): Promise<Value> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (attempt === 200 || !SHORTAGE.test(String((error as NodeJS.ErrnoException).code))) throw error;
    }
  }
}

export interface SimulatedFile {
  readonly path: string;
  handle: FileHandle;
  readonly model: FileModel;
  isClosing: boolean;
}

export interface SimulatedPipe {
  readonly path: string;
  reader: FileHandle;
  writer: FileHandle;
  model: StreamModel;
  isReading: boolean;
  isWriting: boolean;
}

export interface SimulatedStream {
  near: StreamSocket;
  far: StreamSocket;
  model: StreamModel;
  isReading: boolean;
}

export interface SimulatedDatagrams {
  readonly receiver: DatagramSocket;
  readonly sender: DatagramSocket;
  readonly model: DatagramModel;
}

/** A path, and what is there: null for nothing, undefined for what is not known. */
export interface SimulatedPath {
  readonly path: string;
  content: Buffer | null | undefined;
  isBusy: boolean;
}

const SMALL: RingOptions = {
  submissionEntries: 4,
  completionEntries: 8,
  completionEntriesMin: 4,
  receiveBuffers: { count: 4, bytes: 2048 },
};

function optionsFor(random: Random): RingOptions {
  const sizes = random.pick<RingOptions>([SMALL, { submissionEntries: 32, completionEntries: 64 }, {}]);
  return {
    backend: 'epoll',
    inlineReads: random.chance(50),
    submitImmediately: random.chance(20),
    ...(random.chance(30) ? { inFlightMax: 8 } : {}),
    ...sizes,
  };
}

export class World {
  readonly ring: Ring;
  readonly files: SimulatedFile[] = [];
  readonly paths: SimulatedPath[] = [];
  readonly pipes: SimulatedPipe[] = [];
  readonly streams: SimulatedStream[] = [];
  readonly datagrams: SimulatedDatagrams[] = [];
  readonly #listeners: Listener[] = [];
  #connecting: Promise<unknown> = Promise.resolve();
  /** What is held on purpose, and has to be given back. */
  readonly held: { release(): void }[] = [];

  private constructor(ring: Ring) {
    this.ring = ring;
  }

  static async make(directory: string, random: Random): Promise<World> {
    const world = new World(new Ring(optionsFor(random)));
    const { ring } = world;
    for (let index = 0; index < 2; index++) {
      const path = join(directory, `file-${index}`);
      const handle = await persist(() => ring.fs.open(path, 'w+'));
      await persist(() => handle.truncate(FILE_BYTES));
      world.files.push({ path, handle, model: new FileModel(), isClosing: false });
    }
    for (let index = 0; index < 6; index++) {
      world.paths.push({ path: join(directory, `path-${index}`), content: null, isBusy: false });
    }
    const fifo = join(directory, 'fifo');
    execFileSync('mkfifo', [fifo]);
    world.pipes.push({ path: fifo, ...(await world.openPipe(fifo)) });
    world.#listeners.push(await persist(() => Listener.listen({ ring, host: '127.0.0.1', port: 0 })));
    for (let index = 0; index < 2; index++) world.streams.push(await world.connect());
    const bind = (): Promise<DatagramSocket> =>
      DatagramSocket.bind({ ring, address: '127.0.0.1', receiveBufferBytes: 1 << 20 });
    world.datagrams.push({ receiver: await bind(), sender: await bind(), model: new DatagramModel() });
    return world;
  }

  async openPipe(path: string): Promise<Omit<SimulatedPipe, 'path'>> {
    const open = (): Promise<FileHandle> => persist(() => this.ring.fs.open(path, 'r+'));
    return {
      reader: await open(),
      writer: await open(),
      model: new StreamModel(),
      isReading: false,
      isWriting: false,
    };
  }

  /** A new pair; one after the other, so that each end meets its own. */
  connect(): Promise<SimulatedStream> {
    const connecting = this.#connecting.then(() => this.#connect());
    this.#connecting = connecting.catch(() => {});
    return connecting;
  }

  async #connect(): Promise<SimulatedStream> {
    const listener = this.#listeners[0] as Listener;
    const { address: host, port } = listener.address as { address: string; port: number };
    const near = persist(() => StreamSocket.connect({ ring: this.ring, host, port }));
    const far = persist(() => listener.accept());
    const [one, other] = await Promise.all([near, far]);
    return { near: one, far: other, model: new StreamModel(), isReading: false };
  }

  releaseAll(): void {
    for (const each of this.held.splice(0)) each.release();
  }

  /** Closes everything and looks whether it is as the models say. */
  async end(): Promise<void> {
    this.releaseAll();
    for (const { handle, model, path } of this.files) {
      await within(`the close of ${path}`, handle.close());
      model.expectAll(readFileSync(path));
    }
    for (const { reader, writer } of this.pipes) {
      await within('the close of a pipe', Promise.all([reader.close(), writer.close()]));
    }
    for (const { near, far } of this.streams) {
      await within('the close of a stream', Promise.all([near.close(), far.close()]));
    }
    for (const { receiver, sender } of this.datagrams) {
      await within('the close of datagrams', Promise.all([receiver.close(), sender.close()]));
    }
    for (const listener of this.#listeners) await within('the close of a listener', listener.close());
  }

  async closeRing(): Promise<void> {
    await within('the close of the ring', this.ring.close());
  }

  describe(): string {
    const { inFlight, waiting, receiveBuffers } = this.ring.stats();
    const streams = this.streams.map(({ model, isReading }) => [
      model.outstanding,
      model.isBroken,
      isReading,
    ]);
    const datagrams = this.datagrams.map(({ model }) => [model.outstanding, model.reserved]);
    return JSON.stringify({ inFlight, waiting, receiveBuffers, streams, datagrams });
  }
}
