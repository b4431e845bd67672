/** What `console.log` shows of an object whose state is behind private fields. */
import { type InspectOptions, inspect } from 'node:util';

/** For `[util.inspect.custom]`: `state` under `name`, as deep as the reader asked for. */
export function showAs(name: string, state: object, depth: number, options: InspectOptions): string {
  if (depth < 0) return `[${name}]`;
  return `${name} ${inspect(state, { ...options, depth: options.depth == null ? null : options.depth - 1 })}`;
}
