/** Which Node this is, for the few things that differ between its versions. */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

/** @param backports minor versions of older release lines that have it as well, by their major one. */
export function isNodeAtLeast(
  wantedMajor: number,
  wantedMinor = 0,
  backports: Readonly<Record<number, number>> = {},
): boolean {
  if (major >= wantedMajor) return major > wantedMajor || minor >= wantedMinor;
  return minor >= (backports[major] ?? Number.POSITIVE_INFINITY);
}

/** Of libuv, whose calls Node's own are. */
export function isUvAtLeast(wantedMajor: number, wantedMinor: number): boolean {
  const [uvMajor = 0, uvMinor = 0] = process.versions.uv.split('.').map(Number);
  return uvMajor > wantedMajor || (uvMajor === wantedMajor && uvMinor >= wantedMinor);
}
