/** Row 16: the server of row 15 over TLS. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { useDefaultCongestionControl } from '../system-settings.js';
import { type Setting, Unavailable, type Variant, type Workload } from '../workload.js';
import { type Parameters, variantsOf, workload as overTcp } from './http.js';

/** For a day, in the run's own folder. */
function makeCertificate(directory: string): { cert: string; key: string } {
  const [cert, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
  const options = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'];
  try {
    const args = ['req', '-x509', ...options, '-subj', '/CN=localhost', '-keyout', key, '-out', cert];
    execFileSync('openssl', args, { stdio: 'ignore' });
  } catch (error) {
    throw new Unavailable(`openssl cannot make a certificate: ${error}`);
  }
  return { cert, key };
}

async function prepare(setting: Setting): Promise<Variant<Parameters>[]> {
  useDefaultCongestionControl(setting.onEnd);
  const client = setting.compile('tls-request-client');
  const tls = makeCertificate(setting.directory);
  const hello = { row: 'row16', title: 'HTTPS hello' };
  return variantsOf(setting, hello, 100_000, { 1: 1, 64: 1.15, 512: 1.15 }, { client, tls });
}

export const workload: Workload<Parameters> = { ...overTcp, prepare };
