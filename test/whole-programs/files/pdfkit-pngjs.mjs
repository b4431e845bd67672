// PDFKit writes a document with a picture that pngjs wrote
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import Document from 'pdfkit';
import { PNG } from 'pngjs';
const picture = new PNG({ width: 32, height: 32 });
for (let index = 0; index < picture.data.length; index++) picture.data[index] = index % 251;
await once(picture.pack().pipe(createWriteStream('a.png')), 'close');
const read = createReadStream('a.png').pipe(new PNG());
await once(read, 'parsed');
const document = new Document({ compress: false, info: { CreationDate: new Date(0), ModDate: new Date(0) } });
const output = document.pipe(createWriteStream('../a.pdf'));
document.text('Hello').image('a.png');
document.end();
await once(output, 'close');
console.log(read.data.equals(picture.data), output.bytesWritten > 2000);
