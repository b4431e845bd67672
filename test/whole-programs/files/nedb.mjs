// NeDB, kept in a file
import Datastore from '@seald-io/nedb';
const db = new Datastore({ filename: 'db' });
await db.loadDatabaseAsync();
for (let index = 0; index < 30; index++) await db.insertAsync({ _id: `id${index}`, index });
await db.updateAsync({ index: { $gt: 20 } }, { $set: { big: true } }, { multi: true });
await db.removeAsync({ index: 3 }, {});
await db.compactDatafileAsync();
const again = new Datastore({ filename: 'db', autoload: true });
console.log(await again.countAsync({ big: true }), await again.countAsync({}));
