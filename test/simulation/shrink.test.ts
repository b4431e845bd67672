/** The search for a small failing program, on programs whose fault is known. */
import { expect } from 'chai';
import { formatRanges, parseRanges, type Range, shrink } from './shrink.js';

function keptOf(count: number, dropped: readonly Range[]): number[] {
  const all = Array.from({ length: count }, (_unused, index) => index);
  return all.filter((index) => !dropped.some(([from, to]) => from <= index && index <= to));
}

describe('Making a failing program small', () => {
  const COUNT = 1000;
  const always = (): boolean => true;
  const failing: Readonly<Record<string, (kept: readonly number[]) => boolean>> = {
    'one operation': (kept) => kept.includes(617),
    'the first and the last': (kept) => kept.includes(0) && kept.includes(999),
    'three far apart, in order': (kept) => [3, 500, 501].every((index) => kept.includes(index)),
  };
  const smallest = [[617], [0, 999], [3, 500, 501]];

  Object.entries(failing).forEach(([what, fails], index) => {
    it(`leaves what fails: ${what}`, async () => {
      const dropped = await shrink(COUNT, always, async (tried) => fails(keptOf(COUNT, tried)));
      expect(keptOf(COUNT, dropped)).to.deep.equal(smallest[index]);
    });
  });

  it('drops one of two that do as well', async () => {
    const fails = async (tried: readonly Range[]): Promise<boolean> => {
      const kept = keptOf(COUNT, tried);
      return kept.includes(20) || kept.includes(800);
    };
    expect(keptOf(COUNT, await shrink(COUNT, always, fails))).to.deep.equal([20]);
  });

  it('of five that must be five of any, leaves five', async () => {
    const fails = async (tried: readonly Range[]): Promise<boolean> => keptOf(COUNT, tried).length >= 5;
    expect(keptOf(COUNT, await shrink(COUNT, always, fails))).to.have.lengthOf(5);
  });

  it('stops after so many attempts, with what it has', async () => {
    let attempts = 0;
    const fails = async (tried: readonly Range[]): Promise<boolean> => {
      attempts++;
      return keptOf(COUNT, tried).includes(617);
    };
    const dropped = await shrink(COUNT, () => attempts < 4, fails);
    expect(attempts).to.equal(4);
    expect(keptOf(COUNT, dropped)).to.include(617).and.to.have.lengthOf.below(300);
  });

  it('drops nothing where it fails no more', async () => {
    expect(await shrink(16, always, async () => false)).to.deep.equal([]);
  });

  it('writes ranges as it reads them', () => {
    const text = '0-99,250,300-499';
    expect(formatRanges(parseRanges(text))).to.equal(text);
    expect(parseRanges('')).to.deep.equal([]);
    expect(() => parseRanges('9-3')).to.throw("'9-3' is no range");
  });
});
