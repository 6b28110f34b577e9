import { describe, expect, it } from 'vitest';
import { relu } from '../../src/kernels/relu.js';
import { sum } from '../../src/kernels/sum.js';
import * as shaders from '../../src/kernels/shaders.gen.js';
import { fromHalves, toHalves } from '../../src/runtime/half.js';
import { Recorder } from '../../src/runtime/recorder.js';
import { locate, shaderFor } from '../../src/runtime/shader.js';
import { testDevice } from '../support/gpu.js';

const device = await testDevice({ maxBindingBytes: 1024 });
const ramp = (length: number): Float32Array => Float32Array.from({ length }, (_, i) => (i - length / 2) / 3);
const rounded = (values: Float32Array): Float32Array => fromHalves(toHalves(values)).subarray(0, values.length);

describe.runIf(device.halfPrecision)('maps of half precision', () => {
  for (const shape of [
    [1, 1, 1, 1],
    [1, 1, 3, 1],
    [2, 3, 5, 7],
  ]) {
    it(`come back as they were given, to the nearest half, at ${shape.join('x')}`, async () => {
      const data = ramp(shape.reduce((product, s) => product * s, 1));
      const x = device.tensor('NCHW', shape, data, 'x', 'f16');
      expect(await device.read(x)).toEqual(rounded(data));
      expect(x.sizeBytes).toBe(Math.ceil(data.length / 2) * 4);
    });
  }

  it('take half the memory of the plan, and twice as many channels fit into a binding', async () => {
    const planned = { f32: 0, f16: 0 };
    for (const maps of ['f32', 'f16'] as const) {
      const r = new Recorder(device, { maps });
      const x = device.tensor('NCHW', [1, 20, 8, 4], ramp(640), 'x', maps);
      const y = r.empty('NCHW', [1, 20, 8, 4]);
      expect(y.blocks.map((b) => b.count)).toEqual(maps === 'f32' ? [8, 8, 4] : [16, 4]);
      relu(r, x, y);
      r.keep(y);
      const program = await r.compile();
      program.run();
      planned[maps] = program.plan.peakBytes;
      const expected = ramp(640).map((v) => Math.max(0, v));
      expect(await device.read(y)).toEqual(maps === 'f32' ? expected : rounded(expected));
    }
    expect(planned).toEqual({ f32: 2560, f16: 1280 });
  });

  it('leave everything that is no map in 32 bits', () => {
    const r = new Recorder(device, { maps: 'f16' });
    expect(r.empty('NCHW', [1, 1, 2, 2]).element).toBe('f16');
    expect(r.empty('NCHW', [1, 1, 2, 2], 'codes', 'f32').element).toBe('f32');
    for (const [axes, shape] of [
      ['C', [4]],
      ['OIHW', [1, 1, 2, 2]],
      ['NC', [2, 2]],
      ['', []],
    ] as const)
      // prettier-ignore
      expect(r.empty(axes, shape).element).toBe('f32');
  });

  it('are not mixed with maps of float32 in one dispatch, nor bound where a kernel expects 32 bits', () => {
    const r = new Recorder(device, { maps: 'f16' });
    const [x, y] = [device.tensor('NCHW', [1, 1, 2, 2]), r.empty('NCHW', [1, 1, 2, 2])];
    expect(() => relu(r, x, y)).toThrow(/relu: found x f32, y f16, expected f32 for y as for the other maps\. .*asMap/);
    expect(() => sum(r, [y, x, y], y)).toThrow(/sum: found a f16, b f32, c f16, .* expected f16 for b as for the other maps\./);
    const params = { partials: 1 };
    const buffers = { partial: y.buffer, total: r.empty('C', [1]).buffer };
    expect(() => r.dispatch(shaders.partialSum, { buffers, params, grid: [1, 1, 1] })).toThrow(
      /partialSum: found partial f16, total f32, expected f32 for partial\. /,
    );
  });

  it('have shaders of their own, whose lines have the same numbers', () => {
    const shader = shaderFor(shaders.conv2d, 'f16');
    expect(shader.name).toBe('conv2dF16');
    expect(shader.source).toMatch(/^enable f16; /);
    expect(shader.source.match(/alias Map = \w+;/g)).toEqual(['alias Map = f16;']);
    expect(shader.source.split('\n')).toHaveLength(shaders.conv2d.source.split('\n').length);
    expect(locate(shader, 5)).toEqual({ file: 'shaders/conv2d.wgsl', line: 5 });
    expect(shaderFor(shaders.conv2d, 'f16')).toBe(shader);
    expect(shaderFor(shaders.conv2d, 'f32')).toBe(shaders.conv2d);
  });

  it('have every shader that has maps', async () => {
    const withMaps = Object.values(shaders).filter(({ bindings }) => (bindings as readonly { isMap: boolean }[]).some((b) => b.isMap));
    expect(withMaps.length).toBeGreaterThan(40);
    await Promise.all(withMaps.map((shader) => device.pipelines.get(shaderFor(shader, 'f16'), {})));
  });
});
