/** For constructors that are public in name only: what they make needs something that users have not got. */
import { illegalConstructor } from '../errors/index.js';

/** What such a constructor is given first, by ringlet alone. */
export const OURS = Symbol('ours');

/** @throws ERR_ILLEGAL_CONSTRUCTOR. */
export function checkOurs(key: unknown): void {
  if (key !== OURS) throw illegalConstructor();
}
