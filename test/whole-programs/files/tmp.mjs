// tmp makes files and folders and takes them away
import fs from 'node:fs';
import tmp from 'tmp';
tmp.setGracefulCleanup();
const dir = process.cwd();
tmp.file({ tmpdir: dir, mode: 0o600 }, (error, path, fd, remove) => {
  fs.write(fd, 'text', () => {
    console.log(error, fs.readFileSync(path, 'utf8'), (fs.statSync(path).mode & 0o777).toString(8));
    remove();
    console.log(fs.existsSync(path));
  });
});
tmp.dir({ tmpdir: dir, unsafeCleanup: true }, (error, path, remove) => {
  fs.writeFileSync(`${path}/inside`, '');
  remove((failure) => console.log(error, failure, fs.existsSync(path)));
});
