import { existsSync, readFileSync } from 'node:fs';
import type { Device } from '../runtime/device.js';
import type { ResidentBytes } from './memory.js';

/** Dawn puts small buffers together into pieces of megabytes and gives large ones their own; the driver's descriptor sets have a page each. */
const LEAST_BUFFER_KB = 1024;

/**
 * As the operating system counts them, pages from their first use; null where it does not tell. On Linux lavapipe maps all its memory as
 * `memfd:allocation` (proc_pid_smaps(5)).
 */
export function residentBytes({ adapter }: Device): ResidentBytes | null {
  const file = '/proc/self/smaps';
  if (!adapter.description.includes('llvmpipe') || !existsSync(file)) return null;
  let [buffers, driver] = [0, 0];
  for (const mapping of readFileSync(file, 'utf8').split(/\n(?=[0-9a-f]+-[0-9a-f]+ )/)) {
    if (!mapping.slice(0, mapping.indexOf('\n')).includes('/memfd:allocation')) continue;
    const kB = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(mapping)?.[1] ?? 0);
    const resident = 1024 * kB('Rss');
    if (kB('Size') >= LEAST_BUFFER_KB) buffers += resident;
    else driver += resident;
  }
  return { buffers, driver };
}
