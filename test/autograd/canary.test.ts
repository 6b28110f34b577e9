import { describe, expect, it } from 'vitest';
import { runCanary } from '../../src/autograd/canary.js';
import type { Device } from '../../src/runtime/device.js';
import type { Tensor } from '../../src/runtime/tensor.js';
import { testDevice } from '../support/gpu.js';

const device = await testDevice();

/** The device, with what it computed changed on the way back. */
function miscomputing(change: (result: Float32Array, tensor: Tensor) => void): Device {
  const read = async (tensor: Tensor): Promise<Float32Array> => {
    const result = await device.read(tensor);
    change(result, tensor);
    return result;
  };
  return Object.assign(Object.create(device) as Device, { read });
}

describe('the canary', () => {
  it('passes on a driver that computes, well inside its tolerances, and leaves no buffer behind', async () => {
    await runCanary(device);
    const bytes = device.allocatedBytes;
    const { ok, checks } = await runCanary(device);
    expect(ok).toBe(true);
    expect(checks.map((c) => c.name)).toEqual(['conv2d forward', 'conv2d gradient by the input', 'conv2d gradient by the weight']);
    for (const c of checks) {
      expect(c.worst).toBeGreaterThan(0);
      expect(c.worst).toBeLessThan(c.tolerance / 2);
    }
    expect(device.allocatedBytes).toBe(bytes);
  });

  it('refuses zeros, a NaN, and one wrong entry of any result', async () => {
    expect((await runCanary(miscomputing((result) => result.fill(0)))).ok).toBe(false);
    const nan = await runCanary(miscomputing((result) => (result[result.length - 1] = NaN)));
    expect(nan.checks.map((c) => c.worst)).toEqual([Infinity, Infinity, Infinity]);
    const dw = await runCanary(miscomputing((result, t) => (result[7] = (result[7] ?? 0) * (t.axes === 'OIHW' ? 1.0001 : 1))));
    expect(dw.checks.map((c) => c.ok)).toEqual([true, true, false]);
  });
});
