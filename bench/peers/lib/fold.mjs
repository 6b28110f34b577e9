// Batch norms folded into the convolutions before them: what every engine's user does before inference.
import { BATCH_NORM_EPS } from './workloads.mjs';
import { convolutions } from './network-s.mjs';

/** @typedef {import('./safetensors.mjs').Tensor} Tensor */

/**
 * Weight and bias of every convolution of S by name, folded in float64.
 * @param {ReadonlyMap<string, Tensor>} tensors
 * @returns {Map<string, Tensor>}
 */
export function foldedConvolutions(tensors) {
  return new Map(convolutions().flatMap(({ name, bn }) => foldedLayer(tensors, name, bn)));
}

/**
 * @param {ReadonlyMap<string, Tensor>} tensors
 * @param {string} conv
 * @param {string | undefined} bn
 * @returns {[string, Tensor][]}
 */
function foldedLayer(tensors, conv, bn) {
  const weight = tensorOf(tensors, `${conv}.weight`);
  const bias = tensorOf(tensors, `${conv}.bias`);
  if (bn === undefined) return [[`${conv}.weight`, weight], [`${conv}.bias`, bias]]; // prettier-ignore
  /** @param {string} part @param {number} o */
  const norm = (part, o) => tensorOf(tensors, `${bn}.${part}`).data[o] ?? 0;
  const scale = Array.from(bias.data, (_, o) => norm('weight', o) / Math.sqrt(norm('running_var', o) + BATCH_NORM_EPS));
  const perOutput = weight.data.length / scale.length;
  return [
    [`${conv}.weight`, { ...weight, data: weight.data.map((w, i) => w * (scale[Math.floor(i / perOutput)] ?? 0)) }],
    [`${conv}.bias`, { ...bias, data: bias.data.map((b, o) => (b - norm('running_mean', o)) * (scale[o] ?? 0) + norm('bias', o)) }],
  ];
}

/**
 * @param {ReadonlyMap<string, Tensor>} tensors
 * @param {string} name
 */
export function tensorOf(tensors, name) {
  const tensor = tensors.get(name);
  if (!tensor) throw new Error(`The input file has no tensor '${name}'.`);
  return tensor;
}
