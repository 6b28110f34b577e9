// Times the spatial and elementwise kernels: `npx tsx bench/spatial.ts [filter] [repeats]`. A row is the fastest and the median of
// `repeats` samples of 50 ms of a recorded program, waiting for the device after each replay. GB/s counts every float read or
// written once; "of copy" compares with the first row, a pass that reads and writes one map. On a software adapter the CPU time of
// this process tells more than the clock where other programs share the cores.
import { avgPool2d, avgPool2dGrad } from '../src/kernels/avg-pool2d.js';
import * as norm from '../src/kernels/batch-norm.js';
import { bilinear, bilinearGrad } from '../src/kernels/bilinear.js';
import { channelScale } from '../src/kernels/channel-scale.js';
import { dropout } from '../src/kernels/dropout.js';
import { globalAvgPool2d } from '../src/kernels/global-pool2d.js';
import { maxPool2d, maxPool2dGrad } from '../src/kernels/max-pool2d.js';
import { relu, reluGrad } from '../src/kernels/relu.js';
import { sigmoid } from '../src/kernels/sigmoid.js';
import { sum } from '../src/kernels/sum.js';
import { openNodeDevice } from '../src/runtime/gpu.node.js';
import { Recorder } from '../src/runtime/recorder.js';
import type { Tensor } from '../src/runtime/tensor.js';

const [filter = '', repeats = '9'] = process.argv.slice(2);
const [N, C, SIDE] = [4, 16, 128] as const;
const device = await openNodeDevice();

function map(side: number, channels: number = C): Tensor<'NCHW'> {
  const data = Float32Array.from({ length: N * channels * side * side }, (_, i) => ((i * 7919) % 1000) / 1000 - 0.5);
  return device.tensor('NCHW', [N, channels, side, side], data);
}

function vector(): Tensor<'C'> {
  return device.tensor('C', [C], new Float32Array(C).fill(0.5));
}

interface Pass {
  readonly record: (r: Recorder) => void;
  /** Maps (of N*C*SIDE*SIDE floats) that it reads and writes. */
  readonly maps: number;
}

