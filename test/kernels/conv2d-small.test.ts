import { expect, it } from 'vitest';
import { conv2dGradWeight } from '../../src/kernels/conv2d-grad-weight.js';
import { conv2d } from '../../src/kernels/conv2d.js';
import { Recorder } from '../../src/runtime/recorder.js';
import { testDevice } from '../support/gpu.js';

const device = await testDevice();

/** A 3x3 convolution of 8 to 8 channels and the gradient of its weight, as shaders with their workgroups. */
function recorded(side: number): (readonly [string, number | undefined])[] {
  const r = new Recorder(device);
  const [x, y] = [device.tensor('NCHW', [1, 8, side, side]), r.empty('NCHW', [1, 8, side, side])];
  const weight = device.tensor('OIHW', [8, 8, 3, 3]);
  const geometry = { stride: 1, padding: 1, dilation: 1 };
  conv2d(r, { x, weight, bias: null, y }, geometry, false);
  conv2dGradWeight(r, x, y, r.empty('OIHW', weight.shape), geometry);
  return r.dispatches.map(({ shader, overrides }) => [shader.name, overrides.WG] as const);
}

const workgroup = (side: number): number | undefined => recorded(side).find(([name]) => /^conv2d3x3(Subgroup)?$/.test(name))?.[1];

it('convolves a map that fills no workgroup in a smaller one', () => {
  const least = Math.max(16, device.adapter.subgroupMaxSize);
  expect([4, 8, 16, 32].map(workgroup)).toEqual([least, least, 64, 64]);
});

it('writes a weight gradient of one tile where it belongs, and adds up those of several', () => {
  const sums = (side: number): number => recorded(side).filter(([name]) => name === 'conv2dGradSum').length;
  expect([sums(8), sums(128)]).toEqual([0, 1]);
});
