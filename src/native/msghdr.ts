/** struct msghdr and struct iovec, as sendmsg(2), recvmsg(2) and readv(2) take them, in words of 32 bits. */
import { writeWide } from './addresses.js';

export const MSGHDR_WORDS = 14;
export const IOVEC_WORDS = 4;

const NAMELEN = 2;
const IOV = 4;
const IOVLEN = 6;
const CONTROL = 8;
const CONTROLLEN = 10;
const FLAGS = 12;

/** Writes a whole header at `words[at]`. Memory is named by its address. */
export function writeMsghdr(
  words: Uint32Array,
  at: number,
  name: number,
  namelen: number,
  iov: number,
  iovlen: number,
  control: number,
  controllen: number,
): void {
  writeWide(words, at, name);
  writeWide(words, at + NAMELEN, namelen);
  writeWide(words, at + IOV, iov);
  writeWide(words, at + IOVLEN, iovlen);
  writeWide(words, at + CONTROL, control);
  writeWide(words, at + CONTROLLEN, controllen);
  writeWide(words, at + FLAGS, 0);
}

/** How many bytes of the control area the kernel has filled. */
export function controllenOf(words: Uint32Array, at: number): number {
  return words[at + CONTROLLEN] as number;
}

export function writeIovec(words: Uint32Array, at: number, base: number, len: number): void {
  writeWide(words, at, base);
  writeWide(words, at + 2, len);
}