function passes(): Record<string, Pass> {
  const [x, dy, y] = [map(SIDE), map(SIDE), map(SIDE)];
  const [weight, bias, dweight, dbias] = [vector(), vector(), vector(), vector()];
  const table = device.tensor('CT', [C, 5], new Float32Array(5 * C).fill(0.5));
  const fused = { relu: true, training: true };
  const pool = (
    kernelSize: number,
  ): { y: Tensor<'NCHW'>; index: Tensor<'NCHW'>; window: { kernelSize: number; stride: number; padding: number } } => ({
    y: map(SIDE / kernelSize),
    index: map(SIDE / kernelSize),
    window: { kernelSize, stride: kernelSize, padding: 0 },
  });
  const [pool2, pool8] = [pool(2), pool(8)];
  const overlapping = { kernelSize: 3, stride: 2, padding: 1 };
  const [half, quarter, sixteenth] = [map(SIDE / 2), map(SIDE / 4), map(SIDE / 16)];
  const seed = device.tensor('E', [1]);
  const means = device.tensor('NC', [N, C]);
  const average = { kernelSize: 5, stride: 1, padding: 2, countIncludePad: true };
  return {
    'copy (channelScale)': { record: (r) => channelScale(r, x, weight, y), maps: 2 },
    relu: { record: (r) => relu(r, x, y), maps: 2 },
    reluGrad: { record: (r) => reluGrad(r, x, dy, y), maps: 3 },
    sum: { record: (r) => sum(r, [x, dy], y), maps: 3 },
    sigmoid: { record: (r) => sigmoid(r, x, y), maps: 2 },
    dropout: { record: (r) => dropout(r, x, y, { probability: 0.2, seed, layer: 0 }), maps: 2 },
    'batchNorm statistics': { record: (r) => void norm.batchNormTable(r, x, weight, bias, { eps: 1e-5 }), maps: 1 },
    'batchNorm apply + relu': { record: (r) => norm.batchNorm(r, x, table, y, fused), maps: 2 },
    'batchNorm grad affine': { record: (r) => norm.batchNormGradAffine(r, x, dy, table, dweight, dbias, fused), maps: 2 },
    'batchNorm grad x': { record: (r) => norm.batchNormGrad(r, x, dy, table, dweight, dbias, y, fused), maps: 3 },
    'maxPool2d 2': { record: (r) => maxPool2d(r, x, pool2.y, pool2.index, pool2.window), maps: 1.5 },
    'maxPool2d 2 grad': { record: (r) => maxPool2dGrad(r, pool2.y, pool2.index, y, pool2.window), maps: 1.5 },
    'maxPool2d 8': { record: (r) => maxPool2d(r, x, pool8.y, pool8.index, pool8.window), maps: 1 },
    'maxPool2d 8 grad': { record: (r) => maxPool2dGrad(r, pool8.y, pool8.index, y, pool8.window), maps: 1 },
    'maxPool2d 3 stride 2': { record: (r) => maxPool2d(r, x, half, pool2.index, overlapping), maps: 1.5 },
    'maxPool2d 3 stride 2 grad': { record: (r) => maxPool2dGrad(r, half, pool2.index, y, overlapping), maps: 1.5 },
    'avgPool2d 2': { record: (r) => avgPool2d(r, x, half, { ...pool2.window, countIncludePad: true }), maps: 1.25 },
    'avgPool2d 2 grad': { record: (r) => avgPool2dGrad(r, half, y, { ...pool2.window, countIncludePad: true }), maps: 1.25 },
    'avgPool2d 5 stride 1': { record: (r) => avgPool2d(r, x, y, average), maps: 2 },
    'avgPool2d 5 stride 1 grad': { record: (r) => avgPool2dGrad(r, dy, y, average), maps: 2 },
    globalAvgPool2d: { record: (r) => globalAvgPool2d(r, x, means), maps: 1 },
    'bilinear x2': { record: (r) => bilinear(r, half, y), maps: 1.25 },
    'bilinear x4': { record: (r) => bilinear(r, quarter, y), maps: 1.06 },
    'bilinear x16': { record: (r) => bilinear(r, sixteenth, y), maps: 1 },
    'bilinear x2 grad': { record: (r) => bilinearGrad(r, dy, half), maps: 2.25 },
    'bilinear x4 grad': { record: (r) => bilinearGrad(r, dy, quarter), maps: 1.56 },
    'bilinear x16 grad': { record: (r) => bilinearGrad(r, dy, sixteenth), maps: 1.13 },
  };
}

interface Times {
  readonly minMs: number;
  readonly medianMs: number;
  readonly cpuMs: number;
}

async function time(record: (r: Recorder) => void): Promise<Times> {
  const recorder = new Recorder(device);
  record(recorder);
  const program = await recorder.compile();
  const replay = async (): Promise<void> => {
    program.run();
    await device.idle();
  };
  await replay();
  const samples: number[] = [];
  let replays = 0;
  const cpu = process.cpuUsage();
  for (let s = 0; s < Number(repeats); s++) {
    const start = performance.now();
    let count = 0;
    do {
      await replay();
      count++;
    } while (performance.now() - start < 50);
    samples.push((performance.now() - start) / count);
    replays += count;
  }
  const used = process.cpuUsage(cpu);
  samples.sort((a, b) => a - b);
  program.destroy();
  return { minMs: samples[0] ?? NaN, medianMs: samples[samples.length >> 1] ?? NaN, cpuMs: (used.user + used.system) / 1000 / replays };
}

try {
  console.log(
    `${device.adapter.description || device.adapter.device} ${device.adapter.isFallbackAdapter ? '(software)' : ''} ${N}x${C}x${SIDE}x${SIDE}`,
  );
  let copyMs = NaN;
  for (const [name, { record, maps }] of Object.entries(passes())) {
    if (Number.isNaN(copyMs)) copyMs = (await time(record)).minMs;
    if (!name.includes(filter)) continue;
    const { minMs, medianMs, cpuMs } = await time(record);
    const gigabytes = (maps * 4 * N * C * SIDE * SIDE) / minMs / 1e6;
    const ofCopy = (copyMs * maps) / 2 / minMs;
    console.log(
      `${name.padEnd(28)} min ${minMs.toFixed(2)} ms, median ${medianMs.toFixed(2)}, cpu ${cpuMs.toFixed(2)}, ${gigabytes.toFixed(1)} GB/s, ${(100 * ofCopy).toFixed(0)} % of copy`,
    );
  }
} finally {
  device.destroy();
}
