/** Connections, TCP or Unix: written, read, iterated, leased, closed under all that. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as immediate } from 'node:timers/promises';
import { type FileHandle, Listener, StreamSocket } from 'ringlet';
import { within } from '../support/eventually.js';
import { check, PIECE_BYTES_MAX, StreamModel } from './models.js';
import { type Action, type Part, persist, type Stage } from './stage.js';

interface Connection {
  readonly near: StreamSocket;
  readonly far: StreamSocket;
  readonly model: StreamModel;
  isReading: boolean;
  isClosing: boolean;
}

export type StreamFamily = 'TCP' | 'Unix';

const CONNECTIONS = 2;
const OUTSTANDING_MAX = 60_000;
/** Of a connection that has been closed, at one end or the other. */
const CLOSED = /^(ECONNRESET|EPIPE|ERR_SOCKET_CLOSED|EBADF)$/;

export class Streams implements Part {
  readonly #stage: Stage;
  readonly #listener: Listener;
  readonly #path: string | undefined;
  readonly #source: FileHandle;
  readonly #connections: Connection[] = [];
  #connecting: Promise<unknown> = Promise.resolve();

  private constructor(stage: Stage, listener: Listener, path: string | undefined, source: FileHandle) {
    this.#stage = stage;
    this.#listener = listener;
    this.#path = path;
    this.#source = source;
  }

  /** @param source the path of a file with `STREAM_BYTES`. */
  static async make(stage: Stage, family: StreamFamily, source: string): Promise<Streams> {
    const { ring } = stage;
    const path = family === 'Unix' ? join(stage.directory, 'listener') : undefined;
    const place = path === undefined ? { host: '127.0.0.1', port: 0 } : { path };
    const listener = await persist(() => Listener.listen({ ring, ...place }));
    const streams = new Streams(stage, listener, path, await persist(() => ring.fs.open(source, 'r')));
    for (let index = 0; index < CONNECTIONS; index++) streams.#connections.push(await streams.#connect());
    return streams;
  }

  /** A new pair; one after the other, so that each end meets its own. */
  #connect(): Promise<Connection> {
    const connect = async (): Promise<Connection> => {
      const { ring } = this.#stage;
      const { address: host = '', port = 0 } = this.#listener.address as { address?: string; port?: number };
      const place = this.#path === undefined ? { host, port } : { path: this.#path };
      const near = persist(() => StreamSocket.connect({ ring, ...place }));
      const far = persist(() => this.#listener.accept());
      const [one, other] = await Promise.all([near, far]);
      return { near: one, far: other, model: new StreamModel(), isReading: false, isClosing: false };
    };
    const connecting = this.#connecting.then(connect);
    this.#connecting = connecting.catch(() => {});
    return connecting;
  }

