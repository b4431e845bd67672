/** What the calls of a connection can be asked for. */
import type { OptionNames } from '../../base/validate.js';
import type { ReadResult } from '../../contract/files.js';
import type { ProgressOptions } from '../../fs/progress.js';

/** What a read of a connection can be asked for. */
export interface StreamReadOptions {
  /** Where in the buffer to begin, in bytes. Default 0. */
  offset?: number | undefined;
  /** How many bytes at most. Default: the rest of the buffer. */
  length?: number | undefined;
  /** Whether to wait until they are all there, or the stream has ended. Default false. */
  fill?: boolean | undefined;
  /** Cancels the read, which then rejects with an AbortError unless bytes have come. */
  signal?: AbortSignal | undefined;
}

export const STREAM_READ_OPTIONS: OptionNames<StreamReadOptions> = {
  offset: true,
  length: true,
  fill: true,
  signal: true,
};

/** What a call on a connection can be asked for. */
export interface StreamCallOptions {
  /** Cancels the call, which then rejects with an AbortError. */
  signal?: AbortSignal | undefined;
}

/** Which part of a file `sendFile` sends, and what is told of it on the way. */
export interface SendFileOptions extends StreamCallOptions, ProgressOptions {
  /** The first byte to send, from 0. Default: the handle's own cursor, which then moves. */
  position?: number | undefined;
  /** How many bytes to send at most. Default: up to the end of the file. */
  length?: number | undefined;
}

export const SEND_FILE_OPTIONS: OptionNames<SendFileOptions> = {
  position: true,
  length: true,
  onProgress: true,
  signal: true,
};

/** What an iteration over chunks can be asked for. */
export interface ChunkOptions extends StreamCallOptions {
  /**
   * Whether chunks are views into the ring's receive buffers, to be given back by `release`. A buffer that
   * is held receives nothing: with all of them held, every socket of the ring stops. Default false.
   */
  lease?: boolean | undefined;
}

export const CHUNK_OPTIONS: OptionNames<ChunkOptions> = { lease: true, signal: true };

/** What `StreamSocket.receiveDescriptors` can be asked for. */
export interface ReceiveDescriptorsOptions extends StreamCallOptions {
  /** The most descriptors to take, 1 to 253; the kernel closes the others. Default 16. */
  countMax?: number | undefined;
}

/** What `StreamSocket.receiveDescriptors` is fulfilled with. */
export interface ReceivedDescriptors<Data extends NodeJS.ArrayBufferView> extends ReadResult<Data> {
  /** The descriptors, which are the caller's to close. */
  fds: number[];
}

export const RECEIVE_DESCRIPTORS_OPTIONS: OptionNames<ReceiveDescriptorsOptions> = {
  countMax: true,
  signal: true,
};
