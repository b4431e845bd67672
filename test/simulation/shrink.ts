/** Making a failing program small: which ranges of its operations it fails without. */

export type Range = readonly [from: number, to: number];

/** From `0-99,250-499`; '' is none. */
export function parseRanges(text: string): Range[] {
  if (text === '') return [];
  return text.split(',').map((range): Range => {
    const [from = Number.NaN, to = from] = range.split('-').map(Number);
    if (!(from <= to)) throw new Error(`'${range}' is no range`);
    return [from, to];
  });
}

export function formatRanges(ranges: readonly Range[]): string {
  return ranges.map(([from, to]) => (from === to ? String(from) : `${from}-${to}`)).join(',');
}

/** In order, with neighbours as one. */
function joined(ranges: readonly Range[]): Range[] {
  const whole: [number, number][] = [];
  for (const [from, to] of [...ranges].sort(([one], [other]) => one - other)) {
    const last = whole.at(-1);
    if (last !== undefined && last[1] + 1 >= from) last[1] = Math.max(last[1], to);
    else whole.push([from, to]);
  }
  return whole;
}

/**
 * Ranges of `count` operations that may be dropped together. Halves are tried first, then quarters and so on to single
 * ones, and those again as long as one goes; a failure that comes only now and then is taken for what it was each time.
 *
 * @param mayGoOn whether another attempt may be made.
 * @param fails whether what is left still fails.
 */
export async function shrink(
  count: number,
  mayGoOn: () => boolean,
  fails: (dropped: readonly Range[]) => Promise<boolean>,
): Promise<Range[]> {
  let dropped: Range[] = [];
  const isDropped = (from: number, to: number): boolean => {
    return dropped.some(([first, last]) => first <= from && to <= last);
  };
  for (let size = Math.ceil(count / 2); ; ) {
    let hasChanged = false;
    // From the end: what comes late seldom matters to what has failed before.
    for (let from = Math.floor((count - 1) / size) * size; from >= 0; from -= size) {
      const to = Math.min(from + size, count) - 1;
      if (isDropped(from, to)) continue;
      if (!mayGoOn()) return dropped;
      const tried = joined([...dropped, [from, to]]);
      if (!(await fails(tried))) continue;
      dropped = tried;
      hasChanged = true;
    }
    if (size > 1) size = Math.ceil(size / 2);
    else if (!hasChanged) return dropped;
  }
}
