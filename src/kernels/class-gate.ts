import type { Recorder } from '../runtime/recorder.js';
import type { Tensor } from '../runtime/tensor.js';
import { mapGrid, mapView } from './map-view.js';
import * as shaders from './shaders.gen.js';

export interface ClassGateInputs {
  readonly logits: Tensor<'NCHW'>;
  readonly classes: Tensor<'NC'>;
}

export function classGate(r: Recorder, { logits, classes }: ClassGateInputs, y: Tensor<'NCHW'>): void {
  const view = mapView(logits);
  r.dispatch(shaders.classGate, {
    buffers: { logits: logits.buffer, classes: classes.buffer, y: y.buffer },
    params: { plane: view.plane, classes: classes.dim('C') },
    grid: mapGrid(view, shaders.classGate.overrides.WG),
  });
}

export function classGateGrad(r: Recorder, { logits, classes }: ClassGateInputs, dy: Tensor, dl: Tensor): void {
  const view = mapView(logits);
  r.dispatch(shaders.classGateGrad, {
    buffers: { logits: logits.buffer, classes: classes.buffer, dy: dy.buffer, dl: dl.buffer },
    params: { plane: view.plane, classes: classes.dim('C') },
    grid: mapGrid(view, shaders.classGateGrad.overrides.WG),
  });
}

export function classGateGradClasses(r: Recorder, { logits, classes }: ClassGateInputs, dy: Tensor, dz: Tensor): void {
  const { images, channels, plane } = mapView(logits);
  r.dispatch(shaders.classGateGradClasses, {
    buffers: { logits: logits.buffer, classes: classes.buffer, dy: dy.buffer, dz: dz.buffer },
    params: { count: channels * plane, classes: classes.dim('C') },
    grid: [1, 1, images],
  });
}
