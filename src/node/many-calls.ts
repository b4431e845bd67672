/** Many calls without a ring: so many calls, and what became of each. */
import { isOfAll, type ManyResults } from '../contract/files.js';

/** @throws (rejects) the AbortError or ERR_RINGLET_CLOSED for which some were given up, with `results`. */
export async function resultsOfAll<Result>(calls: readonly Promise<Result>[]): Promise<ManyResults<Result>> {
  const results = await Promise.allSettled(calls);
  for (const result of results) {
    if (result.status === 'rejected' && isOfAll(result.reason))
      throw Object.assign(result.reason, { results });
  }
  return results;
}
