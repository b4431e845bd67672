/** Open files: transfers of ranges, chains, copies without copying, and what else can be asked of a file. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FileHandle, ManyResults } from 'ringlet';
import { within } from '../support/eventually.js';
import type { Random } from '../support/random.js';
import { pattern } from '../support/temporary.js';
import { check, FILE_BYTES, FileModel, RANGE_BYTES, RANGES } from './models.js';
import { type Action, type Part, persist, type Stage } from './stage.js';

interface SimulatedFile {
  readonly path: string;
  handle: FileHandle;
  readonly model: FileModel;
  isClosing: boolean;
}

const FILES = 2;
/** `handle.cancel` ends what is under way on it. */
const CANCELLED = { codes: /^ECANCELED$/ };

export class Files implements Part {
  readonly #stage: Stage;
  readonly #files: SimulatedFile[];
  /** A FIFO that nothing is ever written to: what reads it waits. */
  readonly #silence: FileHandle;

  private constructor(stage: Stage, files: SimulatedFile[], silence: FileHandle) {
    this.#stage = stage;
    this.#files = files;
    this.#silence = silence;
  }

  static async make(stage: Stage, fifo: string): Promise<Files> {
    const { fs } = stage.ring;
    const files: SimulatedFile[] = [];
    for (let index = 0; index < FILES; index++) {
      const path = join(stage.directory, `file-${index}`);
      const handle = await persist(() => fs.open(path, 'w+'));
      await persist(() => handle.truncate(FILE_BYTES));
      files.push({ path, handle, model: new FileModel(), isClosing: false });
    }
    return new Files(stage, files, await persist(() => fs.open(fifo, 'r+')));
  }

  #take(random: Random): { file: SimulatedFile; range: number; position: number } | undefined {
    const file = random.pick(this.#files);
    const range = file.isClosing ? undefined : file.model.take(random);
    return range === undefined ? undefined : { file, range, position: range * RANGE_BYTES };
  }

