/** A descriptor for as long as one operation needs it. */
import type { BackendFile, FileBackend, Path } from '../contract/backend.js';
import { abortError } from '../errors/index.js';

/** Opens, lets `use` run, and closes, whatever became of it. */
export async function withFile<Value>(
  files: FileBackend,
  path: Path,
  flags: number,
  mode: number,
  signal: AbortSignal | undefined,
  use: (file: BackendFile) => Promise<Value>,
): Promise<Value> {
  if (signal?.aborted) throw abortError(signal);
  return await useFile(await files.do({ kind: 'open', path, flags, mode }, signal), signal, use);
}

/** The same for a file that is open. */
export async function useFile<Value>(
  file: BackendFile,
  signal: AbortSignal | undefined,
  use: (file: BackendFile) => Promise<Value>,
): Promise<Value> {
  let value: Value;
  try {
    value = await use(file);
  } catch (error) {
    // What failed first says more than a failure to close after it.
    const closed = file.close().catch(() => {});
    // Closing waits for the aborted operation, which may take for ever where it can't be cancelled.
    if (!signal?.aborted) await closed;
    throw error;
  }
  await file.close();
  return value;
}
