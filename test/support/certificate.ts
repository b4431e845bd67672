/** A certificate for 'localhost' that is good for a day, made with the openssl program. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runProgram } from './child.js';

export interface Certificate {
  key: Buffer;
  cert: Buffer;
  keyPath: string;
  certPath: string;
}

/** @returns why there is none, where the program is missing. */
export async function makeCertificate(directory: string): Promise<Certificate | string> {
  const [keyPath, certPath] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  const make = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const name = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-days', '1'];
  const argv = ['openssl', ...make, ...name, '-keyout', keyPath, '-out', certPath];
  const { code, stderr } = await runProgram([], { launcher: argv }).catch((error: Error) => ({
    code: -1,
    stderr: error.message,
  }));
  if (code !== 0) return `openssl cannot make a certificate: ${stderr.split('\n')[0]}`;
  return { key: readFileSync(keyPath), cert: readFileSync(certPath), keyPath, certPath };
}
