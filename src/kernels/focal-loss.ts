import type { Recorder } from '../runtime/recorder.js';
import type { Tensor } from '../runtime/tensor.js';
import { lossMean, type LossMean } from './loss-mean.js';
import { mapGrid, mapLanes, mapView } from './map-view.js';
import * as shaders from './shaders.gen.js';

export interface FocalInputs {
  readonly logits: Tensor<'NCHW'> | Tensor<'NC'>;
  readonly target: Tensor;
  readonly mask?: Tensor | undefined;
}

export interface FocalSettings {
  /** Exponent that lets easy pixels count little. */
  readonly gamma: number;
  /** Weight of positive pixels; negative ones weigh 1 - alpha. */
  readonly alpha: number;
}

export function focalLoss(r: Recorder, inputs: FocalInputs, settings: FocalSettings, mean: LossMean): void {
  const view = mapView(inputs.logits);
  const { lanes, count, grid } = mapLanes(view, shaders.focalLoss.overrides.WG);
  const partials = r.empty('E', [2 * count], 'focal partial sums').buffer;
  r.dispatch(shaders.focalLoss, {
    buffers: { ...buffers(inputs), partials },
    params: { plane: view.plane, count, lanes, channels: view.channels, ...numbers(inputs, settings) },
    grid,
  });
  lossMean(r, partials, count, mean);
}

export function focalLossGrad(
  r: Recorder,
  inputs: FocalInputs,
  settings: FocalSettings,
  inverse: Tensor<''>,
  dy: Tensor,
  dz: Tensor,
): void {
  const view = mapView(inputs.logits);
  r.dispatch(shaders.focalLossGrad, {
    buffers: { ...buffers(inputs), inverse: inverse.buffer, dy: dy.buffer, dz: dz.buffer },
    params: { plane: view.plane, ...numbers(inputs, settings) },
    grid: mapGrid(view, shaders.focalLossGrad.overrides.WG),
  });
}

function buffers({ logits, target, mask }: FocalInputs) {
  return { logits: logits.buffer, labels: target.buffer, mask: (mask ?? logits).buffer };
}

function numbers({ mask }: FocalInputs, { gamma, alpha }: FocalSettings) {
  return { gamma, alpha, oneMinusAlpha: 1 - alpha, masked: mask ? 1 : 0 };
}
