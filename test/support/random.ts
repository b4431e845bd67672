/** Numbers that a seed repeats, and choices made with them. */

export interface Random {
  /** An integer from 0 to `below` - 1. */
  integer(below: number): number;
  pick<Value>(values: readonly Value[]): Value;
  /** True in `percent` of a hundred cases. */
  chance(percent: number): boolean;
}

/** Mulberry32: 32 bits of state, one multiplication or two a number. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const integer = (below: number): number => Math.floor(next() * below);
  return {
    integer,
    pick<Value>(values: readonly Value[]): Value {
      const index = integer(values.length);
      if (values.length === 0) throw new RangeError('nothing to pick from');
      return values[index] as Value;
    },
    chance: (percent) => next() * 100 < percent,
  };
}

/** The seed of a name within a run, so that adding cases to one method leaves those of the others alone. */
export function seedFor(seed: number, name: string): number {
  let hash = 0x811c9dc5 ^ seed;
  for (const unit of Buffer.from(name)) hash = Math.imul(hash ^ unit, 0x01000193);
  return hash >>> 0;
}

/** What an environment variable asks for: a number, or `random`. Default 1, so that a run is the same every time. */
export function chosenSeed(variable: string): number {
  const asked = process.env[variable];
  if (!asked) return 1;
  if (asked === 'random') return Math.floor(Math.random() * 2 ** 32);
  const seed = Number(asked);
  if (!Number.isInteger(seed)) throw new Error(`${variable} is '${asked}': no integer, nor 'random'`);
  return seed;
}
