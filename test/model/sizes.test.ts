import { describe, expect, it } from 'vitest';
import { Tape } from '../../src/autograd/tape.js';
import type { UNet3PlusConfig } from '../../src/model/config.js';
import { Network } from '../../src/model/network.js';
import { unet3plus } from '../../src/model/unet3plus.js';
import { Random } from '../../src/random.js';
import { Recorder } from '../../src/runtime/recorder.js';
import { largest } from '../support/gradient.js';
import { testDevice } from '../support/gpu.js';
import { NARROW, randomArrays } from '../support/model.js';

const device = await testDevice();

/** Topology of the paper: coarser maps are upsampled before the convolution. */
const PAPER: UNet3PlusConfig = {
  ...NARROW,
  upsampling: 'before-conv',
  fusedHead: false,
  imagePyramid: false,
  context: null,
  classes: 0,
};

/** Shapes of the heads, and the finest or fused logits, of an image drawn from seed 1. */
async function forward(config: UNet3PlusConfig, [height, width]: readonly [number, number], purpose: 'train' | 'infer') {
  const model = unet3plus(config);
  const network = new Network(device, model, purpose);
  network.load(randomArrays(config, 1));
  const random = new Random(1);
  const pixels = Float32Array.from({ length: height * width }, () => random.normal(0, 1));
  const tape = new Tape(new Recorder(device), { grad: false });
  const { heads, fused } = model.forward(network.pass(tape, 'eval'), device.tensor('NCHW', [1, 1, height, width], pixels));
  tape.recorder.keep(fused);
  const program = await tape.recorder.compile();
  program.run();
  const logits = await device.read(fused);
  program.destroy();
  network.destroy();
  return { shapes: heads.map(({ shape }) => shape.slice(2)), fused: fused.shape.slice(2), logits };
}

describe('UNet3+ on images of any size', () => {
  it.each([
    ['compact', NARROW],
    ['as in the paper', PAPER],
  ])('%s: every scale is half of the next, rounded down, and folding changes nothing', async (_, config) => {
    const folded = await forward(config, [50, 107], 'infer');
    const sizes = [[50, 107], [25, 53], [12, 26], [6, 13], [3, 6]]; // prettier-ignore
    expect(folded.shapes).toEqual(sizes);
    expect(folded.fused).toEqual([50, 107]);
    const { logits } = await forward(config, [50, 107], 'train');
    const scale = largest(logits);
    expect(scale).toBeGreaterThan(0.1);
    for (const [i, l] of logits.entries()) expect(Math.abs(l - folded.logits[i]!)).toBeLessThan(1e-5 * scale);
  });

  it('refuses sides below 16 px, which leave nothing at the coarsest scale', async () => {
    await expect(forward(PAPER, [15, 64], 'infer')).rejects.toThrow(/sides of at least 16 px; pad/);
    expect((await forward(PAPER, [16, 17], 'infer')).shapes.at(-1)).toEqual([1, 1]);
  });
});
