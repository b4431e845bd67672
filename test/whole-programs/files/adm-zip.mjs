// adm-zip, all in Sync and by callbacks
import Zip from 'adm-zip';
import { input } from '../kit.mjs';
input({ 'in/a': 'a'.repeat(9000), 'in/b/c': 'c' });
const zip = new Zip();
zip.addLocalFolder('in');
await zip.writeZipPromise('all.zip');
await new Promise((resolve, reject) =>
  new Zip('all.zip').extractAllToAsync('out', true, false, (error) => (error ? reject(error) : resolve())),
);
console.log(
  zip
    .getEntries()
    .map(({ entryName }) => entryName)
    .sort()
    .join(' '),
);
(await import('node:fs')).rmSync('all.zip'); // it has the time of now
