/** What `ringlet bench` measures: each row in Node's words and in ringlet's, awaited alike. */
import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import nodeFs from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { DatagramSocket, type Fs, Listener, type Ring, StreamSocket } from 'ringlet';

/** Works until `isOver`, and returns how many operations that were. */
export type Work = (isOver: () => boolean) => Promise<number>;

/** What is ready to work, and what ends it. */
interface Contender {
  work: Work;
  end(): Promise<void>;
}

/** A thing that programs do. */
export interface Row {
  title: string;
  /** Gets ready. @param ring none for Node's own modules. */
  begin(ring: Ring | undefined, directory: string): Promise<Contender>;
}

const AT_ONCE = 32;
const PAGE_BYTES = 4096;
const PAGES = 4096;
const SMALL_FILES = 512;
const SMALL_BYTES = 2048;
const ECHO_BYTES = 64;
const LOOPBACK = '127.0.0.1';
const message = Buffer.alloc(ECHO_BYTES, 1);

/** Lanes beside each other, each of which awaits one operation after the other. */
function sideBySide(operation: (index: number, lane: number) => Promise<unknown>): Work {
  let index = 0;
  return async (isOver) => {
    let count = 0;
    const work = async (lane: number): Promise<void> => {
      while (!isOver()) {
        await operation(index++, lane);
        count += 1;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, (_, lane) => work(lane)));
    return count;
  };
}

function smallFile(directory: string, index: number): string {
  return join(directory, `small-${index % SMALL_FILES}`);
}

/** Makes the files that rows read. */
export async function prepare(directory: string): Promise<void> {
  await nodeFs.writeFile(join(directory, 'blocks'), Buffer.alloc(PAGE_BYTES * PAGES, 1));
  for (let index = 0; index < SMALL_FILES; index++) {
    await nodeFs.writeFile(smallFile(directory, index), Buffer.alloc(SMALL_BYTES, 1));
  }
}

/** Node's own where there is no ring. */
function filesOf(ring: Ring | undefined): Fs {
  return ring?.fs ?? (nodeFs as unknown as Fs);
}

/** A row of calls on files, which are the same for both. */
function ofFiles(title: string, call: (fs: Fs, directory: string, index: number) => Promise<unknown>): Row {
  return {
    title,
    async begin(ring, directory) {
      const fs = filesOf(ring);
      return { work: sideBySide((index) => call(fs, directory, index)), end: async () => {} };
    },
  };
}

const reads: Row = {
  title: `read ${PAGE_BYTES} bytes of an open file`,
  async begin(ring, directory) {
    const handle = await filesOf(ring).open(join(directory, 'blocks'));
    const buffers = Array.from({ length: AT_ONCE }, () => Buffer.alloc(PAGE_BYTES));
    const work = sideBySide((index, lane) =>
      // A prime, so that the blocks come in no order.
      handle.read(buffers[lane] as Buffer, 0, PAGE_BYTES, ((index * 1031) % PAGES) * PAGE_BYTES),
    );
    return { work, end: () => handle.close() };
  },
};

/** 32 datagrams there, and so many back, again and again; a lost one would end it, so there are never more. */
const datagrams: Row = {
  title: `datagrams of ${ECHO_BYTES} bytes, sent and received`,
  async begin(ring) {
    if (ring === undefined) {
      const socket = createSocket('udp4').bind(0, LOOPBACK);
      await once(socket, 'listening');
      const { port } = socket.address();
      const work: Work = async (isOver) => {
        let count = 0;
        while (!isOver()) {
          const arrived = new Promise<void>((resolve) => {
            let missing = AT_ONCE;
            const hear = (_data: Buffer, _remote: RemoteInfo): void => {
              missing -= 1;
              if (missing > 0) return;
              socket.off('message', hear);
              resolve();
            };
            socket.on('message', hear);
          });
          for (let sent = 0; sent < AT_ONCE; sent++) socket.send(message, port, LOOPBACK);
          await arrived;
          count += AT_ONCE;
        }
        return count;
      };
      return { work, end: async () => void (await once(socket.close(), 'close')) };
    }
    const socket = await DatagramSocket.bind({ ring, address: LOOPBACK });
    const batch = Array.from({ length: AT_ONCE }, () => ({ data: message, remote: socket.address }));
    const batches = socket.batches();
    const work: Work = async (isOver) => {
      let count = 0;
      while (!isOver()) {
        await socket.sendMany(batch);
        for (let missing = AT_ONCE; missing > 0; ) {
          const { value } = await batches.next();
          missing -= value?.length ?? missing;
        }
        count += AT_ONCE;
      }
      return count;
    };
    return { work, end: () => socket.close() };
  },
};

const echo: Row = {
  title: `TCP, ${ECHO_BYTES} bytes there and back, ${AT_ONCE} connections`,
  async begin(ring) {
    if (ring === undefined) {
      const server = createServer({ noDelay: true }, (socket) =>
        socket.on('data', (data) => socket.write(data)),
      );
      await once(server.listen(0, LOOPBACK), 'listening');
      const { port } = server.address() as AddressInfo;
      const clients = await Promise.all(
        Array.from({ length: AT_ONCE }, async () => {
          const socket = connect({ port, host: LOOPBACK, noDelay: true });
          await once(socket, 'connect');
          return { socket, chunks: socket.iterator({ destroyOnReturn: false }) };
        }),
      );
      const work = sideBySide(async (_, lane) => {
        const { socket, chunks } = clients[lane] as (typeof clients)[number];
        socket.write(message);
        for (let bytes = 0; bytes < ECHO_BYTES; ) bytes += ((await chunks.next()).value as Buffer).length;
      });
      return {
        work,
        async end() {
          for (const { socket } of clients) socket.destroy();
          await once(server.close(), 'close');
        },
      };
    }
    const listener = await Listener.listen({ ring, host: LOOPBACK, port: 0, noDelay: true });
    const { port } = listener.address as AddressInfo;
    const serving = (async () => {
      for await (const socket of listener) {
        void (async () => {
          for await (const chunk of socket) await socket.write(chunk);
        })().catch(() => {});
      }
    })();
    const clients = await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        const socket = await StreamSocket.connect({ ring, host: LOOPBACK, port, noDelay: true });
        return { socket, chunks: socket[Symbol.asyncIterator]() };
      }),
    );
    const work = sideBySide(async (_, lane) => {
      const { socket, chunks } = clients[lane] as (typeof clients)[number];
      void socket.write(message);
      for (let bytes = 0; bytes < ECHO_BYTES; ) bytes += ((await chunks.next()).value as Buffer).length;
    });
    return {
      work,
      async end() {
        await Promise.all(clients.map(({ socket }) => socket.close()));
        await listener.close();
        await serving;
      },
    };
  },
};

export const ROWS: readonly Row[] = [
  reads,
  ofFiles(`readFile of ${SMALL_BYTES} bytes`, (fs, directory, index) =>
    fs.readFile(smallFile(directory, index)),
  ),
  ofFiles('stat', (fs, directory, index) => fs.stat(smallFile(directory, index))),
  ofFiles(`writeFile of ${SMALL_BYTES} bytes, replacing a file`, (fs, directory, index) =>
    fs.writeFile(join(directory, `written-${index % SMALL_FILES}`), Buffer.alloc(SMALL_BYTES, index)),
  ),
  datagrams,
  echo,
];
