/** Two datagram sockets, UDP or Unix: messages sent alone and together, received, iterated, leased, closed under that. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatagramSocket } from 'ringlet';
import { within } from '../support/eventually.js';
import { DatagramModel } from './models.js';
import { type Action, type Part, persist, type Stage } from './stage.js';

interface Pair {
  readonly receiver: DatagramSocket;
  readonly sender: DatagramSocket;
  readonly model: DatagramModel;
  isClosing: boolean;
}

export type DatagramFamily = 'UDP' | 'Unix';

const OUTSTANDING_MAX = 100;
/** Of a Unix socket's queue (net.unix.max_dgram_qlen), above which a send waits for receives. */
const UNIX_OUTSTANDING_MAX = 8;
const CLOSED = /^(ERR_SOCKET_DGRAM_NOT_RUNNING|EBADF|ECONNREFUSED|ENOENT|ECONNRESET|ECANCELED)$/;

export class Datagrams implements Part {
  readonly #stage: Stage;
  readonly #family: DatagramFamily;
  #pair: Pair;
  #made = 0;

  private constructor(stage: Stage, family: DatagramFamily, pair: Pair) {
    this.#stage = stage;
    this.#family = family;
    this.#pair = pair;
  }

  static async make(stage: Stage, family: DatagramFamily): Promise<Datagrams> {
    return new Datagrams(stage, family, await bindPair(stage, family, 0));
  }

  readonly #send: Action = (random) => {
    const pair = this.#pair;
    const { sender, receiver, model } = pair;
    const outstandingMax = this.#family === 'Unix' ? UNIX_OUTSTANDING_MAX : OUTSTANDING_MAX;
    if (pair.isClosing || model.outstanding + model.sending > outstandingMax) return undefined;
    const count = random.chance(20) ? 1 + random.integer(8) : 1;
    const messages = Array.from({ length: count }, () => model.next(8 + random.integer(400)));
    const [first = Buffer.alloc(0)] = messages;
    const options = random.chance(20) ? this.#stage.perhapsAborted(random) : {};
    const tolerance = { codes: CLOSED, when: () => pair.isClosing, ...options };
    const remote = receiver.address;
    const pieces = random.chance(30) ? [first.subarray(0, 5), first.subarray(5)] : first;
    const batch = messages.map((data) => ({ data, remote }));
    const call =
      count === 1 ? sender.send(pieces, remote, options).then(() => 1) : sender.sendMany(batch, options);
    return (async () => {
      const sent = (await this.#stage.attempt(call, tolerance)) ?? 0;
      messages.forEach((data, index) => {
        if (index < sent) model.sent(data);
        else model.unsent();
      });
    })();
  };

  readonly #receive: Action = (random) => {
    const pair = this.#pair;
    const { receiver, model } = pair;
    if (pair.isClosing || model.outstanding <= model.reserved) return undefined;
    model.reserved++;
    const options = this.#stage.perhapsAborted(random);
    const receive = async (): Promise<void> => {
      model.received((await receiver.receive(options)).data);
    };
    const iterate = async (): Promise<void> => {
      for await (const message of receiver.messages({ lease: random.chance(60), ...options })) {
        model.received(message.data);
        if (random.chance(50)) message.release();
        else this.#stage.hold(message);
        break;
      }
    };
    const tolerance = { codes: CLOSED, when: () => pair.isClosing, ...options };
    return (async () => {
      try {
        await this.#stage.attempt(random.pick([receive, iterate])(), tolerance);
      } finally {
        model.reserved--;
      }
    })();
  };

  readonly #renew: Action = (random) => {
    const pair = this.#pair;
    if (pair.isClosing || random.chance(95)) return undefined;
    pair.isClosing = true;
    return (async () => {
      await Promise.all([pair.receiver.close(), pair.sender.close()]);
      this.#pair = await bindPair(this.#stage, this.#family, ++this.#made);
    })();
  };

  readonly actions = {
    send: this.#send,
    sendToo: this.#send,
    receive: this.#receive,
    receiveToo: this.#receive,
    renewSockets: this.#renew,
  };

  readonly takes = [() => this.#takeNext()];

  #takeNext(): Promise<void> | undefined {
    const pair = this.#pair;
    const { receiver, model } = pair;
    if (pair.isClosing || model.outstanding <= model.reserved) return undefined;
    model.reserved++;
    return (async () => {
      try {
        model.received((await persist(() => receiver.receive())).data);
      } catch (error) {
        if (!pair.isClosing) throw error;
      } finally {
        model.reserved--;
      }
    })();
  }

  async end(): Promise<void> {
    const { receiver, sender, model } = this.#pair;
    if (!this.#stage.isEnding) model.expectNone();
    await within('the close of datagrams', Promise.all([receiver.close(), sender.close()]));
  }

  describe(): unknown {
    const { model, isClosing } = this.#pair;
    return [model.outstanding, model.reserved, model.sending, isClosing];
  }
}

async function bindPair(stage: Stage, family: DatagramFamily, index: number): Promise<Pair> {
  const { ring, directory } = stage;
  const bind = (end: string): Promise<DatagramSocket> => {
    const path = join(directory, `datagrams-${end}-${index}`);
    if (family === 'Unix') rmSync(path, { force: true });
    const place = family === 'Unix' ? { path } : { address: '127.0.0.1', receiveBufferBytes: 1 << 20 };
    return persist(() => DatagramSocket.bind({ ring, ...place }));
  };
  const [receiver, sender] = [await bind('receiver'), await bind('sender')];
  return { receiver, sender, model: new DatagramModel(), isClosing: false };
}
