/** What `ringlet/expose` shows, and where: shared by those who show it and `ringlet top`, which looks. */
import { lstatSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { BackendName, RingProfile, RingStats } from '../contract/reports.js';
import type { SqPollGroup } from '../native/sq-poll-groups.js';

/** A ring as it is now. */
export interface RingSnapshot {
  name: string;
  backend: BackendName;
  backendReason: string | null;
  profile: RingProfile;
  stats: RingStats;
}

/** The rings of one thread as they are now, on one line of JSON. */
export interface Snapshot {
  pid: number;
  /** 0 for the main thread. */
  threadId: number;
  /** The program's file. */
  program: string;
  node: string;
  /** Milliseconds on the machine's clock that never goes back. */
  atMs: number;
  rings: RingSnapshot[];
  /** The SQ-poll groups of the process. */
  groups: SqPollGroup[];
}

const OTHERS = 0o077;

/** The folder of this user's sockets, which is theirs alone. @throws where it is another's. */
export function socketFolder(): string {
  const { XDG_RUNTIME_DIR } = process.env;
  const uid = process.getuid?.() ?? 0;
  const folder = XDG_RUNTIME_DIR ? join(XDG_RUNTIME_DIR, 'ringlet') : `/tmp/ringlet-${uid}`;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const found = lstatSync(folder);
  if (!found.isDirectory() || found.uid !== uid || (found.mode & OTHERS) !== 0) {
    throw new Error(`${folder} is not this user's alone`);
  }
  return folder;
}
