/** Objects of one class have one hidden class: V8 is slow with what has many. */
import dgram from 'node:dgram';
import net from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { expect } from 'chai';
import ringletDgram from 'ringlet/dgram';
import ringletNet from 'ringlet/net';

/** V8's own answer, which only code made under the flag can ask for. */
function haveSameHiddenClass(a: object, b: object): boolean {
  setFlagsFromString('--allow-natives-syntax');
  try {
    return new Function('a', 'b', 'return %HaveSameMap(a, b)')(a, b);
  } finally {
    setFlagsFromString('--no-allow-natives-syntax');
  }
}

describe('Hidden classes', () => {
  class Derived extends ringletNet.Socket {}

  const makers: Record<string, () => object> = {
    'net.Socket': () => new ringletNet.Socket(),
    'net.Socket, without new': () => Reflect.apply(ringletNet.Socket as never, undefined, []),
    'a class that inherits from net.Socket': () => new Derived(),
    'net.Server': () => ringletNet.createServer(),
    'dgram.Socket': () => ringletDgram.createSocket('udp4'),
  };
  for (const [what, make] of Object.entries(makers)) {
    it(`${what}: all have the same`, () => {
      const [first, ...others] = [make(), make(), make()] as [object, ...object[]];
      const answers = others.map((each) => haveSameHiddenClass(first, each));
      for (const each of [first, ...others]) if (each instanceof ringletDgram.Socket) each.close();
      expect(answers).to.deep.equal([true, true]);
    });
  }

  it('the question can be answered with no', () => {
    expect(haveSameHiddenClass(net, dgram)).to.equal(false);
  });
});
