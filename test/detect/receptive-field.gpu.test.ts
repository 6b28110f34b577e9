import { describe, expect, it } from 'vitest';
import { Tape } from '../../src/autograd/tape.js';
import { COMPACT, FULL, type UNet3PlusConfig } from '../../src/model/config.js';
import { Network } from '../../src/model/network.js';
import { receptiveRadius, tileHalo } from '../../src/model/receptive-field.js';
import { unet3plus } from '../../src/model/unet3plus.js';
import { Recorder } from '../../src/runtime/recorder.js';
import type { Tensor } from '../../src/runtime/tensor.js';
import { testDevice } from '../support/gpu.js';
import { NARROW, randomArrays } from '../support/model.js';

const device = await testDevice();

/**
 * A network of positive weights and no biases: without input everything is exactly 0, and a positive pixel makes exactly those
 * outputs positive that depend on it: no ReLU and no maximum hides a path, no background swallows a small share.
 */
function transparent(config: UNet3PlusConfig): Network {
  const network = new Network(device, unet3plus(config), 'infer');
  const arrays = randomArrays(config, 1);
  for (const [name, data] of arrays) {
    const isBias = /bias$|running_mean$/.test(name);
    arrays.set(
      name,
      data.map((v) => (isBias ? 0 : 0.1 + Math.abs(v))),
    );
  }
  network.load(arrays);
  return network;
}

interface Reach {
  /** Furthest distance between a pixel and an output that depends on it, px; outputs of coarse scales lie everywhere in their cell. */
  readonly radius: number;
  /** The same, from the 16x16 cell of the output to the pixel. */
  readonly halo: number;
}

type Axis = 'W' | 'H';

/** First and last line of scale k along one axis where any channel is not 0, in pixels of the input. */
function footprint(values: Float32Array, map: Tensor, axis: Axis, k: number): [first: number, last: number] {
  const [height, width] = [map.dim('H'), map.dim('W')];
  const lines = new Set<number>();
  for (const [i, v] of values.entries()) if (v !== 0) lines.add(axis === 'W' ? i % width : Math.floor(i / width) % height);
  return [Math.min(...lines) * 2 ** k, (Math.max(...lines) + 1) * 2 ** k - 1];
}

/** Lights one pixel of a strip at each place of a 16-pixel period and looks where outputs change. */
async function measureReach(network: Network, axis: Axis, length: number): Promise<Reach> {
  const recorder = new Recorder(device);
  const x = device.tensor('NCHW', axis === 'W' ? [1, 1, 32, length] : [1, 1, length, 32]);
  const { heads, features, fused } = network.model.forward(network.pass(new Tape(recorder, { grad: false })), x);
  const outputs = [{ map: fused, k: 0 }, ...heads.flatMap((map, k) => [map, features[k] ?? map].map((m) => ({ map: m, k })))];
  for (const { map } of outputs) recorder.keep(map);
  const program = await recorder.compile();
  let [radius, halo] = [0, 0];
  for (let phase = 0; phase < 16; phase++) {
    const at = 16 * Math.floor(length / 32) + phase;
    const image = new Float32Array(x.size);
    image[axis === 'W' ? 16 * length + at : at * 32 + 16] = 1;
    device.write(x, image);
    program.run();
    for (const { map, k } of outputs) {
      const [first, last] = footprint(await device.read(map), map, axis, k);
      // A coarse output belongs to its whole cell: the pixel of the cell that is nearest to the input counts.
      radius = Math.max(radius, at - (first + 2 ** k - 1), last - (2 ** k - 1) - at);
      halo = Math.max(halo, at - (16 * Math.floor(first / 16) + 15), 16 * Math.floor(last / 16) - at);
    }
  }
  program.destroy();
  return { radius, halo };
}

describe('the receptive field', () => {
  const cases: [string, UNet3PlusConfig][] = [
    ['the compact network', NARROW],
    ['the compact network, enlarging before it convolves', { ...NARROW, upsampling: 'before-conv' }],
    ['the compact network without context', { ...NARROW, context: null }],
    ['the compact network without fused head', { ...NARROW, fusedHead: false }],
    ['the paper’s network', { ...FULL, encoder: NARROW.encoder, branch: 2, fusion: NARROW.fusion }],
    ['a wide averaging window', { ...NARROW, context: { channels: 2, dilations: [1], window: 7 } }],
  ];
  it.each(cases)('of %s is as large as computed: no output changes further away, and some do there', async (_, config) => {
    const radius = receptiveRadius(config);
    const network = transparent(config);
    for (const axis of ['W', 'H'] as const) {
      const measured = await measureReach(network, axis, 32 * Math.ceil((2 * radius + 64) / 32));
      expect(measured.radius).toBe(radius);
      expect(16 * Math.ceil(measured.halo / 16)).toBe(tileHalo(config));
    }
    network.destroy();
  });

  it('does not depend on widths, and makes a halo of 192 px for the compact network', () => {
    expect(receptiveRadius(COMPACT)).toBe(receptiveRadius(NARROW));
    expect(tileHalo(COMPACT)).toBe(192);
  });
});
