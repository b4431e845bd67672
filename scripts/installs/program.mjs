/** Runs where ringlet has been installed: prints what a ring there is, once a file has been read through it. */
import { fs, probe, Ring } from 'ringlet';

const ring = new Ring();
const text = await ring.fs.readFile('package.json', 'utf8');
const { glibcVersionRuntime } = process.report.getReport().header;
console.log(
  JSON.stringify({
    backend: ring.backend,
    reason: ring.backendReason,
    isAddonLoaded: probe().isAddonLoaded,
    isRead: text === (await fs.readFile('package.json', 'utf8')),
    where: `${process.arch}, Node ${process.versions.node}, glibc ${glibcVersionRuntime}`,
  }),
);
await ring.close();
