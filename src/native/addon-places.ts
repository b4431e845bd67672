/**
 * Where this module and the addons of the package are, in the words that bundlers follow: webpack, ncc and @vercel/nft
 * copy along what they find as `new URL('…', import.meta.url)`, and put its new place here.
 *
 * There are two of it: one in the package's bundle, in the words of CommonJS (scripts/bundle.mjs), and one that each
 * entry has as an ES module. Functions, because a bundler may leave `import.meta.url` empty.
 */

/** A file's URL, or its path. */
export type Place = () => URL | string;

export interface ModulePlaces {
  self: Place;
  /** By target. */
  addons: Readonly<Record<string, Place>>;
}

export const ownPlaces: ModulePlaces = {
  self() {
    return import.meta.url;
  },
  addons: {
    // With braces: @vercel/nft looks for no file in an arrow function without them.
    'linux-x64'() {
      return new URL('../../prebuilds/linux-x64.node', import.meta.url);
    },
    'linux-arm64'() {
      return new URL('../../prebuilds/linux-arm64.node', import.meta.url);
    },
    'linuxmusl-x64'() {
      return new URL('../../prebuilds/linuxmusl-x64.node', import.meta.url);
    },
    'linuxmusl-arm64'() {
      return new URL('../../prebuilds/linuxmusl-arm64.node', import.meta.url);
    },
  },
};