  readonly #write: Action = (random) => {
    const target = this.#take(random);
    if (target === undefined) return undefined;
    const { file, range, position } = target;
    const content = pattern(RANGE_BYTES, random.integer(1 << 30));
    const options = this.#stage.perhapsAborted(random);
    const half = content.subarray(0, RANGE_BYTES / 2);
    file.model.writing(range);
    const call: Promise<{ bytesWritten: number }> = random.chance(30)
      ? file.handle.writev([half, content.subarray(RANGE_BYTES / 2)], position, options)
      : file.handle.write(content, { position, ...options });
    return (async () => {
      try {
        const written = await this.#stage.attempt(call, { ...CANCELLED, ...options });
        if (written !== undefined) file.model.wrote(range, content, written.bytesWritten);
      } finally {
        file.model.free(range);
      }
    })();
  };

  readonly #read: Action = (random) => {
    const target = this.#take(random);
    if (target === undefined) return undefined;
    const { file, range, position } = target;
    const bytes = Buffer.alloc(RANGE_BYTES);
    const options = this.#stage.perhapsAborted(random);
    const call: Promise<{ bytesRead: number }> = random.chance(30)
      ? file.handle.readv([bytes.subarray(0, 100), bytes.subarray(100)], position, options)
      : file.handle.read(bytes, { position, ...options });
    return (async () => {
      try {
        const result = await this.#stage.attempt(call, { ...CANCELLED, ...options });
        if (result === undefined) return;
        check(result.bytesRead > 0, () => 'a read in the middle of a file found its end');
        file.model.expect(range, bytes.subarray(0, result.bytesRead));
      } finally {
        file.model.free(range);
      }
    })();
  };

  /** Several ranges by one call: each of them for itself. */
  readonly #transferMany: Action = (random) => {
    const { handle, model, isClosing } = random.pick(this.#files);
    if (isClosing) return undefined;
    const ranges = Array.from({ length: 1 + random.integer(RANGES) }, () => model.take(random)).filter(
      (range) => range !== undefined,
    );
    if (ranges.length === 0) return undefined;
    const isWrite = random.chance(50);
    const requests = ranges.map((range) => {
      const buffer = isWrite ? pattern(RANGE_BYTES, random.integer(1 << 30)) : Buffer.alloc(RANGE_BYTES);
      return { range, buffer, position: range * RANGE_BYTES };
    });
    const options = this.#stage.perhapsAborted(random);
    const tolerance = { ...CANCELLED, ...options };
    if (isWrite) for (const range of ranges) model.writing(range);
    const call: Promise<ManyResults<{ bytesRead?: number; bytesWritten?: number }>> = isWrite
      ? handle.writeMany(requests, options)
      : handle.readMany(requests, options);
    return (async () => {
      try {
        const results = await this.#stage.attemptMany(call, tolerance);
        const isComplete = results.length === requests.length || options.signal?.aborted === true;
        check(isComplete, () => `${requests.length} transfers have ${results.length} results`);
        for (const [index, result] of results.entries()) {
          const { range, buffer } = requests[index] as (typeof requests)[number];
          if (result.status === 'rejected') {
            if (!this.#stage.tolerates(result.reason, tolerance)) throw result.reason;
            continue;
          }
          const { bytesRead = 0, bytesWritten = 0 } = result.value;
          if (isWrite) model.wrote(range, buffer, bytesWritten);
          else model.expect(range, buffer.subarray(0, bytesRead));
          check(isWrite || bytesRead > 0, () => 'one of many reads in the middle of a file found its end');
        }
      } finally {
        for (const range of ranges) model.free(range);
      }
    })();
  };

  /** Writes and reads back; now and then with a part that waits until a time limit or a signal ends it. */
  readonly #chain: Action = (random) => {
    const target = this.#take(random);
    if (target === undefined) return undefined;
    const { file, range, position } = target;
    const content = pattern(RANGE_BYTES, random.integer(1 << 30));
    const bytes = Buffer.alloc(RANGE_BYTES);
    const isWaiting = random.chance(15);
    const timeoutMs = isWaiting || random.chance(20) ? 1 + random.integer(3) : undefined;
    const options = this.#stage.perhapsAborted(random);
    file.model.writing(range);
    const call = this.#stage.ring.chain(
      (chain) => {
        chain.write(file.handle, content, { position });
        chain.read(file.handle, bytes, { position });
        if (isWaiting) chain.read(this.#silence, Buffer.alloc(1));
        if (random.chance(20)) chain.stat(file.handle);
      },
      { ...options, timeoutMs },
    );
    return (async () => {
      try {
        const results = await this.#stage.attempt(call, options);
        const [written, read, waiting] = results ?? [];
        if (written?.status === 'fulfilled')
          file.model.wrote(range, content, (written.value as { bytesWritten: number }).bytesWritten);
        if (isWaiting && results !== undefined)
          check(waiting?.status === 'rejected', () => 'something was read that was never written');
        if (read?.status !== 'fulfilled') return;
        const { bytesRead } = read.value as { bytesRead: number };
        const isSame = bytes.subarray(0, bytesRead).equals(content.subarray(0, bytesRead));
        check(isSame, () => 'a chain reads back other bytes');
      } finally {
        file.model.free(range);
      }
    })();
  };

  readonly #call: Action = (random) => {
    const file = random.pick(this.#files);
    if (file.isClosing) return undefined;
    const { handle } = file;
    const stat = async (): Promise<void> => {
      const { size } = await handle.stat();
      check(size === FILE_BYTES, () => `a file of ${FILE_BYTES} bytes has ${size}`);
    };
    const rare = random.pick([() => handle.datasync(), () => handle.utimes(1, 2), () => handle.cancel()]);
    const call: () => Promise<unknown> = random.chance(10) ? rare : stat;
    return this.#stage.attempt(call(), CANCELLED).then(() => {});
  };

  readonly #reopen: Action = (random) => {
    const file = random.pick(this.#files);
    if (file.isClosing || random.chance(70)) return undefined;
    file.isClosing = true;
    return (async () => {
      await file.handle.close();
      file.handle = await persist(() => this.#stage.ring.fs.open(file.path, 'r+'));
      file.isClosing = false;
    })();
  };

  readonly actions = {
    writeFile: this.#write,
    readFile: this.#read,
    readFileToo: this.#read,
    transferMany: this.#transferMany,
    chain: this.#chain,
    callOnFile: this.#call,
    reopenFile: this.#reopen,
  };

  async end(): Promise<void> {
    await within('the close of a FIFO', this.#silence.close());
    for (const { handle, model, path } of this.#files) {
      await within(`the close of ${path}`, handle.close());
      model.expectAll(readFileSync(path));
    }
  }
}
