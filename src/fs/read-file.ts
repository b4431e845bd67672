/**
 * A whole file in one call: open, read until the end, close.
 *
 * The size is not asked for at first: a small file is over after one read into a slab, and most
 * files are small. Only a slab that fills up leads to fstat (read-large.ts). A backend that has a
 * way of its own for small files is asked first.
 */
import { constants } from 'node:fs';
import {
  type BackendFile,
  CURRENT_POSITION,
  type FileBackend,
  type Path,
  type WholeRead,
} from '../contract/backend.js';
import { abortError, namingPath, unknownEncoding } from '../errors/index.js';
import type { Concurrency } from './concurrency.js';
import type { ReadFileSettings } from './options.js';
import { readInto } from './read-into.js';
import { readBeyondSlab } from './read-large.js';
import { acquireSlab, copyOf, pooledCopyOf, releaseSlab, SLAB_BYTES } from './slabs.js';
import { useFile, withFile } from './with-file.js';

type Content = Buffer | string;

/** Of a slab, what a first read may fill where a second one follows unseen. */
const FIRST_READ_BYTES = (SLAB_BYTES / 4) * 3;

/**
 * @param concurrency bounds the descriptors that this needs unless the file is small.
 * @param isPooled whether a small content may share its memory where the settings do not say.
 */
export function readPath(
  files: FileBackend,
  path: Path,
  settings: ReadFileSettings,
  concurrency: Concurrency,
  isPooled: boolean,
): Promise<Content> {
  const { encoding, flags, signal } = settings;
  // What can't be decoded is found out where the file is open already, as with Node.
  const isDecodable = (encoding as string | undefined) !== 'buffer';
  const isPlain = flags === constants.O_RDONLY && isDecodable && settings.buffer === undefined;
  if (isPlain && files.readWhole !== undefined) {
    const read = new PathRead(path, settings, concurrency, settings.isPooled ?? isPooled);
    const content = files.readWhole(path, read, signal);
    if (content !== undefined) return content;
    read.release();
  }
  if (isPlain && files.readFile !== undefined) {
    const { readFile } = files;
    const content = concurrency.tryEnter()
      ? readFile(path, signal, concurrency.leave)
      : concurrency.run(() => readFile(path, signal), signal);
    return encoding === undefined ? content : content.then((bytes) => bytes.toString(encoding));
  }
  const read = async (): Promise<Content> => {
    const use = (file: BackendFile): Promise<Content> => readWhole(file, settings, true);
    return await withFile(files, path, flags, 0o666, signal, use);
  };
  const reading = concurrency.run(read, signal);
  if (settings.buffer !== undefined) return reading;
  return reading.catch((error: unknown) => {
    throw namingPath(error, path);
  });
}

/** The same for a regular file that fits into a slab; undefined, or fulfilled with it, where that is not so. */
export function readSmall(
  files: FileBackend,
  path: Path,
  settings: ReadFileSettings,
  concurrency: Concurrency,
): Promise<Content | undefined> | undefined {
  const read = new SmallRead(path, settings, concurrency, false);
  const content = files.readWhole?.(path, read, undefined);
  if (content === undefined) read.release();
  return content;
}

/** A file that the backend reads whole if it is small. */
class PathRead<Read = Content> implements WholeRead<Read | Content> {
  readonly slab = acquireSlab();
  readonly firstBytes = FIRST_READ_BYTES;
  readonly #path: Path;
  readonly #settings: ReadFileSettings;
  readonly #concurrency: Concurrency;
  readonly #isPooled: boolean;

  constructor(path: Path, settings: ReadFileSettings, concurrency: Concurrency, isPooled: boolean) {
    this.#path = path;
    this.#settings = settings;
    this.#concurrency = concurrency;
    this.#isPooled = isPooled;
  }

  toContent(byteCount: number): Content {
    const { encoding } = this.#settings;
    if (this.#isPooled && encoding === undefined) return pooledCopyOf(this.slab, byteCount);
    return contentOf(this.slab, byteCount, encoding);
  }

  async readOn(byteCount: number, open: () => Promise<BackendFile>): Promise<Read | Content> {
    const settings = this.#settings;
    const use = (file: BackendFile): Promise<Content> => readRest(file, this.slab, byteCount, true, settings);
    const read = async (): Promise<Content> => await useFile(await open(), settings.signal, use);
    try {
      return await this.#concurrency.run(read, settings.signal);
    } catch (error) {
      throw namingPath(error, this.#path);
    }
  }

  release(): void {
    releaseSlab(this.slab);
  }
}

class SmallRead extends PathRead<Content | undefined> {
  override async readOn(byteCount: number, open: () => Promise<BackendFile>): Promise<Content | undefined> {
    const file = await open();
    // What a FIFO has given is gone from it.
    if (file.mayWait) return await super.readOn(byteCount, async () => file);
    await file.close();
    this.release();
    return undefined;
  }
}

/**
 * What is left of an open file from its cursor on.
 *
 * @param isFromStart whether the cursor is at the start of the file, and need not be moved.
 */
export async function readWhole(
  file: BackendFile,
  settings: Pick<ReadFileSettings, 'encoding' | 'signal' | 'buffer'>,
  isFromStart = false,
): Promise<Content> {
  // Passes Node's check of encodings, too, and is refused before anything is read.
  if ((settings.encoding as string | undefined) === 'buffer') throw unknownEncoding('buffer');
  if (settings.signal?.aborted) throw abortError(settings.signal);
  if (settings.buffer !== undefined) return await readInto(file, settings.buffer, settings);
  return await readRest(file, acquireSlab(), 0, isFromStart, settings);
}

/** The slab, which this gives back, begins with the first `byteCount` bytes. */
async function readRest(
  file: BackendFile,
  slab: Buffer,
  bytesBefore: number,
  isFromStart: boolean,
  { encoding, signal }: Pick<ReadFileSettings, 'encoding' | 'signal'>,
): Promise<Content> {
  // After a failure the slab is not given back: an aborted read may still be writing into it.
  let byteCount = bytesBefore;
  while (byteCount < SLAB_BYTES) {
    const room = SLAB_BYTES - byteCount;
    const { bytesRead } = await file.read(slab, byteCount, room, CURRENT_POSITION, signal);
    if (bytesRead === 0) {
      const content = contentOf(slab, byteCount, encoding);
      releaseSlab(slab);
      return content;
    }
    byteCount += bytesRead;
  }
  const content = await readBeyondSlab(file, slab, isFromStart, signal);
  releaseSlab(slab);
  return encoding === undefined ? content : content.toString(encoding);
}

function contentOf(slab: Buffer, byteCount: number, encoding: BufferEncoding | undefined): Content {
  return encoding === undefined ? copyOf(slab, byteCount) : slab.toString(encoding, 0, byteCount);
}
