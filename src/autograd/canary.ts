import * as reference from '../kernels/reference/conv2d.js';
import { Random } from '../random.js';
import type { Device } from '../runtime/device.js';
import { Recorder } from '../runtime/recorder.js';
import type { Tensor } from '../runtime/tensor.js';
import { conv2d } from './ops/conv2d.js';
import { Tape } from './tape.js';

export interface CanaryCheck {
  readonly name: string;
  /** Largest |result - expected| over the sum of the magnitudes of its products; NaN results count as infinite. */
  readonly worst: number;
  /** 4*sqrt(K)*2^-24 for K products per result: float32 with independent rounding errors, in any order of summation. */
  readonly tolerance: number;
  readonly ok: boolean;
}

export interface CanaryResult {
  readonly ok: boolean;
  readonly checks: readonly CanaryCheck[];
}

/** 17 rows and 13 columns, 3 to 5 channels: no size is a multiple of a vector, a strip or a workgroup. */
const SHAPE: reference.ConvShape = {
  n: 2,
  inChannels: 3,
  outChannels: 5,
  height: 17,
  width: 13,
  kernelHeight: 3,
  kernelWidth: 3,
  stride: 1,
  padding: 1,
  dilation: 1,
};

/**
 * Compares a 3x3 convolution and its gradients by input and weight with float64 on this device. A driver that fails
 * (some return zeros without an error) must not train or mark anything.
 */
export async function runCanary(device: Device): Promise<CanaryResult> {
  const host = drawInputs();
  const results = await computeOnDevice(device, host);
  const expected = compute(host);
  const magnitude = compute({ x: host.x.map(Math.abs), weight: host.weight.map(Math.abs), dy: host.dy.map(Math.abs) });
  const terms = { y: 9 * SHAPE.inChannels, dx: 9 * SHAPE.outChannels, dw: SHAPE.n * SHAPE.height * SHAPE.width };
  const check = (name: string, key: keyof Outputs<unknown>): CanaryCheck => {
    const worst = worstError(results[key], expected[key], magnitude[key]);
    const tolerance = 4 * Math.sqrt(terms[key]) * 2 ** -24;
    return { name, worst, tolerance, ok: worst <= tolerance };
  };
  const checks = [check('conv2d forward', 'y'), check('conv2d gradient by the input', 'dx'), check('conv2d gradient by the weight', 'dw')];
  return { ok: checks.every((c) => c.ok), checks };
}

interface Inputs {
  readonly x: Float64Array;
  readonly weight: Float64Array;
  readonly dy: Float64Array;
}

interface Outputs<T> {
  readonly y: T;
  readonly dx: T;
  readonly dw: T;
}

/** Numbers that float32 holds exactly, so that only the device's own rounding is measured. */
function drawInputs(): Inputs {
  const random = new Random(1713);
  const draw = (length: number): Float64Array => Float64Array.from({ length }, () => Math.fround(random.normal()));
  const pixels = SHAPE.n * SHAPE.height * SHAPE.width;
  return {
    x: draw(pixels * SHAPE.inChannels),
    weight: draw(9 * SHAPE.inChannels * SHAPE.outChannels),
    dy: draw(pixels * SHAPE.outChannels),
  };
}

function compute({ x, weight, dy }: Inputs): Outputs<Float64Array> {
  return {
    y: reference.conv2d(x, weight, null, SHAPE),
    dx: reference.conv2dGradInput(weight, dy, SHAPE),
    dw: reference.conv2dGradWeight(x, dy, SHAPE),
  };
}

async function computeOnDevice(device: Device, host: Inputs): Promise<Outputs<Float32Array>> {
  const { n, inChannels, outChannels, height, width } = SHAPE;
  const tape = new Tape(new Recorder(device));
  const x = device.tensor('NCHW', [n, inChannels, height, width], host.x, 'canary x');
  const weight = device.tensor('OIHW', [outChannels, inChannels, 3, 3], host.weight, 'canary weight');
  const dy = device.tensor('NCHW', [n, outChannels, height, width], host.dy, 'canary dy');
  x.requiresGrad = weight.requiresGrad = true;
  const y = conv2d(tape, x, weight, null, SHAPE);
  const gradients = tape.backward(y, dy);
  const [dx, dw] = [gradients.get(x), gradients.get(weight)];
  if (!dx || !dw) throw new Error('canary: conv2d returned no gradient.');
  for (const t of [y, dx, dw]) tape.recorder.keep(t);
  const program = await tape.recorder.compile({ label: 'canary' });
  try {
    program.run();
    return { y: await device.read(y), dx: await device.read(dx), dw: await device.read(dw) };
  } finally {
    program.destroy();
    for (const t of [x, weight, dy]) release(device, t);
  }
}

function release(device: Device, t: Tensor): void {
  if (t.buffer.storage.buffer) device.destroyBuffer(t.buffer.storage.buffer);
}

function worstError(actual: Float32Array, expected: Float64Array, magnitude: Float64Array): number {
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs((actual[i] ?? NaN) - (expected[i] ?? 0)) / (magnitude[i] ?? 0);
    worst = Number.isNaN(error) ? Infinity : Math.max(worst, error);
    if (worst === Infinity) break;
  }
  return worst;
}
