// What every WebGPU must do alike. It is bundled by Vite and run by Node, Deno and a browser, so it imports the portable surface only.
import { openDevice, runCanary, tenTrainingSteps } from '../../src/index.js';

export interface PortableResult {
  readonly adapter: string;
  /** The canary's checks that failed. */
  readonly miscomputed: readonly string[];
  /** Losses of ten training steps. */
  readonly losses: readonly number[];
}

export async function runPortable(gpu: GPU): Promise<PortableResult> {
  const device = await openDevice(gpu);
  try {
    const { vendor, architecture, description } = device.adapter;
    const { checks } = await runCanary(device);
    const miscomputed = checks.filter(({ ok }) => !ok).map(({ name }) => name);
    return { adapter: description || `${vendor} ${architecture}`, miscomputed, losses: await tenTrainingSteps(device) };
  } finally {
    device.destroy();
  }
}
