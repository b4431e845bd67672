/**
 * A small file read whole in Node's pool: open, fstat, read and close, with no promise in between.
 *
 * Asked for one byte more than its size, a regular file that has not grown tells its end by the read itself. What
 * is no such file, or longer, is read on by ordinary means.
 */
import nodeFs, { constants, type Stats } from 'node:fs';
import type { BackendFile, Path, PoolCallback, WholeRead } from '../contract/backend.js';
import { namingPath } from '../errors/index.js';
import type { Admission, Begin, Running } from './admission.js';

const CURRENT_POSITION = -1;

export function readWhole<Content>(
  admission: Admission,
  path: Path,
  read: WholeRead<Content>,
  signal: AbortSignal | undefined,
  fileOf: (fd: number) => BackendFile,
): Promise<Content> {
  const begin: Begin<Content> = (done, running) => {
    nodeFs.open(path, constants.O_RDONLY, 0o666, (error, fd) => {
      if (error) {
        read.release();
        done(error);
      } else {
        readOpened(fd, path, read, running, fileOf, done);
      }
    });
  };
  const options = { signal, facts: { kind: 'readFile', path: String(path) } };
  return read.whenRoom(() => admission.call(begin, options));
}

function readOpened<Content>(
  fd: number,
  path: Path,
  read: WholeRead<Content>,
  running: Running,
  fileOf: (fd: number) => BackendFile,
  done: PoolCallback<Content | PromiseLike<Content>>,
): void {
  const close = (failure: Error | null, content?: Content): void => {
    nodeFs.close(fd, (error) => {
      read.release();
      done(failure ?? error ?? null, content);
    });
  };
  const readOn = (byteCount: number): void => {
    if (running.isGivenUp) close(null);
    else
      done(
        null,
        read.readOn(byteCount, () => Promise.resolve(fileOf(fd))),
      );
  };
  nodeFs.fstat(fd, (error: Error | null, stats: Stats) => {
    if (error) close(error);
    else if (running.isGivenUp || !stats.isFile() || stats.size === 0 || stats.size >= read.firstBytes)
      readOn(0);
    else {
      nodeFs.read(fd, read.slab, 0, stats.size + 1, CURRENT_POSITION, (failure, byteCount) => {
        if (failure) close(namingPath(failure, path) as Error);
        else if (byteCount !== stats.size) readOn(byteCount);
        else close(null, read.toContent(byteCount));
      });
    }
  });
}
