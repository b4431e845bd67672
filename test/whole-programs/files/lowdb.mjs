// lowdb and steno
import { JSONFilePreset } from 'lowdb/node';
import { Writer } from 'steno';
const db = await JSONFilePreset('db.json', { posts: [] });
for (let index = 0; index < 20; index++) await db.update(({ posts }) => posts.push({ index }));
const writer = new Writer('steno.txt');
await Promise.all(Array.from({ length: 100 }, (_unused, index) => writer.write(`version ${index}`)));
console.log((await JSONFilePreset('db.json', {})).data.posts.length);
