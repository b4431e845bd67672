/** Classes whose objects come from calls: `new` throws at once, and leaves nothing for a finalizer. */
import { expect } from 'chai';
import {
  BufferPool,
  DatagramSocket,
  FileHandle,
  LatencyRecording,
  Listener,
  PooledBuffer,
  StreamSocket,
} from 'ringlet';

type Constructor = new (...args: never[]) => object;

const CLASSES = {
  BufferPool,
  DatagramSocket,
  FileHandle,
  LatencyRecording,
  Listener,
  PooledBuffer,
  StreamSocket,
};

describe('Constructors that are not for users', () => {
  for (const [name, target] of Object.entries(CLASSES)) {
    it(`new ${name}`, () => {
      for (const args of [[], [{}], [{ fd: 1, close: () => {} }, 'path'], [Symbol('ours'), {}, {}]]) {
        expect(() => Reflect.construct(target as unknown as Constructor, args))
          .to.throw(TypeError)
          .with.property('code', 'ERR_ILLEGAL_CONSTRUCTOR');
      }
    });
  }
});
