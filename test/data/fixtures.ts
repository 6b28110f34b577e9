import { join, resolve } from 'node:path';

/** Path of a shared image (`MCGPU_DATA`, default ../shared/data beside the checkout); tests skip where it does not exist. */
export function dataPath(...parts: string[]): string {
  return join(resolve(process.env['MCGPU_DATA'] ?? '../shared/data'), ...parts);
}
