import { convertMap } from '../../kernels/map-type.js';
import type { ElementType } from '../../runtime/storage.js';
import type { Tensor } from '../../runtime/tensor.js';
import type { Tape } from '../tape.js';

/** x as the maps of this recording are stored; x itself where it is already. Inputs come in float32. */
export function asMap(tape: Tape, x: Tensor<'NCHW'>): Tensor<'NCHW'> {
  return converted(tape, x, tape.recorder.maps);
}

/** x in float32: for what is done to a result of half precision after it, with no further loss. */
export function asFloats(tape: Tape, x: Tensor<'NCHW'>): Tensor<'NCHW'> {
  return converted(tape, x, 'f32');
}

function converted(tape: Tape, x: Tensor<'NCHW'>, element: ElementType): Tensor<'NCHW'> {
  if (x.element === element) return x;
  const y = tape.empty('NCHW', x.shape, x.label, element);
  convertMap(tape.recorder, x, y);
  return tape.push(y, [x], (dy) => {
    const dx = tape.gradTarget(x);
    convertMap(tape.recorder, dy as Tensor<'NCHW'>, dx);
    return [dx];
  });
}
