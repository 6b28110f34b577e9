// What the peers are asked to do: the workloads of `mcgpu bench` that do not depend on mcgpu's own network, and their ops in order.

/** @type {Readonly<Record<string, readonly string[]>>} */
export const WORKLOADS = {
  T: ['train-step'],
  TL: ['train-step'],
  I: ['infer'],
  IL: ['infer'],
  M: ['conv3x3', 'conv3x3-grad-input', 'conv3x3-grad-weight', 'bilinear-x4', 'max-pool-2'],
};

export const ADAM = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
export const BATCH_NORM_EPS = 1e-5;
