/** Which Node this is, for the few things that differ between its versions. */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

export function isNodeAtLeast(wantedMajor: number, wantedMinor = 0): boolean {
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}
