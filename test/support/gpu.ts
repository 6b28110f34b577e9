import { afterAll } from 'vitest';
import { Tape } from '../../src/autograd/tape.js';
import type { Device, DeviceOptions } from '../../src/runtime/device.js';
import { openNodeDevice, type DawnOptions } from '../../src/runtime/gpu.node.js';
import { Recorder } from '../../src/runtime/recorder.js';
import type { Tensor } from '../../src/runtime/tensor.js';

/** A device for the tests of one file, destroyed after them. MCGPU_ADAPTER picks one by a part of its name. */
export async function testDevice(options: DeviceOptions & DawnOptions = {}): Promise<Device> {
  const adapter = process.env.MCGPU_ADAPTER;
  const device = await openNodeDevice({ ...options, ...(adapter ? { adapter } : {}) });
  afterAll(() => {
    device.destroy();
  });
  return device;
}

export interface HostArray<A extends string = string> {
  readonly axes: A;
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/**
 * Records, compiles and runs one op on host arrays. `dy` (of y's shape) asks for the gradients of sum(y * dy) by every input
 * listed in `wrt` (default: all).
 */
export async function runOp(
  device: Device,
  inputs: Readonly<Record<string, HostArray>>,
  forward: (tape: Tape, x: Record<string, Tensor>) => Tensor,
  dy?: ArrayLike<number>,
  wrt: readonly string[] = Object.keys(inputs),
): Promise<{ y: Float32Array; shape: readonly number[]; grads: Record<string, Float32Array> }> {
  const tape = new Tape(new Recorder(device), { grad: dy !== undefined });
  const tensors = Object.fromEntries(Object.entries(inputs).map(([name, a]) => [name, device.tensor(a.axes, a.shape, a.data, name)]));
  for (const name of wrt) {
    const t = tensors[name];
    if (t) t.requiresGrad = dy !== undefined;
  }
  const y = forward(tape, tensors);
  tape.recorder.keep(y);
  const gradients = dy === undefined ? new Map<Tensor, Tensor>() : tape.backward(y, device.tensor(y.axes, y.shape, dy, 'dy'));
  for (const g of gradients.values()) tape.recorder.keep(g);
  const program = await tape.recorder.compile();
  program.run();
  const grads: Record<string, Float32Array> = {};
  for (const [name, t] of Object.entries(tensors)) {
    const g = gradients.get(t);
    if (g) grads[name] = await device.read(g);
  }
  const result = { y: await device.read(y), shape: y.shape, grads };
  program.destroy();
  for (const t of Object.values(tensors)) if (t.buffer.storage.buffer) device.destroyBuffer(t.buffer.storage.buffer);
  return result;
}
