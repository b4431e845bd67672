/** The ends of Node's messages: what was received instead. */
import { inspect } from 'node:util';

const PLAIN_INTEGER_MAX = 2 ** 32;

const RECEIVED_LENGTH_MAX = 28;

/** The end of Node's "Received …", for any value. */
export function describeReceived(value: unknown): string {
  switch (typeof value) {
    case 'undefined':
      return 'undefined';
    case 'object':
      if (value === null) return 'null';
      return typeof value.constructor === 'function' && value.constructor.name
        ? `an instance of ${value.constructor.name}`
        : inspect(value, { depth: -1 });
    case 'function':
      return `function ${value.name}`;
    case 'bigint':
      return `type bigint (${value}n)`;
    case 'number':
      return `type number (${Object.is(value, -0) ? '-0' : value})`;
    case 'string': {
      const text = value.length > RECEIVED_LENGTH_MAX ? `${value.slice(0, 25)}...` : value;
      return `type string (${text.includes("'") ? JSON.stringify(text) : `'${text}'`})`;
    }
    default:
      return `type ${typeof value} (${String(value)})`;
  }
}

/** Large integers with a `_` between thousands, anything else as `util.inspect` shows it. */
export function describeNumber(value: unknown): string {
  if (typeof value === 'bigint') {
    const isLarge = value > BigInt(PLAIN_INTEGER_MAX) || value < -BigInt(PLAIN_INTEGER_MAX);
    return `${isLarge ? groupThousands(String(value)) : value}n`;
  }
  if (typeof value === 'number' && Number.isInteger(value) && Math.abs(value) > PLAIN_INTEGER_MAX) {
    return groupThousands(String(value));
  }
  return inspect(value);
}

/** Node groups exponents too ("1e_+21"); so does this, for the same message. */
function groupThousands(digits: string): string {
  const groups: string[] = [];
  const start = digits.startsWith('-') ? 1 : 0;
  let end = digits.length;
  for (; end >= start + 4; end -= 3) groups.unshift(digits.slice(end - 3, end));
  return [digits.slice(0, end), ...groups].join('_');
}
