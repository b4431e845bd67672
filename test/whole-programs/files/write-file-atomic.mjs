// write-file-atomic
import writeFileAtomic from 'write-file-atomic';
const writes = Array.from({ length: 40 }, (_unused, index) =>
  writeFileAtomic(`target${index % 4}`, `version ${index}`, { mode: 0o640 }),
);
await Promise.all(writes);
console.log('written');
