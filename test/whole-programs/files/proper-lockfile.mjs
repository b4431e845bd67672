// proper-lockfile, by graceful-fs
import lockfile from 'proper-lockfile';
import { input } from '../kit.mjs';
input({ file: '' });
const release = await lockfile.lock('file');
console.log(await lockfile.check('file'), await lockfile.lock('file').catch(({ code }) => code));
await release();
console.log(await lockfile.check('file'));
