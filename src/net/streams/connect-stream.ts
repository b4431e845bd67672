/** From what `StreamSocket.connect` is told to the backend's connection. */
import { orAborted } from '../../base/abort.js';
import { checkInteger, checkOptions, checkSignal } from '../../base/validate.js';
import type { SocketAddress } from '../../contract/address.js';
import type { BackendStream, StreamBounds } from '../../contract/streams.js';
import { abortError } from '../../errors/index.js';
import { backendOf } from '../../ring/ring.js';
import { connectToAny } from './connect.js';
import {
  readAttemptTimeout,
  readGoal,
  STREAM_CONNECT_OPTIONS,
  type StreamConnectOptions,
  TIMEOUT_MS_MAX,
} from './connect-options.js';
import { readBounds, readStreamOptions } from './stream-options.js';

export async function connectStream(
  given: StreamConnectOptions,
): Promise<{ backend: BackendStream; bounds: StreamBounds }> {
  checkOptions<StreamConnectOptions>(given, STREAM_CONNECT_OPTIONS);
  const { goal, find, localFor } = readGoal(given);
  const options = readStreamOptions(given);
  const bounds = readBounds(given);
  const signal = checkSignal(given.signal);
  const timeoutMs = checkInteger(given.timeoutMs ?? 0, 'options.timeoutMs', 0, TIMEOUT_MS_MAX);
  const attemptTimeoutMs = readAttemptTimeout(given);
  const { streams } = backendOf(given.ring);
  if (signal?.aborted) throw abortError(signal);
  const attempt = (remote: SocketAddress, end: AbortSignal | undefined): Promise<BackendStream> =>
    streams.connect({ remote, local: localFor(remote), options, bounds }, end);
  if (find === undefined && timeoutMs === 0) return { backend: await attempt(goal, signal), bounds };
  const addresses = async (end: AbortSignal): Promise<SocketAddress[]> =>
    find === undefined ? [goal] : await orAborted(find(), end);
  const race = { attemptTimeoutMs, timeoutMs, signal };
  return { backend: await connectToAny(addresses, attempt, race, goal), bounds };
}
