import { create } from 'webgpu';
import { UserError } from '../errors.js';
import { openDevice, type Device, type DeviceOptions } from './device.js';

/** Dawn aborts the process when the object from `create` is collected while devices live, so every instance is kept here. */
export const dawnInstances: GPU[] = [];

export interface DawnOptions {
  /** Picks an adapter by a part of its name. */
  readonly adapter?: string;
  /** Timestamps of single kernels to the nanosecond; Dawn rounds them to 65 us otherwise, as browsers do. */
  readonly preciseTimestamps?: boolean;
}

/** The WebGPU of Node (Dawn). */
export function dawn({ adapter, preciseTimestamps = false }: DawnOptions = {}): GPU {
  const flags = [
    ...(adapter ? [`adapter=${adapter}`] : []),
    ...(preciseTimestamps ? ['disable-dawn-features=timestamp_quantization'] : []),
  ];
  const gpu = create(flags);
  dawnInstances.push(gpu);
  return gpu;
}

/** Opens a device in Node. Errors: no adapter at all, or none whose name contains `adapter`. */
export async function openNodeDevice(options: DeviceOptions & DawnOptions = {}): Promise<Device> {
  try {
    return await openDevice(dawn(options), options);
  } catch (error) {
    if (!options.adapter || !(error instanceof UserError)) throw error;
    throw new UserError(
      `No WebGPU adapter has "${options.adapter}" in its name; run \`mcgpu doctor\` to see what is there, or drop --adapter.`,
    );
  }
}
