// cacache, the cache of npm
import { rmSync } from 'node:fs';
import cacache from 'cacache';
const contents = Array.from({ length: 40 }, (_unused, index) => Buffer.alloc(index * 700, index));
await Promise.all(contents.map((data, index) => cacache.put('cache', `key ${index}`, data)));
const stream = cacache.put.stream('cache', 'streamed');
stream.end(Buffer.alloc(300_000, 's'));
await stream.promise();
for (const [index, data] of contents.entries())
  if (!(await cacache.get('cache', `key ${index}`)).data.equals(data)) throw new Error(`key ${index}`);
await cacache.rm.entry('cache', 'key 3', { removeFully: true });
const { verifiedContent, keptSize } = await cacache.verify('cache');
console.log(Object.keys(await cacache.ls('cache')).length, verifiedContent, keptSize);
rmSync('cache', { recursive: true }); // it has times of now
