import { Tape } from '../autograd/tape.js';
import { UserError } from '../errors.js';
import { bilinear } from '../kernels/reference/bilinear.js';
import type { Program } from '../runtime/program.js';
import { Recorder } from '../runtime/recorder.js';
import type { ElementType } from '../runtime/storage.js';
import { detach, tensorIn, type Tensor } from '../runtime/tensor.js';
import type { Classifier } from './classifier.js';
import type { Network } from './network.js';

export interface CamOptions {
  /** Of {@link Classifier.stages}. */
  readonly stage: string;
  /** Indices of the classes that maps are wanted of. */
  readonly classes: readonly number[];
  /** How feature maps are stored; default f32. */
  readonly precision?: ElementType | undefined;
}

/** Where one class is seen, for each image of a batch. */
export interface ClassCam {
  /** Per image and channel: spatial mean of d(class logit) / d(feature map), [N, C]. */
  readonly weights: Float32Array;
  /** ReLU of the feature maps weighted so, at the stage's scale, [N, 1, height, width]. */
  readonly small: Float32Array;
  readonly height: number;
  readonly width: number;
  /** The same, bilinear, at the input's size; not normalised. */
  readonly map: Float32Array;
}

export interface Cams {
  /** Class logits [N, classes]. */
  readonly logits: Float32Array;
  /** In the order of {@link CamOptions.classes}. */
  readonly cams: readonly ClassCam[];
}

/** At most so many bytes hold the params of a dispatch. */
const PARAMS_BYTES = 256;

interface Recording {
  readonly recorder: Recorder;
  readonly logits: Tensor<'NC'>;
  readonly activation: Tensor<'NCHW'>;
  /** Of each class's logit by the activation. */
  readonly gradients: readonly Tensor[];
}

/**
 * Grad-CAM (Selvaraju et al. 2017, https://arxiv.org/abs/1610.02391) of one or more classes, recorded once for a batch of images: the network
 * forward, and for each class the gradient of its logit back to one stage.
 */
export class CamProgram {
  private constructor(
    private readonly x: Tensor<'NCHW'>,
    private readonly recording: Recording,
    private readonly program: Program,
  ) {}

  /**
   * @param network for inference
   * @param x images [N, channels, H, W], read anew at every run
   * @throws UserError where the network has no such stage
   */
  static async create(network: Network<Classifier>, x: Tensor<'NCHW'>, options: CamOptions): Promise<CamProgram> {
    const recording = record(network, x, options);
    return new CamProgram(x, recording, await recording.recorder.compile({ label: 'Grad-CAM' }));
  }

  /** Bytes that a program for images of this shape would take on the GPU, with its input and the copies of results that are read back. */
  static plannedBytes(network: Network<Classifier>, shape: readonly number[], options: CamOptions): number {
    const x = new Recorder(network.device).external('NCHW', shape);
    const { recorder, logits, activation, gradients } = record(network, x, options);
    const results = [logits, activation, ...gradients].reduce((sum, t) => sum + t.sizeBytes, 0);
    return x.sizeBytes + recorder.plan().peakBytes + results + PARAMS_BYTES * recorder.dispatches.length;
  }

  /** Logits and maps of what x holds now. */
  async run(): Promise<Cams> {
    const { recorder, logits, activation, gradients } = this.recording;
    this.program.run();
    const [scores, values, ...slopes] = await Promise.all([logits, activation, ...gradients].map((t) => recorder.device.read(t)));
    if (!scores || !values) throw new Error('Grad-CAM: nothing was read.');
    const size = [this.x.dim('H'), this.x.dim('W')] as const;
    return { logits: scores, cams: slopes.map((slope) => combine(values, slope, activation.shape, size)) };
  }

  destroy(): void {
    this.program.destroy();
  }
}

/** Where one class is seen, for each image of x [N, channels, H, W]. @throws UserError as {@link CamProgram.create} */
export async function gradCam(
  network: Network<Classifier>,
  x: Tensor<'NCHW'>,
  { stage, classIndex }: { readonly stage: string; readonly classIndex: number },
): Promise<ClassCam & Pick<Cams, 'logits'>> {
  const program = await CamProgram.create(network, x, { stage, classes: [classIndex] });
  try {
    const { logits, cams } = await program.run();
    return { logits, ...cams[0]! };
  } finally {
    program.destroy();
  }
}

function record(network: Network<Classifier>, x: Tensor<'NCHW'>, { stage, classes, precision }: CamOptions): Recording {
  const { device, model } = network;
  if (!model.stages.includes(stage))
    throw new UserError(`There is no layer '${stage}' to explain by, expected one of ${model.stages.join(', ')}. Choose with --layer.`);
  const recorder = new Recorder(device, { maps: precision });
  const tape = new Tape(recorder);
  const base = network.pass(tape, 'eval');
  let leaf: Tensor<'NCHW'> | null = null;
  const watch = (name: string, map: Tensor<'NCHW'>): Tensor<'NCHW'> => {
    if (name !== stage) return map;
    leaf = detach(map);
    leaf.requiresGrad = true;
    return leaf;
  };
  const logits = model.forward({ ...base, array: (name) => detach(base.array(name)), stage: watch }, x);
  const activation = leaf as Tensor<'NCHW'> | null;
  if (!activation) throw new Error(`Grad-CAM: the network did not compute '${stage}'.`);
  const gradients = classes.map((classIndex) => {
    const gradient = tape.backward(logits, oneHot(recorder, logits, classIndex)).get(activation);
    if (!gradient) throw new Error(`Grad-CAM: no class depends on '${stage}'.`);
    return gradient;
  });
  for (const t of [logits, activation, ...gradients]) recorder.keep(t);
  return { recorder, logits, activation, gradients };
}

/** 1 at one class of every image: the gradient of the sum of its logits. */
function oneHot(recorder: Recorder, logits: Tensor<'NC'>, classIndex: number): Tensor<'NC'> {
  const classes = logits.dim('C');
  if (!(classIndex >= 0 && classIndex < classes)) throw new RangeError(`Grad-CAM: class ${classIndex}, expected 0 .. ${classes - 1}.`);
  const one = Float32Array.from({ length: logits.size }, (_, i) => (i % classes === classIndex ? 1 : 0));
  return tensorIn(recorder.constant(new Uint32Array(one.buffer), 'one hot'), 'NC', logits.shape, 'one hot');
}

function combine(
  activation: Float32Array,
  gradient: Float32Array,
  [n = 0, channels = 0, height = 0, width = 0]: readonly number[],
  [outHeight, outWidth]: readonly [number, number],
): ClassCam {
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
