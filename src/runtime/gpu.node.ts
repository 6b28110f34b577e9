import { create } from 'webgpu';
import { UserError } from '../errors.js';
import { openDevice, type Device, type DeviceOptions } from './device.js';

/** Dawn aborts the process when the object from `create` is collected while devices live, so every instance is kept here. */
export const dawnInstances: GPU[] = [];

/** The WebGPU of Node (Dawn). `adapter` picks one by a part of its name; `toggles` are Dawn's own feature names. */
export function dawn({ adapter, toggles = [] }: { adapter?: string; toggles?: readonly string[] } = {}): GPU {
  const flags = [...(adapter ? [`adapter=${adapter}`] : []), ...(toggles.length > 0 ? [`enable-dawn-features=${toggles.join(',')}`] : [])];
  const gpu = create(flags);
  dawnInstances.push(gpu);
  return gpu;
}

/** Opens a device in Node. Errors: no adapter at all, or none whose name contains `adapter`. */
export async function openNodeDevice(options: DeviceOptions & { adapter?: string } = {}): Promise<Device> {
  try {
    return await openDevice(dawn(options), options);
  } catch (error) {
    if (!options.adapter || !(error instanceof UserError)) throw error;
    throw new UserError(
      `No WebGPU adapter has "${options.adapter}" in its name; run \`mcgpu doctor\` to see what is there, or drop --adapter.`,
    );
  }
}
