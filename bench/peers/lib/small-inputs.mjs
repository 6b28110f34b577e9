// Inputs for comparing engines at small sizes. Batch norms, running statistics and biases are not those of a fresh network, so that each
// of them matters. The benchmark's own inputs come from `mcgpu bench --workload NAME --write-input FILE`.
import { CHANNELS, convolutions } from './network-s.mjs';

/** @typedef {import('./safetensors.mjs').Tensor} Tensor */

/** Uniform in [0, 1): mulberry32 (Tommy Ettinger, public domain). @param {number} seed */
function uniform(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/**
 * All tensors that workload T or I (`x`, `target`, arrays of S), or M, reads. `side` is the side of `x`.
 * @param {string} workload
 * @param {{ side: number, batch: number }} size
 * @returns {Map<string, Tensor>}
 */
export function smallInputs(workload, { side, batch }) {
  const random = uniform(1);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  /** @param {number[]} shape @param {() => number} draw @returns {Tensor} */
  const tensor = (shape, draw) => ({ shape, data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, draw) });
  const tensors = /** @type {Map<string, Tensor>} */ (new Map());
  if (workload === 'M') {
    tensors.set('x', tensor([1, 16, side, side], normal));
    tensors.set(
      'weight',
      tensor([16, 16, 3, 3], () => normal() / 12),
    );
    tensors.set('bias', tensor([16], normal));
    tensors.set('dy', tensor([1, 16, side, side], normal));
    tensors.set('small', tensor([1, 16, side / 4, side / 4], normal));
    return tensors;
  }
  tensors.set('x', tensor([batch, 1, side, side], normal));
  tensors.set(
    'target',
    tensor([batch, CHANNELS, side, side], () => Number(random() < 0.05)),
  );
  for (const { name, bn, inputs, outputs } of convolutions()) {
    tensors.set(
      `${name}.weight`,
      tensor([outputs, inputs, 3, 3], () => normal() * Math.sqrt(2 / (9 * inputs))),
    );
    tensors.set(
      `${name}.bias`,
      tensor([outputs], () => 0.1 * normal()),
    );
    if (!bn) continue;
    tensors.set(
      `${bn}.weight`,
      tensor([outputs], () => 1 + 0.2 * normal()),
    );
    tensors.set(
      `${bn}.bias`,
      tensor([outputs], () => 0.2 * normal()),
    );
    tensors.set(
      `${bn}.running_mean`,
      tensor([outputs], () => 0.2 * normal()),
    );
    tensors.set(
      `${bn}.running_var`,
      tensor([outputs], () => 0.5 + random()),
    );
  }
  return tensors;
}