  async #reconnect(connection: Connection): Promise<void> {
    if (connection.isClosing) return;
    connection.isClosing = connection.model.isBroken = true;
    await Promise.all([connection.near.close(), connection.far.close()]);
    this.#connections[this.#connections.indexOf(connection)] = await this.#connect();
  }

  readonly #write: Action = (random) => {
    const connection = random.pick(this.#connections);
    const { model, near } = connection;
    // What others write meanwhile would come between the pieces of a file.
    if (model.isBroken || model.outstanding > OUTSTANDING_MAX || this.#isSending.has(near)) return undefined;
    const { position } = model;
    const piece = model.next(1 + random.integer(random.chance(10) ? PIECE_BYTES_MAX - 1 : 2000));
    const half = piece.length >> 1;
    const options = random.chance(20) ? this.#stage.perhapsAborted(random) : {};
    let isDone = false;
    // What is aborted is left out, and what follows takes its place.
    options.signal?.addEventListener('abort', () => {
      if (!isDone) model.isBroken = true;
    });
    const calls = [
      () => near.write(piece, options),
      () => near.write(piece, options),
      () => near.writev([piece.subarray(0, half), piece.subarray(half)], options),
    ];
    if (random.chance(10)) calls.splice(0, calls.length, () => this.#sendFile(near, position, piece.length));
    return (async () => {
      let isClosed = false;
      const when = (): boolean => {
        isClosed = true;
        return isClosed;
      };
      const count = await this.#stage.attempt(random.pick(calls)(), { codes: CLOSED, when, ...options });
      isDone = true;
      // Another write that has failed takes those behind it along, and is told of in the same turn.
      if (isClosed) await immediate();
      check(!isClosed || model.isBroken || this.#stage.isEnding, () => 'a connection has broken by itself');
      if (count !== piece.length || model.isBroken) await this.#reconnect(connection);
    })();
  };

  readonly #isSending = new Set<StreamSocket>();

  async #sendFile(near: StreamSocket, position: number, length: number): Promise<number> {
    this.#isSending.add(near);
    try {
      return await near.sendFile(this.#source, { position, length });
    } finally {
      this.#isSending.delete(near);
    }
  }

  readonly #read: Action = (random) => {
    const connection = random.pick(this.#connections);
    const { model, far } = connection;
    if (model.isBroken || connection.isReading || model.outstanding === 0) return undefined;
    connection.isReading = true;
    const options = this.#stage.perhapsAborted(random);
    const iterate = async (): Promise<true> => {
      for await (const chunk of far.chunks(options)) {
        model.read(chunk);
        break;
      }
      return true;
    };
    const lease = async (): Promise<true> => {
      for await (const chunk of far.chunks({ lease: true, ...options })) {
        model.read(chunk.data);
        if (random.chance(50)) chunk.release();
        else this.#stage.hold(chunk);
        break;
      }
      return true;
    };
    const read = async (): Promise<true> => {
      const buffer = Buffer.alloc(1 + random.integer(9000));
      // As much as there is may be waited for.
      const fill = options.signal === undefined && buffer.length <= model.outstanding && random.chance(30);
      const { bytesRead } = await far.read(buffer, { fill, ...options });
      model.read(buffer.subarray(0, bytesRead));
      return true;
    };
    return (async () => {
      try {
        const tolerance = { codes: CLOSED, when: () => model.isBroken, ...options };
        const isDone = await this.#stage.attempt(random.pick([iterate, lease, read, read])(), tolerance);
        // A receive without memory is the connection's end.
        if (!isDone && !options.signal?.aborted) await this.#reconnect(connection);
      } finally {
        connection.isReading = false;
      }
    })();
  };

  readonly #close: Action = (random) => {
    const connection = random.pick(this.#connections);
    if (connection.model.isBroken || random.chance(90)) return undefined;
    return this.#reconnect(connection);
  };

  readonly actions = {
    writeStream: this.#write,
    writeStreamToo: this.#write,
    readStream: this.#read,
    readStreamToo: this.#read,
    closeStream: this.#close,
  };

  readonly takes = Array.from({ length: CONNECTIONS }, (_unused, index) => () => this.#takeRest(index));

  #takeRest(index: number): Promise<void> | undefined {
    const connection = this.#connections[index] as Connection;
    const { far, model } = connection;
    if (connection.isReading || model.isBroken || model.outstanding === 0) return undefined;
    connection.isReading = true;
    const buffer = Buffer.alloc(model.outstanding);
    return (async () => {
      try {
        const result = await this.#stage.attempt(far.read(buffer));
        if (result === undefined) return await this.#reconnect(connection);
        model.read(buffer.subarray(0, result.bytesRead));
        check(result.bytesRead > 0, () => `a stream ended ${model.outstanding} bytes early`);
      } catch (error) {
        // Closed meanwhile by what is still under way.
        if (!model.isBroken) throw error;
      } finally {
        connection.isReading = false;
      }
    })();
  }

  async end(): Promise<void> {
    const closes = this.#connections.flatMap(({ near, far }) => [near.close(), far.close()]);
    await within('the close of streams', Promise.all(closes));
    await within('the close of a listener', this.#listener.close());
    await within('the close of a file', this.#source.close());
    if (this.#path !== undefined) rmSync(this.#path, { force: true });
  }

  describe(): unknown {
    return this.#connections.map(({ model, isReading }) => [model.outstanding, model.isBroken, isReading]);
  }
}
