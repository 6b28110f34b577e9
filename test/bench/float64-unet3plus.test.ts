import { describe, expect, it } from 'vitest';
import { Float64Tape } from '../../src/bench/float64-tape.js';
import { float64Pass, float64UNet3Plus } from '../../src/bench/float64-unet3plus.js';
import { NETWORK_S } from '../../src/bench/workloads.js';
import { bceWithLogits, bceWithLogitsGrad } from '../../src/kernels/reference/bce-with-logits.js';
import { overlapLoss, overlapLossGrad } from '../../src/kernels/reference/overlap-loss.js';
import { seededInputs } from '../../src/bench/inputs.js';
import { unet3plus } from '../../src/model/unet3plus.js';
import { tiny } from './tiny.js';
import { describeGolden, loadGolden, type Golden } from '../support/golden.js';

const DICE = { kind: 'dice', alpha: 0.5, beta: 0.5, smooth: 1, exponent: 1, over: 'sample', positivesOnly: false } as const;

/** Forward and backward pass of the fixture's loss: mean over the heads of BCE + Dice. */
function pass(golden: Golden) {
  const host = (name: string): Float64Array => Float64Array.from(golden.f32(name));
  const [images = 0, channels = 0, height = 0, width = 0] = golden.shape('in.x');
  const tape = new Float64Tape((name) => host(`param.${name}`));
  const logits = float64UNet3Plus(tape, NETWORK_S, { images, channels, height, width, data: host('in.x') });
  const inputs = { images, channels: NETWORK_S.segmentationChannels, plane: height * width, target: golden.f32('in.target') };
  const share = 1 / logits.length;
  const loss = logits.reduce((sum, { data }) => sum + share * (bceWithLogits(data, inputs) + overlapLoss(data, { ...inputs, ...DICE })), 0);
  const seeds = logits.map((map) => {
    const dice = overlapLossGrad(map.data, { ...inputs, ...DICE });
    return [map, bceWithLogitsGrad(map.data, inputs).map((g, i) => share * (g + (dice[i] ?? NaN)))] as const;
  });
  tape.backward(new Map(seeds));
  return { logits, loss, gradients: tape.gradients };
}

describeGolden('UNet3+ in float64 out of the reference operations', () => {
  const golden = loadGolden('models/unet3p');
  const { parameters } = unet3plus(NETWORK_S).layers;

  it('has the logits, the loss and every gradient of PyTorch', () => {
    const { logits, loss, gradients } = pass(golden);
    for (const [k, { data }] of logits.entries()) golden.expectClose(`out.train.logits.${k}`, data);
    golden.expectClose('out.loss', [loss]);
    expect([...gradients.keys()].sort()).toEqual(parameters.map(({ name }) => name).sort());
    for (const [name, gradient] of gradients) golden.expectClose(`grad.${name}`, gradient);
  });
});

describe('UNet3+ in float64', () => {
  it('follows the choices of other activations, and counts those that differ', () => {
    const inputs = seededInputs(tiny('T'));
    const own = float64Pass(NETWORK_S, inputs);
    const same = float64Pass(NETWORK_S, inputs, own.activations);
    expect(same.flips).toBe(0);
    expect(same.gradients).toEqual(own.gradients);

    const others = own.activations.map((map) => Float64Array.from(map));
    const last = others.at(-1)!; // of the finest node: nothing is pooled from it
    const passed = last.findIndex((v) => v > 0);
    last[passed] = 0;
    const flipped = float64Pass(NETWORK_S, inputs, others);
    expect(flipped.flips).toBe(1);
    expect(flipped.activations.at(-1)![passed]).toBe(0);
    expect(flipped.gradients.get('dec.0.fuse.bn.bias')).not.toEqual(own.gradients.get('dec.0.fuse.bn.bias'));
    expect(() => float64Pass(NETWORK_S, inputs, others.slice(1))).toThrow('values to follow');
  });
});
