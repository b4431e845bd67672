// isomorphic-git: a repository by node:fs
import fs from 'node:fs';
import git from 'isomorphic-git';
import { input, numbered } from '../kit.mjs';
const [dir, author] = [process.cwd(), { name: 'A', email: 'a@example.org', timestamp: 0, timezoneOffset: 0 }];
input(numbered(20, (index) => [`src/file${index}`, `text ${index}\n`]));
await git.init({ fs, dir, defaultBranch: 'main' });
for (let index = 0; index < 20; index++) await git.add({ fs, dir, filepath: `src/file${index}` });
console.log(await git.commit({ fs, dir, author, committer: author, message: 'first' }));
fs.writeFileSync('src/file3', 'changed\n');
await git.branch({ fs, dir, ref: 'other', checkout: true });
await git.add({ fs, dir, filepath: 'src/file3' });
console.log(await git.commit({ fs, dir, author, committer: author, message: 'second' }));
await git.checkout({ fs, dir, ref: 'main' });
console.log((await git.log({ fs, dir, ref: 'other' })).length, fs.readFileSync('src/file3', 'utf8'));
console.log(
  (await git.statusMatrix({ fs, dir })).filter(([, head, work, stage]) => head !== work || work !== stage)
    .length,
);
fs.rmSync('.git/index'); // it has times and numbers of inodes
