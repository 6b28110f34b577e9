import { afterAll } from 'vitest';
import { Tape } from '../../src/autograd/tape.js';
import type { Device, DeviceOptions } from '../../src/runtime/device.js';
import { openNodeDevice, type DawnOptions } from '../../src/runtime/gpu.node.js';
import { Recorder } from '../../src/runtime/recorder.js';
import type { ElementType } from '../../src/runtime/storage.js';
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
  /** Default: as the maps of the program for NCHW, else f32. */
  readonly element?: ElementType;
}

/**
 * Records, compiles and runs one op on host arrays. `dy` (of y's shape) asks for the gradients of sum(y * dy) by every input
 * listed in `wrt` (default: all). `maps`: how NCHW tensors are stored.
 */
export async function runOp(
  device: Device,
  inputs: Readonly<Record<string, HostArray>>,
  forward: (tape: Tape, x: Record<string, Tensor>) => Tensor,
  dy?: ArrayLike<number>,
  wrt: readonly string[] = Object.keys(inputs),
  maps: ElementType = 'f32',
): Promise<{ y: Float32Array; shape: readonly number[]; grads: Record<string, Float32Array> }> {
  const tape = new Tape(new Recorder(device, { maps }), { grad: dy !== undefined });
  const place = (name: string, { axes, shape, data, element = axes === 'NCHW' ? maps : 'f32' }: HostArray): Tensor =>
    device.tensor(axes, shape, data, name, element);
  const tensors = Object.fromEntries(Object.entries(inputs).map(([name, a]) => [name, place(name, a)]));
  for (const name of wrt) {
    const t = tensors[name];
    if (t) t.requiresGrad = dy !== undefined;
  }
  const y = forward(tape, tensors);
  tape.recorder.keep(y);
  const gradients =
    dy === undefined
      ? new Map<Tensor, Tensor>()
      : tape.backward(y, place('dy', { axes: y.axes, shape: y.shape, data: dy, element: y.element }));
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
