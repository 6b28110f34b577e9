import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const DATA_DIR = process.env.MCGPU_DATA ?? fileURLToPath(new URL('../../../shared/data', import.meta.url));

/** Path of a shared image (`MCGPU_DATA`, default ../shared/data beside the checkout); tests skip where it does not exist. */
export function dataPath(...parts: string[]): string {
  return join(DATA_DIR, ...parts);
}
