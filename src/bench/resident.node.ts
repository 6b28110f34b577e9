import { existsSync, readFileSync } from 'node:fs';
import type { Device } from '../runtime/device.js';

/**
 * Bytes of this process's memory that buffers of the adapter may lie in, as the operating system counts them; null where it does not tell
 * them apart. On Linux lavapipe keeps them, and nothing else here, in shared memory (`RssShmem`, proc_pid_status(5)).
 */
export function residentBufferBytes({ adapter }: Device): number | null {
  const file = '/proc/self/status';
  if (!adapter.description.includes('llvmpipe') || !existsSync(file)) return null;
  const kibibytes = /^RssShmem:\s+(\d+) kB$/m.exec(readFileSync(file, 'utf8'))?.[1];
  return kibibytes === undefined ? null : 1024 * Number(kibibytes);
}
