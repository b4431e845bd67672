/**
 * Every export, static and member of node:net and node:dgram of the running Node, as ringlet's: there, of the same kind,
 * with the same name and number of parameters. What is not is listed here, with the reason.
 */
import nodeDgram from 'node:dgram';
import nodeNet from 'node:net';
import { expect } from 'chai';
import ringletDgram from 'ringlet/dgram';
import ringletNet from 'ringlet/net';

const MODULES = { net: [nodeNet, ringletNet], dgram: [nodeDgram, ringletDgram] } as const;
/** The classes that are ringlet's own, whose members are compared as well. */
const CLASSES: Record<keyof typeof MODULES, readonly string[]> = {
  net: ['Socket', 'Server'],
  dgram: ['Socket'],
};

/** By where it is, or how its name begins. */
const EXCEPTIONS: Record<string, string> = {
  'net.Socket.prototype._': 'of Node’s inside, and of no document',
  'dgram.Socket.prototype._': 'of Node’s inside, and of no document',
  'dgram._': 'of Node’s inside, deprecated',
};

type Members = Record<string, unknown>;

/** What `owner` has, by itself or from a class of its own, up to what `isShared` with others. */
function membersOf(
  owner: object,
  isShared: (prototype: object) => boolean,
): Map<PropertyKey, PropertyDescriptor> {
  const found = new Map<PropertyKey, PropertyDescriptor>();
  for (let at: object | null = owner; at !== null && !isShared(at); at = Object.getPrototypeOf(at)) {
    for (const key of Reflect.ownKeys(at)) {
      const descriptor = Object.getOwnPropertyDescriptor(at, key);
      if (descriptor !== undefined && !found.has(key)) found.set(key, descriptor);
    }
  }
  return found;
}

const isOfLanguage = (prototype: object): boolean =>
  prototype === Object.prototype || prototype === Function.prototype;

/** What a member is to those who use it: whether a getter has it, or the object itself, makes no difference. */
const kindOf = ({ value }: PropertyDescriptor): string =>
  typeof value === 'function' ? `function of ${value.length}` : 'value';

function differences(place: string, theirs: object, ours: object): string[] {
  const own = membersOf(ours, isOfLanguage);
  const found: string[] = [];
  for (const [key, descriptor] of membersOf(theirs, isOfLanguage)) {
    const name = `${place}.${String(key)}`;
    const isPrivateSymbol = typeof key === 'symbol' && !String(key).startsWith('Symbol(Symbol.');
    if (isPrivateSymbol || ['prototype', 'arguments', 'caller', 'name', 'length'].includes(String(key)))
      continue;
    const match = own.get(key);
    const wanted = kindOf(descriptor);
    const got = match === undefined ? 'nothing' : kindOf(match);
    if (wanted !== got) found.push(`${name}: ${got}, not ${wanted}`);
  }
  return found;
}

describe('Members of the drop-ins', () => {
  for (const [title, [theirs, ours]] of Object.entries(MODULES)) {
    it(`${title}: all that Node has`, () => {
      // Read, for some exports are getters; and by their names.
      const found = differences(title, { ...theirs }, { ...ours });
      for (const name of ['Socket', 'Server', 'Stream', 'connect', 'createServer', 'createSocket']) {
        const [wanted, got] = [theirs, ours].map(
          (each) => (each as unknown as Members)[name] as { name?: string },
        );
        if (wanted?.name !== got?.name) found.push(`${title}.${name}: its name`);
      }
      for (const name of CLASSES[title as keyof typeof MODULES]) {
        const [nodes, ringlets] = [theirs, ours].map((each) => (each as unknown as Members)[name]) as [
          { prototype: object },
          { prototype: object },
        ];
        found.push(...differences(`${title}.${name}`, nodes, ringlets));
        found.push(...differences(`${title}.${name}.prototype`, nodes.prototype, ringlets.prototype));
      }
      const isExcepted = (text: string): boolean =>
        Object.keys(EXCEPTIONS).some((start) => text.startsWith(start));
      expect(found.filter((text) => !isExcepted(text))).to.deep.equal([]);
    });
  }
});
