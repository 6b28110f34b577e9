import type { Recorder } from '../runtime/recorder.js';
import type { Tensor } from '../runtime/tensor.js';
import { lossMean, type LossMean } from './loss-mean.js';
import { mapGrid, mapLanes, mapView } from './map-view.js';
import * as shaders from './shaders.gen.js';

export interface BceInputs {
  readonly logits: Tensor<'NCHW'> | Tensor<'NC'>;
  readonly target: Tensor;
  readonly weight?: Tensor | undefined;
  readonly posWeight?: Tensor<'C'> | undefined;
  readonly mask?: Tensor | undefined;
}

export function bceWithLogits(r: Recorder, inputs: BceInputs, mean: LossMean): void {
  const view = mapView(inputs.logits);
  const { lanes, count, grid } = mapLanes(view, shaders.bceWithLogits.overrides.WG);
  const partials = r.empty('E', [2 * count], 'bce partial sums').buffer;
  const params = { plane: view.plane, count, lanes, channels: view.channels, ...flags(inputs) };
  r.dispatch(shaders.bceWithLogits, { buffers: { ...buffers(inputs), partials }, params, grid });
  lossMean(r, partials, count, mean);
}

export function bceWithLogitsGrad(r: Recorder, inputs: BceInputs, inverse: Tensor<''>, dy: Tensor, dz: Tensor): void {
  const view = mapView(inputs.logits);
  r.dispatch(shaders.bceWithLogitsGrad, {
    buffers: { ...buffers(inputs), inverse: inverse.buffer, dy: dy.buffer, dz: dz.buffer },
    params: { plane: view.plane, ...flags(inputs) },
    grid: mapGrid(view, shaders.bceWithLogitsGrad.overrides.WG),
  });
}

function buffers({ logits, target, weight, posWeight, mask }: BceInputs) {
  return {
    logits: logits.buffer,
    labels: target.buffer,
    weight: (weight ?? logits).buffer,
    posWeight: (posWeight ?? logits).buffer,
    mask: (mask ?? logits).buffer,
  };
}

function flags({ weight, posWeight, mask }: BceInputs) {
  return { weighted: weight ? 1 : 0, posWeighted: posWeight ? 1 : 0, masked: mask ? 1 : 0 };
}
