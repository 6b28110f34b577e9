import type { Recorder } from '../runtime/recorder.js';
import type { Tensor } from '../runtime/tensor.js';
import { mapGrid, mapView } from './map-view.js';
import * as shaders from './shaders.gen.js';

export interface MaskedSigmoidInputs {
  readonly logits: Tensor<'NCHW'>;
  readonly target: Tensor<'NCHW'>;
  readonly mask?: Tensor | undefined;
}

/** y in float32, whatever the logits are stored in. */
export function maskedSigmoid(r: Recorder, { logits, target, mask }: MaskedSigmoidInputs, y: Tensor<'NCHW'>): void {
  const view = mapView(logits);
  r.dispatch(shaders.maskedSigmoid, {
    buffers: { logits: logits.buffer, labels: target.buffer, mask: (mask ?? logits).buffer, y: y.buffer },
    params: { plane: view.plane, masked: mask ? 1 : 0 },
    grid: mapGrid(view, shaders.maskedSigmoid.overrides.WG),
  });
}

export function maskedSigmoidGrad(r: Recorder, { logits, mask }: MaskedSigmoidInputs, dy: Tensor, dz: Tensor): void {
  const view = mapView(logits);
  r.dispatch(shaders.maskedSigmoidGrad, {
    buffers: { logits: logits.buffer, mask: (mask ?? logits).buffer, dy: dy.buffer, dz: dz.buffer },
    params: { plane: view.plane, masked: mask ? 1 : 0 },
    grid: mapGrid(view, shaders.maskedSigmoidGrad.overrides.WG),
  });
}
