/** What calls that send take as data. */
import { types } from 'node:util';
import { invalidArgType } from '../errors/index.js';
import { isView, type View } from './views.js';

const DATA_TYPE = 'of type string or an instance of Buffer, TypedArray, DataView, or ArrayBuffer';

/** Text as UTF-8; anything else as it is, uncopied. */
export function toBytes(data: unknown, name = 'data'): View {
  if (isView(data)) return data;
  if (typeof data === 'string') return Buffer.from(data);
  if (types.isAnyArrayBuffer(data)) return new Uint8Array(data);
  throw invalidArgType(name, DATA_TYPE, data);
}
