import { join } from 'node:path';
import { makeFolder, writeFileAtomic } from '../files.node.js';
import type { Device } from '../runtime/device.js';

/**
 * Writes the WGSL of every pipeline that the device has compiled, as the driver got it: the file with all that it requires, and at its
 * head the values of its override constants. Returns the names of the files.
 */
export async function dumpWgsl(device: Device, folder: string): Promise<string[]> {
  await makeFolder(folder);
  const counts = new Map<string, number>();
  const files: string[] = [];
  for (const { shader, constants } of device.pipelines.used()) {
    const variant = (counts.get(shader.name) ?? 0) + 1;
    counts.set(shader.name, variant);
    const values = Object.entries(constants).map(([name, value]) => `// override ${name} = ${value}\n`);
    const parts = shader.segments.map(
      ({ file, firstLine }) => `// from line ${firstLine + values.length + shader.segments.length}: ${file}\n`,
    );
    const file = `${shader.name}${variant > 1 ? `-${variant}` : ''}.wgsl`;
    await writeFileAtomic(join(folder, file), `${values.join('')}${parts.join('')}${shader.source}`);
    files.push(file);
  }
  return files;
}
