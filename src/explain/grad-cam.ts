import { Tape } from '../autograd/tape.js';
import { UserError } from '../errors.js';
import { bilinear } from '../kernels/reference/bilinear.js';
import type { Classifier } from '../model/classifier.js';
import type { Network } from '../model/network.js';
import { Recorder } from '../runtime/recorder.js';
import { detach, type Tensor } from '../runtime/tensor.js';

export interface GradCamOptions {
  /** Of {@link Classifier.stages}. */
  readonly stage: string;
  readonly classIndex: number;
}

export interface GradCam {
  /** Class logits [N, classes]. */
  readonly logits: Float32Array;
  /** Per image and channel: spatial mean of d(class logit) / d(feature map), [N, C]. */
  readonly weights: Float32Array;
  /** ReLU of the feature maps weighted so, at the stage's scale, [N, 1, height, width]. */
  readonly small: Float32Array;
  readonly height: number;
  readonly width: number;
  /** The same, bilinear, at the input's size; not normalised. */
  readonly map: Float32Array;
}

/**
 * Where a class is seen (Grad-CAM: Selvaraju et al. 2017, https://arxiv.org/abs/1610.02391), for each image of x [N, channels, H, W].
 *
 * @param network for inference
 * @throws UserError where the network has no such stage
 */
export async function gradCam(network: Network<Classifier>, x: Tensor<'NCHW'>, { stage, classIndex }: GradCamOptions): Promise<GradCam> {
  const { device, model } = network;
  if (!model.stages.includes(stage))
    throw new UserError(`There is no layer '${stage}' to explain by, expected one of ${model.stages.join(', ')}. Choose with --layer.`);
  const tape = new Tape(new Recorder(device));
  const base = network.pass(tape, 'eval');
  let leaf: Tensor<'NCHW'> | null = null;
  const watch = (name: string, map: Tensor<'NCHW'>): Tensor<'NCHW'> => {
    if (name !== stage) return map;
    leaf = detach(map);
    leaf.requiresGrad = true;
    return leaf;
  };
  const logits = model.forward({ ...base, array: (name) => detach(base.array(name)), stage: watch }, x);
  const classes = logits.dim('C');
  if (!(classIndex >= 0 && classIndex < classes)) throw new RangeError(`gradCam: class ${classIndex}, expected 0 .. ${classes - 1}.`);
  const activation = leaf as Tensor<'NCHW'> | null;
  if (!activation) throw new Error(`gradCam: the network did not compute '${stage}'.`);
  const one = Float32Array.from({ length: logits.size }, (_, i) => (i % classes === classIndex ? 1 : 0));
  const gradient = tape.backward(logits, device.tensor('NC', logits.shape, one)).get(activation);
  if (!gradient) throw new Error(`gradCam: no class depends on '${stage}'.`);
  for (const t of [logits, activation, gradient]) tape.recorder.keep(t);
  const program = await tape.recorder.compile();
  try {
    program.run();
    const [values, slopes] = [await device.read(activation), await device.read(gradient)];
    return { logits: await device.read(logits), ...combine(values, slopes, activation.shape, [x.dim('H'), x.dim('W')]) };
  } finally {
    program.destroy();
  }
}

function combine(
  activation: Float32Array,
  gradient: Float32Array,
  [n = 0, channels = 0, height = 0, width = 0]: readonly number[],
  [outHeight, outWidth]: readonly [number, number],
): Omit<GradCam, 'logits'> {
  const plane = height * width;
  const weights = new Float32Array(n * channels);
  const small = new Float32Array(n * plane);
  const map = new Float32Array(n * outHeight * outWidth);
  for (let i = 0; i < n; i++) {
    const sum = new Float64Array(plane);
    for (let c = i * channels; c < (i + 1) * channels; c++) {
      const weight = gradient.subarray(c * plane, (c + 1) * plane).reduce((total, g) => total + g, 0) / plane;
      weights[c] = weight;
      for (let p = 0; p < plane; p++) sum[p]! += weight * activation[c * plane + p]!;
    }
    const positive = sum.map((v) => Math.max(0, v));
    small.set(positive, i * plane);
    map.set(bilinear(positive, 1, { height, width, outHeight, outWidth }), i * outHeight * outWidth);
  }
  return { weights, small, height, width, map };
}
