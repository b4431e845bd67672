/**
 * A handle's content as a web stream, from its cursor on: of bytes, as Node has it since 22.15, or
 * one of ArrayBuffers where the running Node still makes that by default.
 */
import type { ReadableStream as WebStream } from 'node:stream/web';
import { isNodeAtLeast } from '../base/node-version.js';
import { checkBoolean, checkObject, checkString } from '../base/validate.js';
import { byteLengthOf } from '../base/views.js';
import { CURRENT_POSITION } from '../contract/backend.js';
import type { HeldFile } from './handle-lifetime.js';
import type { StreamedHandle } from './handle-streams.js';

/** As Node has them. */
const BYTE_CHUNK_BYTES = 16 * 1024;
const CHUNK_BYTES = 65_536;

const IS_ALWAYS_OF_BYTES = isNodeAtLeast(22, 15);

/** What `FileHandle.readableWebStream` can be asked for. */
export interface WebStreamOptions {
  /** On Node 20 'bytes' makes a stream of bytes; later every stream is one. */
  type?: 'bytes' | undefined;
  /** Whether the handle is closed when the stream has ended or is cancelled. Default false. */
  autoClose?: boolean | undefined;
}

export function readWebStreamOptions(options: unknown): { isOfBytes: boolean; autoClose: boolean } {
  const { type, autoClose = false } = checkObject(options, 'options') as WebStreamOptions;
  checkBoolean(autoClose, 'options.autoClose');
  if (!IS_ALWAYS_OF_BYTES) {
    if (type !== undefined) checkString(type, 'options.type');
    return { isOfBytes: type === 'bytes', autoClose };
  }
  if (type !== undefined && type !== 'bytes') {
    process.emitWarning(
      'A non-"bytes" options.type has no effect. A byte-oriented steam is always created.',
      'ExperimentalWarning',
    );
  }
  return { isOfBytes: true, autoClose };
}

interface Controller {
  close(): void;
  readonly byobRequest?: { respond(bytes: number): void } | null;
}

/** Reads on behalf of a stream, and lets go of the handle when that has ended. */
class WebSource {
  readonly #handle: StreamedHandle;
  readonly #held: HeldFile;
  readonly #autoClose: boolean;
  readonly #abandoned = new AbortController();
  #isReading = false;
  #hasEnded = false;

  constructor(handle: StreamedHandle, held: HeldFile, autoClose: boolean) {
    this.#handle = handle;
    this.#held = held;
    this.#autoClose = autoClose;
  }

  /** The bytes now in `view`, 0 at the end, or when the stream has been abandoned meanwhile. */
  async read(view: NodeJS.ArrayBufferView): Promise<number> {
    this.#isReading = true;
    try {
      const { signal } = this.#abandoned;
      const { file } = this.#held;
      const { bytesRead } = await file.read(view, 0, byteLengthOf(view), CURRENT_POSITION, signal);
      // Done before the abort could be heeded: there is no stream any more to take it.
      return signal.aborted ? 0 : bytesRead;
    } catch (error) {
      if (this.#abandoned.signal.aborted) return 0;
      await this.end();
      throw error;
    } finally {
      this.#isReading = false;
    }
  }

  async end(): Promise<void> {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#held.release();
    if (this.#autoClose) await this.#handle.close();
  }

  cancel(): Promise<void> {
    this.#abandoned.abort();
    return this.end();
  }

  /** The handle is being closed: the stream ends, and a pending read with it. */
  closeWith(controller: Controller): void {
    if (this.#hasEnded) return;
    if (this.#isReading) {
      this.#abandoned.abort();
    } else {
      controller.close();
      void this.end();
    }
  }
}

export function webStreamOver(
  handle: StreamedHandle,
  held: HeldFile,
  { isOfBytes, autoClose }: { isOfBytes: boolean; autoClose: boolean },
): WebStream {
  const source = new WebSource(handle, held, autoClose);
  const start = (controller: Controller): void => {
    handle.once('close', () => source.closeWith(controller));
  };
  const cancel = (): Promise<void> => source.cancel();
  if (!isOfBytes) {
    return new ReadableStream<ArrayBuffer>({
      start,
      async pull(controller) {
        const chunk = new ArrayBuffer(CHUNK_BYTES);
        const bytesRead = await source.read(new Uint8Array(chunk));
        if (bytesRead > 0) {
          controller.enqueue(bytesRead === CHUNK_BYTES ? chunk : chunk.slice(0, bytesRead));
          return;
        }
        controller.close();
        await source.end();
      },
      cancel,
    });
  }
  return new ReadableStream({
    type: 'bytes',
    autoAllocateChunkSize: BYTE_CHUNK_BYTES,
    start,
    async pull(controller) {
      // There is one: a stream that allocates by itself is asked only for what is read.
      const request = controller.byobRequest as ReadableStreamBYOBRequest;
      const bytesRead = await source.read(request.view as NodeJS.ArrayBufferView);
      if (bytesRead === 0) {
        controller.close();
        await source.end();
      }
      request.respond(bytesRead);
    },
    cancel,
  });
}
