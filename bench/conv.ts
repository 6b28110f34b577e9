// Times the convolution kernels, fast beside plain: `npx tsx bench/conv.ts [filter] [repeats]`. A row is the fastest and the median of
// `repeats` samples of 50 ms of a recorded program, waiting for the device after each replay; FLOPs are 2 per multiply-add, borders included.
// On a software adapter the CPU time of this process tells more than the clock where other programs share the cores.
import * as kernels from '../src/kernels/conv2d.js';
import { conv2dGradWeight, plainConv2dGradWeight } from '../src/kernels/conv2d-grad-weight.js';
import type { Device } from '../src/runtime/device.js';
import { openNodeDevice } from '../src/runtime/gpu.node.js';
import { Recorder } from '../src/runtime/recorder.js';
import type { Tensor } from '../src/runtime/tensor.js';

interface Layer {
  readonly n: number;
  readonly side: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernel: number;
}

const channels = [[8, 8], [16, 16], [40, 8], [40, 16], [1, 8], [8, 2]] as const; // prettier-ignore
const sizes = [{ n: 4, side: 128 }, { n: 1, side: 512 }, { n: 4, side: 16 }]; // prettier-ignore
const layers: Layer[] = sizes.flatMap((size) =>
  channels.map(([inChannels, outChannels]) => ({ ...size, inChannels, outChannels, kernel: 3 })),
);
layers.push({ n: 4, side: 8, inChannels: 64, outChannels: 64, kernel: 3 });
layers.push(
  { n: 4, side: 128, inChannels: 16, outChannels: 16, kernel: 1 },
  { n: 4, side: 32, inChannels: 64, outChannels: 72, kernel: 1 },
);

const [filter = '', repeats = '9'] = process.argv.slice(2);
const device = await openNodeDevice();
try {
  console.log(`${device.adapter.description || device.adapter.device} ${device.adapter.isFallbackAdapter ? '(software)' : ''}`);
  for (const layer of layers) await benchLayer(device, layer);
} finally {
  device.destroy();
}

async function benchLayer(device: Device, { n, side, inChannels, outChannels, kernel }: Layer): Promise<void> {
  const zeros = (size: number): Float32Array => Float32Array.from({ length: size }, (_, i) => ((i * 7919) % 1000) / 1000 - 0.5);
  const x = device.tensor('NCHW', [n, inChannels, side, side], zeros(n * inChannels * side * side));
  const y = device.tensor('NCHW', [n, outChannels, side, side], zeros(n * outChannels * side * side));
  const weight = device.tensor('OIHW', [outChannels, inChannels, kernel, kernel], zeros(outChannels * inChannels * kernel ** 2));
  const gradient = device.tensor('OIHW', [outChannels, inChannels, kernel, kernel]);
  const bias = device.tensor('C', [outChannels]);
  const geometry = { stride: 1, padding: (kernel - 1) / 2, dilation: 1 };
  const tensors = { x, y, weight, bias };
  const passes: Record<string, (r: Recorder) => void> = {
    'forward fast': (r) => kernels.conv2d(r, tensors, geometry, false),
    'forward plain': (r) => kernels.plainConv2d(r, tensors, geometry, false),
    'gradInput fast': (r) => kernels.conv2dGradInput(r, weight, y, x, geometry),
    'gradInput plain': (r) => kernels.plainConv2dGradInput(r, weight, y, x, geometry),
    'gradWeight fast': (r) => conv2dGradWeight(r, x, y, gradient, geometry),
    'gradWeight plain': (r) => plainConv2dGradWeight(r, x, y, gradient, geometry),
  };
  for (const [name, record] of Object.entries(passes)) {
    const title = `k${kernel} ${inChannels}->${outChannels} ${n}x${side}x${side} ${name}`;
    if (!title.includes(filter)) continue;
    const { minMs, medianMs, cpuMs } = await time(device, record);
    const flops = 2 * n * side * side * inChannels * outChannels * kernel ** 2;
    const clock = `min ${minMs.toFixed(2)} ms, median ${medianMs.toFixed(2)} ms, ${(flops / minMs / 1e6).toFixed(1)} GFLOP/s`;
    console.log(`${title.padEnd(44)} ${clock}; CPU ${cpuMs.toFixed(2)} ms, ${(flops / cpuMs / 1e6).toFixed(1)} GFLOP/s per core`);
  }
  for (const t of [x, y, weight, gradient, bias] as Tensor[]) if (t.buffer.storage.buffer) device.destroyBuffer(t.buffer.storage.buffer);
}

async function time(device: Device, record: (r: Recorder) => void): Promise<{ minMs: number; medianMs: number; cpuMs: number }> {
  const recorder = new Recorder(device);
  record(recorder);
  const program = await recorder.compile();
  program.run(); // first run: the driver compiles, buffers are cleared
  await device.idle();
  const first = performance.now();
  program.run();
  await device.idle();
  const replays = Math.max(1, Math.ceil(50 / (performance.now() - first))); // a sample of 50 ms: the CPU clock is coarse
  const times: number[] = [];
  const cpuTimes: number[] = [];
  for (let k = 0; k < Number(repeats); k++) {
    const cpu = process.cpuUsage();
    const start = performance.now();
    for (let i = 0; i < replays; i++) {
      program.run();
      await device.idle();
    }
    times.push((performance.now() - start) / replays);
    cpuTimes.push(process.cpuUsage(cpu).user / 1000 / replays);
  }
  program.destroy();
  return { minMs: Math.min(...times), medianMs: median(times), cpuMs: median(cpuTimes) };
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
}
