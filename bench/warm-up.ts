/** When code is compiled: when a pass costs no less than those before it did. Runs in the trial's own process. */

/** Less of a fall than this is noise. */
const FALL = 0.98;
/** So many passes without a fall end the warm-up: the compiler works beside, and takes its time. */
const LEVEL_PASSES = 3;

export class WarmUp {
  readonly #endMs: number;
  #leastUs = Number.POSITIVE_INFINITY;
  #levelPasses = 0;
  #before = process.cpuUsage();

  /** @param msMax it is over after that in any case. */
  constructor(msMax: number) {
    this.#endMs = performance.now() + msMax;
  }

  /** At the end of a pass, and the begin of the next: by processor time an operation, for the machine may be busy. */
  isOverAfter(operationCount: number): boolean {
    const { user, system } = process.cpuUsage(this.#before);
    this.#before = process.cpuUsage();
    const costUs = (user + system) / Math.max(operationCount, 1);
    this.#levelPasses = costUs < this.#leastUs * FALL ? 0 : this.#levelPasses + 1;
    this.#leastUs = Math.min(this.#leastUs, costUs);
    return this.#levelPasses >= LEVEL_PASSES || performance.now() >= this.#endMs;
  }
}

/** Does passes, each of which returns how many operations it was, until their code is compiled. */
export async function warmUp(msMax: number, pass: () => Promise<number>): Promise<void> {
  const warming = new WarmUp(msMax);
  while (!warming.isOverAfter(await pass()));
}
