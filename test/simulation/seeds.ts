/** Seeds that have found a fault, each played in every run. What a seed does changes with the program that it is for. */
export const SEEDS: readonly { readonly kernel: string; readonly seed: number; readonly found: string }[] = [
  {
    kernel: 'newest',
    seed: 2,
    found: 'leased datagrams, unread when their socket is closed, keep its buffers',
  },
  { kernel: 'newest', seed: 11, found: 'the same, with Unix sockets' },
  { kernel: 'newest', seed: 300_000_394, found: 'receives behind one that has failed wait for good' },
  { kernel: '6.6', seed: 3_026_877, found: 'many calls wait for places that wait for what is behind them' },
];
