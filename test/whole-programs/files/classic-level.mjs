// LevelDB, in an addon
import { ClassicLevel } from 'classic-level';
const db = new ClassicLevel('../db', { valueEncoding: 'json' });
await db.batch(
  Array.from({ length: 500 }, (_unused, index) => ({ type: 'put', key: `key ${index}`, value: { index } })),
);
console.log(await db.get('key 7'), (await db.keys({ gt: 'key 49' }).all()).length);
await db.close();
