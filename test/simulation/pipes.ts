/** A FIFO that is written, read, spliced into, and renewed where what is in it is not known any more. */
import type { FileHandle } from 'ringlet';
import { within } from '../support/eventually.js';
import { check, StreamModel } from './models.js';
import { type Action, type Part, persist, type Stage } from './stage.js';

const PIECE_BYTES_MAX = 6000;
/** Of what there is no room for, a read may wait. */
const OUTSTANDING_MAX = 30_000;

export class Pipes implements Part {
  readonly #stage: Stage;
  readonly #path: string;
  /** A file with the bytes that the model has in each place. */
  readonly #source: FileHandle;
  #reader: FileHandle;
  #writer: FileHandle;
  #model = new StreamModel();
  #isReading = false;
  #isWriting = false;
  /** Of what the model has as written: what may yet turn out not to be. */
  #unsure = 0;

  private constructor(stage: Stage, path: string, [source, reader, writer]: readonly FileHandle[]) {
    this.#stage = stage;
    this.#path = path;
    this.#source = source as FileHandle;
    this.#reader = reader as FileHandle;
    this.#writer = writer as FileHandle;
  }

  /** @param source the path of a file with `STREAM_BYTES`. */
  static async make(stage: Stage, path: string, source: string): Promise<Pipes> {
    const open = (what: string, flags: string): Promise<FileHandle> =>
      persist(() => stage.ring.fs.open(what, flags));
    return new Pipes(stage, path, [await open(source, 'r'), await open(path, 'r+'), await open(path, 'r+')]);
  }

  /** A write that waits for room would wait for good: a broken pipe is not read any more. */
  async #break(): Promise<void> {
    this.#model.isBroken = true;
    if (this.#isWriting) await Promise.all([this.#writer.cancel(), this.#source.cancel()]);
  }

  async #renewIfBroken(): Promise<void> {
    if (!this.#model.isBroken || this.#isReading || this.#isWriting) return;
    this.#isReading = this.#isWriting = true;
    await Promise.all([this.#reader.close(), this.#writer.close()]);
    const open = (): Promise<FileHandle> => persist(() => this.#stage.ring.fs.open(this.#path, 'r+'));
    this.#reader = await open();
    this.#writer = await open();
    this.#model = new StreamModel();
    this.#isReading = this.#isWriting = false;
  }

  readonly #write: Action = (random) => {
    const model = this.#model;
    if (this.#isWriting || model.isBroken || model.outstanding > OUTSTANDING_MAX) return undefined;
    this.#isWriting = true;
    const options = this.#stage.perhapsAborted(random);
    const { position } = model;
    const piece = model.next(1 + random.integer(PIECE_BYTES_MAX));
    this.#unsure = piece.length;
    const splice = (): Promise<number> =>
      this.#source.splice(this.#writer, piece.length, { position, ...options });
    const write = async (): Promise<number> =>
      (await this.#writer.write(piece, { position: null, ...options })).bytesWritten;
    const call = random.chance(25) ? splice() : write();
    return (async () => {
      // What an abort has met half-way may have moved a part.
      const ended = { codes: /^ECANCELED$/, when: () => model.isBroken, ...options };
      const count = await this.#stage.attempt(call, ended);
      if (count === undefined) model.isBroken = true;
      else model.takeBack(piece.length - count);
      this.#unsure = 0;
      this.#isWriting = false;
      await this.#renewIfBroken();
    })();
  };

  readonly #read: Action = (random) => {
    return this.#take(1 + random.integer(PIECE_BYTES_MAX), this.#stage.perhapsAborted(random));
  };

  #take(bytesMax: number, options: { signal?: AbortSignal }): Promise<void> | undefined {
    const model = this.#model;
    if (this.#isReading || model.isBroken || model.outstanding <= this.#unsure) return undefined;
    this.#isReading = true;
    const bytes = Buffer.alloc(bytesMax);
    const call = this.#reader.read(bytes, { position: null, ...options });
    return (async () => {
      const result = await this.#stage.attempt(call, options);
      // It may have taken what an abort keeps it from giving.
      if (options.signal?.aborted && result === undefined) await this.#break();
      if (result !== undefined) model.read(bytes.subarray(0, result.bytesRead));
      if (result !== undefined) check(result.bytesRead > 0, () => 'a pipe with a writer has ended');
      this.#isReading = false;
      await this.#renewIfBroken();
    })();
  }

  readonly takes = [() => this.#take(PIECE_BYTES_MAX, {})];

  readonly actions = { writePipe: this.#write, readPipe: this.#read };

  async end(): Promise<void> {
    const handles = [this.#source, this.#reader, this.#writer];
    await within('the close of a pipe', Promise.all(handles.map((handle) => handle.close())));
  }

  describe(): unknown {
    const { outstanding, isBroken } = this.#model;
    return { outstanding, isBroken, isReading: this.#isReading, isWriting: this.#isWriting };
  }
}
