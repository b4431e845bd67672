/** What calls on files take, as `validate.ts` lets it through. */

/** Reads and writes at the file's own cursor, which the transfer then moves. */
export const CURRENT_POSITION = -1;

/** A path as the caller gave it, already checked to be free of NUL. */
export type Path = string | Buffer;

/** Where in a file a transfer starts: bytes from the start, or `CURRENT_POSITION`. */
export type Position = number | bigint;

/** What a symbolic link is made for; Windows alone wants to know. */
export type SymlinkType = 'dir' | 'file' | 'junction';
