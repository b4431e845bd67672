/** Steps of an iterator that are asked for before the one at hand has come. */

/** Each begins when the one before it has ended: N of them cost N, where all on the first would cost N². */
export class StepsAhead<Step> {
  readonly #step: () => Promise<Step>;
  #last: Promise<Step> | undefined;

  /** @param step makes the next one, when its turn has come. */
  constructor(step: () => Promise<Step>) {
    this.#step = step;
  }

  /** The last one that was asked for and has not begun. */
  get last(): Promise<Step> | undefined {
    return this.#last;
  }

  /** One more, after `before`: the last one, or the one at hand. */
  ask(before: Promise<Step>): Promise<Step> {
    const go = (): Promise<Step> => {
      if (this.#last === asked) this.#last = undefined;
      return this.#step();
    };
    const asked = before.then(go, go);
    this.#last = asked;
    return asked;
  }
}
