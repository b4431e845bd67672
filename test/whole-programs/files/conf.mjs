// conf, node-persist and jsonfile keep settings
import { rmSync } from 'node:fs';
import Conf from 'conf';
import jsonfile from 'jsonfile';
import storage from 'node-persist';
const conf = new Conf({ cwd: process.cwd(), projectName: 'app' });
conf.set('a.b', [1, { c: 2 }]);
await storage.init({ dir: `${process.cwd()}/store` });
for (let index = 0; index < 20; index++) await storage.setItem(`key ${index}`, { index });
await storage.removeItem('key 3');
await jsonfile.writeFile('a.json', { z: 1 }, { spaces: 2, EOL: '\r\n' });
console.log(conf.get('a.b'), (await storage.keys()).length, await jsonfile.readFile('a.json'));
rmSync('store', { recursive: true }); // it may have times
