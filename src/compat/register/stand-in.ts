/** A class in the place of one of Node's, which makes objects of ringlet's where it can. */

import { tellLeft } from './engine.js';

type Constructor = new (...parameters: never[]) => object;

interface Ours {
  /** One of ringlet's, or undefined where it is to be Node's. */
  create(parameters: readonly unknown[]): object | undefined;
  isOurs(value: unknown): boolean;
  /** Whether Node's can be called without `new`, too. */
  isCallable: boolean;
}

/**
 * What inherits from the class is on Node's. `instanceof` says yes of ringlet's objects, too.
 *
 * A proxy, so that objects of classes that inherit from it have one hidden class: see base/callable.ts.
 */
export function standIn(nodes: Constructor, { create, isOurs, isCallable }: Ours): Constructor {
  function StandIn(): void {}
  StandIn.prototype = nodes.prototype as object;
  Object.setPrototypeOf(StandIn, nodes);
  Object.defineProperty(StandIn, Symbol.hasInstance, {
    value(this: unknown, value: unknown) {
      return (this === proxy && isOurs(value)) || Function.prototype[Symbol.hasInstance].call(this, value);
    },
  });
  const make = (parameters: readonly unknown[]): object =>
    create(parameters) ?? (Reflect.construct(nodes, parameters) as object);
  const proxy: Constructor = new Proxy(StandIn as unknown as Constructor, {
    construct(_target, parameters, target) {
      if (target === proxy) return make(parameters);
      tellLeft(`sockets of the class ${target.name}`, `it inherits from Node's ${nodes.name}`);
      return Reflect.construct(nodes, parameters, target as never) as object;
    },
    apply(_target, adoptee: unknown, parameters) {
      // Of a class that inherits from it the old way, as Node's own for TLS and terminals.
      const isNodes = !isCallable || adoptee instanceof nodes;
      return isNodes ? (Reflect.apply(nodes as never, adoptee, parameters) as unknown) : make(parameters);
    },
  });
  return proxy;
}
