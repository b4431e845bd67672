/** What the files of a ring have in common beside its dispatcher: how entries name them, and their shorter ways. */
import type { FdTable } from '../engine/fd-table.js';
import type { RegisteredBuffers } from '../memory/registered-buffers.js';
import type { CachedPaths } from './cached-paths.js';
import type { InlineCredit } from './inline-reads.js';

export interface SharedByFiles {
  readonly table: FdTable;
  readonly pools: RegisteredBuffers;
  /** Of a ring whose reads may be made inline. */
  readonly inlineCredit: InlineCredit | undefined;
  readonly cachedPaths: CachedPaths | undefined;
}
