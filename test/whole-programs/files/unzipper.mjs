// unzipper unpacks
import Zip from 'adm-zip';
import { createReadStream } from 'node:fs';
import unzipper from 'unzipper';
const zip = new Zip();
for (let index = 0; index < 20; index++)
  zip.addFile(`folder/file${index}`, Buffer.from('text '.repeat(index * 30)));
zip.writeZip('../all.zip');
await createReadStream('../all.zip')
  .pipe(unzipper.Extract({ path: 'out' }))
  .promise();
const directory = await unzipper.Open.file('../all.zip');
console.log(directory.files.length, `${await directory.files.at(-1).buffer()}`.length);
