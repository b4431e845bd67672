/** What `node:fs/promises` of the running Node exports, name by name, on the default ring. */
import nodePromises from 'node:fs/promises';
import type { OwnCalls } from '../../fs/fs.js';
import type { NodePromises } from '../../fs/node-calls.js';
import { fsForNodePrograms as fs } from '../../ring/default-fs.js';

/** Node's own types for all but `open`: its handles are ringlet's, and can be cancelled and more. */
type DropIn = Omit<NodePromises, 'open'> & Pick<OwnCalls, 'open'>;

const names = Object.keys(nodePromises) as (keyof NodePromises)[];

/** The functions of `node:fs/promises`, by the names that the running Node has, on the default ring. */
export const dropIn = Object.fromEntries(names.map((name) => [name, fs[name]])) as unknown as DropIn;
