/** Skipping a test aloud: the reason is printed, because a silent skip reads like a pass. */
import type { Context, Runnable, Suite } from 'mocha';

/** Set to make every skip a failure, for machines where nothing may be missing. */
const FORBID_VARIABLE = 'RINGLET_TEST_FORBID_SKIP';

/** Where the project's reporter looks for the reason. */
type WithReason = (Runnable | Suite) & { skipReason?: string };

/** Ends the running test, or the whole suite from its hook, as skipped; prints why. */
export function skip(context: Context, reason: string): never {
  if (process.env[FORBID_VARIABLE]) throw new Error(`nothing may be skipped here, but: ${reason}`);
  const runnable = context.runnable();
  const target: WithReason = runnable.parent && runnable.title.startsWith('"') ? runnable.parent : runnable;
  target.skipReason = reason;
  console.log(`      skipped: ${reason}`);
  context.skip();
}
