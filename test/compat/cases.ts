/**
 * The calls to be made, from a signature: every value of every place with the others right, no argument and
 * one too few, and then combinations drawn from a seed.
 */
import type { Argument } from './arguments.js';
import type { Random } from '../support/random.js';
import type { Signature } from './signatures.js';

export interface Case {
  readonly method: string;
  readonly given: readonly Argument[];
}

/** How many values at the head of a list may well be right. */
const LIKELY_COUNT = 6;
const LIKELY_PERCENT = 75;

export function listedCases({ method, places }: Signature): Case[] {
  const right = places.map((values) => values[0] as Argument);
  const cases: Case[] = [];
  for (let count = 0; count <= places.length; count++) cases.push({ method, given: right.slice(0, count) });
  for (const [place, values] of places.entries()) {
    for (const value of values) {
      // Both with everything that may follow, and as the last argument.
      const given = right.with(place, value);
      cases.push({ method, given });
    }
  }
  return withoutRepeats(cases);
}

export function generatedCases({ method, places }: Signature, random: Random, count: number): Case[] {
  if (places.length < 2) return [];
  const cases: Case[] = [];
  for (let number = 0; number < count; number++) {
    const given = places.map((values) =>
      random.pick(random.chance(LIKELY_PERCENT) ? values.slice(0, LIKELY_COUNT) : values),
    );
    cases.push({
      method,
      given: given.slice(0, random.chance(20) ? 1 + random.integer(given.length) : given.length),
    });
  }
  return withoutRepeats(cases);
}

/** The call as one would write it. */
export function titleOf({ method, given }: Case): string {
  return `${method}(${given.map(({ text }) => text).join(', ')})`;
}

function withoutRepeats(cases: readonly Case[]): Case[] {
  return [...new Map(cases.map((each) => [titleOf(each), each])).values()];
}
