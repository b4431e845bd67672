/** The counters of `ring.stats()` as the metrics that monitoring systems take: their names, kinds and texts. */
import type { RingStats } from '../contract/reports.js';

type Numeric<Value> = { [Key in keyof Value]: Value[Key] extends number ? Key : never }[keyof Value];

/** A number of a ring, as it is now. */
export interface Metric {
  /** As Prometheus has them: 'ringlet_submitted_total'. */
  name: string;
  /** A counter only ever grows while its ring is open. */
  kind: 'counter' | 'gauge';
  /** A sentence. */
  help: string;
  /** The number, of what `ring.stats()` returned. */
  read(stats: RingStats): number;
}

type Text = readonly [kind: Metric['kind'], help: string];

/** Every number of `RingStats`: the compiler sees to that. */
const OF_RINGS: Record<Numeric<RingStats>, Text> = {
  submitted: ['counter', 'Operations handed to the kernel, cancel requests left out.'],
  completed: ['counter', 'Completions received.'],
  enters: ['counter', 'io_uring_enter calls made for the ring.'],
  inlineReads: ['counter', 'Reads of the page cache made without the ring.'],
  inlinePaths: ['counter', 'Calls on paths made without the ring.'],
  batches: ['counter', 'Calls into JavaScript, each settling one batch of completions.'],
  wakeups: ['counter', 'Times the event loop woke up for the ring.'],
  turns: ['counter', 'Goes at the ring in which there was something to do.'],
  budgetStops: ['counter', 'Turns that gave way to other handles although more was there to do.'],
  sqThreadWakeups: ['counter', 'Calls that woke a sleeping SQ-poll thread.'],
  overflows: ['counter', 'Completions that found the queue full.'],
  resizes: ['counter', 'Times the completion queue was made larger.'],
  gathers: ['counter', 'Waits in the kernel for more completions.'],
  rearms: ['counter', 'Times a multishot receive was armed again.'],
  bufferExhaustions: ['counter', 'Times a receive found no free buffer.'],
  cancels: ['counter', 'Requests to cancel that were handed to the kernel.'],
  timerRequests: ['counter', "Requests that the ring's timers made."],
  epollFallbacks: ['counter', 'Polls and watches that went to epoll.'],
  staleCompletions: ['counter', 'Completions for operations already gone; anything but 0 is a bug.'],
  inFlight: ['gauge', 'Operations in the kernel.'],
  waiting: ['gauge', 'Operations that wait for a place.'],
  inFlightPeak: ['gauge', 'The most operations that were ever in flight.'],
  freeSlots: ['gauge', 'Places that are free for more operations.'],
  armed: ['gauge', 'Operations that wait in the kernel for as long as it takes.'],
  datagramsDropped: ['counter', 'Datagrams that the node backend dropped.'],
  zeroCopySends: ['counter', 'Sends that asked the kernel not to copy.'],
  zeroCopyCopies: ['counter', 'Of these, the sends that the kernel copied all the same.'],
};

const FIELDS = Object.entries(OF_RINGS) as [Numeric<RingStats>, Text][];

/** The fields of `RingStats` that only grow. */
export const COUNTERS = FIELDS.filter(([, [kind]]) => kind === 'counter').map(([key]) => key);

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function nameOf(key: string, kind: Metric['kind']): string {
  return `ringlet_${snakeCase(key)}${kind === 'counter' ? '_total' : ''}`;
}

/** All numbers of a ring: its counters, its registered-file table, its receive buffers of all sizes together. */
export const METRICS: readonly Metric[] = [
  ...FIELDS.map(
    ([key, [kind, help]]): Metric => ({
      name: nameOf(key, kind),
      kind,
      help,
      read: (stats) => stats[key],
    }),
  ),
  {
    name: 'ringlet_registered_files',
    kind: 'gauge',
    help: 'Slots of the registered-file table in use.',
    read: ({ fdTable }) => fdTable.used,
  },
  {
    name: 'ringlet_receive_buffers',
    kind: 'gauge',
    help: 'Receive buffers.',
    read: ({ receiveBuffers }) => receiveBuffers.reduce((sum, { count }) => sum + count, 0),
  },
  {
    name: 'ringlet_receive_buffers_available',
    kind: 'gauge',
    help: 'Receive buffers that the kernel may fill.',
    read: ({ receiveBuffers }) => receiveBuffers.reduce((sum, { available }) => sum + available, 0),
  },
];
