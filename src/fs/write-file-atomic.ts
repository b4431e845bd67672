/**
 * A file replaced as a whole or not at all, and for good: written beside it, synced, renamed over it, and the
 * directory synced.
 *
 * Each step waits for the last one's success. A kernel link would not do: it goes on after a failed fsync, and
 * would then put a file in place whose content may be lost.
 */
import { constants } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { FileBackend } from '../contract/backend.js';
import { node } from './node-calls.js';
import type { WriteFileSettings } from './options.js';
import { useFile, withFile } from './with-file.js';
import { type FileContent, toContent, writeWhole } from './write-file.js';

const PERMISSIONS = 0o7777;
/** A name of this length is taken everywhere. */
const SAFE_NAME_BYTES = 64;

/** @param mode of a file that is not there yet; one that is keeps its own. */
export async function writeFileAtomic(
  files: FileBackend,
  path: string,
  data: FileContent,
  settings: WriteFileSettings,
): Promise<void> {
  const { signal } = settings;
  const content = toContent(data, settings.encoding);
  // The ring is asked first: one that may not ask for paths any more says so.
  const mode = await permissionsOf(files, path, signal);
  const target = await linkedTo(path);
  const directory = dirname(target);
  const temporary = join(directory, temporaryName(basename(target)));
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
  const file = await files.do({ kind: 'open', path: temporary, flags, mode: mode ?? settings.mode }, signal);
  try {
    await useFile(file, signal, async () => {
      await writeWhole(file, content, { ...settings, flush: false });
      // The umask has had its say at the making.
      if (mode !== undefined) await file.do({ kind: 'fchmod', file, mode }, signal);
      await file.do({ kind: 'fsync', file }, signal);
    });
    await files.do({ kind: 'rename', path: temporary, dest: target }, signal);
  } catch (error) {
    await files.do({ kind: 'unlink', path: temporary }, undefined).catch(() => {});
    throw error;
  }
  const toDirectory = constants.O_RDONLY | constants.O_DIRECTORY;
  await withFile(files, directory, toDirectory, 0, undefined, (file) =>
    file.do({ kind: 'fsync', file }, undefined),
  );
}

/** The name, cut where it would become longer than the file system may take, and something that no other file has. */
function temporaryName(name: string): string {
  // Loading it takes longer than all of ringlet.
  const { randomBytes } = process.getBuiltinModule('node:crypto');
  const suffix = `.${process.pid}-${randomBytes(6).toString('hex')}`;
  const bytesMax = Math.max(SAFE_NAME_BYTES, Buffer.byteLength(name)) - suffix.length;
  let beginning = name;
  while (Buffer.byteLength(beginning) > bytesMax) beginning = beginning.slice(0, -1);
  return beginning + suffix;
}

/** What a symbolic link leads to, so that the file is replaced and the link stays. */
async function linkedTo(path: string): Promise<string> {
  try {
    return await node.realpath(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return path;
    throw error;
  }
}

async function permissionsOf(
  files: FileBackend,
  path: string,
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  try {
    return Number((await files.do({ kind: 'stat', path, bigint: false }, signal)).mode) & PERMISSIONS;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
