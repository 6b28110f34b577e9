import { flatGrid, type Recorder } from '../runtime/recorder.js';
import type { Tensor } from '../runtime/tensor.js';
import { lossMean, type LossMean } from './loss-mean.js';
import { mapView } from './map-view.js';
import { planePieces } from './plane-pieces.js';
import * as shaders from './shaders.gen.js';

export interface CrossEntropyInputs {
  readonly logits: Tensor<'NCHW'> | Tensor<'NC'>;
  /** Class indices, one per row, or probabilities in the shape of the logits. */
  readonly target: Tensor;
  readonly weight?: Tensor<'C'> | undefined;
  /** One number per row. */
  readonly mask?: Tensor | undefined;
}

export interface CrossEntropySettings {
  readonly smoothing: number;
  readonly ignored: number;
  readonly probabilities: boolean;
}

export function crossEntropy(r: Recorder, inputs: CrossEntropyInputs, settings: CrossEntropySettings, mean: LossMean): void {
  const params = numbers(inputs, settings);
  const { piece, pieces } = planePieces(params.rows);
  const partials = r.empty('E', [2 * pieces], 'cross-entropy partial sums').buffer;
  r.dispatch(shaders.crossEntropy, { buffers: { ...buffers(inputs), partials }, params: { ...params, piece }, grid: [pieces, 1, 1] });
  lossMean(r, partials, pieces, mean);
}

export function crossEntropyGrad(
  r: Recorder,
  inputs: CrossEntropyInputs,
  settings: CrossEntropySettings,
  inverse: Tensor<''>,
  dy: Tensor,
  dz: Tensor,
): void {
  const params = numbers(inputs, settings);
  r.dispatch(shaders.crossEntropyGrad, {
    buffers: { ...buffers(inputs), inverse: inverse.buffer, dy: dy.buffer, dz: dz.buffer },
    params,
    grid: flatGrid(params.rows, shaders.crossEntropyGrad.overrides.WG),
  });
}

function buffers({ logits, target, weight, mask }: CrossEntropyInputs) {
  return { logits: logits.buffer, labels: target.buffer, weight: (weight ?? logits).buffer, mask: (mask ?? logits).buffer };
}

function numbers({ logits, weight, mask }: CrossEntropyInputs, { smoothing, ignored, probabilities }: CrossEntropySettings) {
  const { images, channels, plane } = mapView(logits);
  return {
    rows: images * plane,
    classes: channels,
    inner: plane,
    smoothing,
    ignored,
    probabilities: probabilities ? 1 : 0,
    weighted: weight ? 1 : 0,
    masked: mask ? 1 : 0,
  };
}
