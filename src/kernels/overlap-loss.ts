import type { Recorder } from '../runtime/recorder.js';
import type { Tensor } from '../runtime/tensor.js';
import { mapGrid, mapPieces, mapView, type MapView } from './map-view.js';
import * as shaders from './shaders.gen.js';

export interface OverlapInputs {
  readonly logits: Tensor<'NCHW'> | Tensor<'NC'>;
  readonly target: Tensor;
  readonly mask?: Tensor | undefined;
}

/** Loss = mean of (E / (kappa I + E + smooth))^exponent with E = alpha * false positives + beta * false negatives, I = hits. */
export interface OverlapSettings {
  readonly kappa: number;
  readonly alpha: number;
  readonly beta: number;
  /** Pixels. */
  readonly smooth: number;
  readonly exponent: number;
  /** A ratio for every image and channel, or for every channel over the batch. */
  readonly over: 'sample' | 'batch';
  /** Leaves ratios without a positive pixel out of the mean. */
  readonly positivesOnly: boolean;
}

/** Number of ratios. */
export function overlapGroups({ images, channels }: MapView, over: OverlapSettings['over']): number {
  return over === 'batch' ? channels : images * channels;
}

/** Value, and per ratio the two coefficients of its gradient into `slopes` (E 2 * groups). */
export function overlapLoss(r: Recorder, inputs: OverlapInputs, settings: OverlapSettings, loss: Tensor<''>, slopes: Tensor<'E'>): void {
  const view = mapView(inputs.logits);
  const { piece, pieces, count, grid } = mapPieces(view);
  const partials = r.empty('E', [4 * count], 'overlap partial sums').buffer;
  const params = { plane: view.plane, piece, masked: inputs.mask ? 1 : 0 };
  r.dispatch(shaders.overlapLossPartial, { buffers: { ...buffers(inputs), partials }, params, grid });
  const groups = overlapGroups(view, settings.over);
  const { kappa, alpha, beta, smooth: smoothing, exponent } = settings;
  r.dispatch(shaders.overlapLoss, {
    buffers: { partials, loss: loss.buffer, slopes: slopes.buffer },
    params: {
      groups,
      members: (view.images * view.channels) / groups,
      pieces,
      kappa,
      alpha,
      beta,
      smoothing,
      exponent,
      positivesOnly: settings.positivesOnly ? 1 : 0,
    },
    grid: [1, 1, 1],
  });
}

export function overlapLossGrad(r: Recorder, inputs: OverlapInputs, slopes: Tensor<'E'>, dy: Tensor, dz: Tensor): void {
  const view = mapView(inputs.logits);
  r.dispatch(shaders.overlapLossGrad, {
    buffers: { ...buffers(inputs), slopes: slopes.buffer, dy: dy.buffer, dz: dz.buffer },
    params: { plane: view.plane, groups: slopes.size / 2, masked: inputs.mask ? 1 : 0 },
    grid: mapGrid(view, shaders.overlapLossGrad.overrides.WG),
  });
}

function buffers({ logits, target, mask }: OverlapInputs) {
  return { logits: logits.buffer, labels: target.buffer, mask: (mask ?? logits).buffer };
}
