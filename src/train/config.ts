import { stringify } from 'yaml';
import { z } from 'zod';
import { explainConfigIssue } from './config-errors.js';
import { countedModel, modelConfig, namedArchitecture, unfitSetting } from './model-config.js';

const count = z.int().min(1);
const countOrNone = z.int().min(0);
const positive = z.number().positive();
const weight = z.number().min(0);
const fraction = z.number().min(0).lt(1);

/** Every pooling halves the patch; four of them need a multiple of 16, and below 32 px the coarsest map is a single pixel. */
const PATCH_STEP = 16;
const LEAST_PATCH = 32;
const patch = z
  .int()
  .min(LEAST_PATCH)
  .max(2048)
  .multipleOf(PATCH_STEP, { error: ({ input }) => describePatch(Number(input)), abort: true });

const lossConfig = z.strictObject({
  /** Weight of the per-pixel focal loss. */
  focal: weight.default(1),
  focalGamma: weight.default(2),
  /** Weight of positive pixels in the focal loss, 0..1. */
  focalAlpha: z.number().min(0).max(1).default(0.75),
  /** Weight of the smoothed focal-Tversky loss on positives. */
  tversky: weight.default(0.5),
  /** Cost of a false positive and of a false negative in the Tversky index. */
  tverskyAlpha: weight.default(0.3),
  tverskyBeta: weight.default(0.7),
  tverskyExponent: positive.default(0.75),
  tverskySmooth: positive.default(1),
  /** Weight of the IoU loss on positives, smoothed by tverskySmooth pixels. */
  iou: weight.default(0),
  /** Weight of the 5-level MS-SSIM loss of the two maps of full size. */
  msSsim: weight.default(0),
  /** Side of its Gaussian window, pixels: at most 1/16 of the patch. The usual 11 needs patches of 176 px. */
  msSsimWindow: z.int().min(2).max(128).default(7),
  /** Weight of the cross-entropy of the image class. */
  classes: weight.default(0.3),
  /** Weight of the five scales, finest first. */
  scales: z.tuple([weight, weight, weight, weight, weight]).default([1, 0.5, 0.25, 0.125, 0.0625]),
});

const plainSettings = z.strictObject({
  steps: count.default(20_000),
  /** Patches of one step. */
  batch: count.default(4),
  /** Side of a patch, working pixels. */
  patch: patch.default(128),
  learningRate: positive.default(2e-3),
  leastLearningRate: weight.default(2e-5),
  /** Steps of the linear warm-up. */
  warmup: countOrNone.default(200),
  weightDecay: weight.default(1e-2),
  /** Limit of the gradients' global 2-norm. */
  clipNorm: positive.default(1),
  /** The model that is kept is an exponential average of the weights; 0 = the weights themselves. */
  emaDecay: fraction.default(0.999),
  seed: z.int().min(0).default(1),
  /** Steps between two lines of the log. */
  logEvery: count.default(10),
  validateEvery: count.default(500),
  validationPatches: count.default(128),
  /** Side of a validation patch, working pixels. */
  validationPatch: patch.default(128),
  /** The model's threshold: the highest sensitivity with at most this many false positives per calibration patch. */
  falsePositivesPerPatch: positive.default(0.01),
  /** Its threshold in groups: the lowest at which all marks together have at most this many. */
  groupFalsePositivesPerPatch: positive.default(0.25),
  /** Samples of held-back backgrounds that the finished model's scores are calibrated on and its threshold is chosen on. */
  calibrationPatches: count.default(400),
  checkpointEvery: count.default(500),
  /** Threads that draw samples ahead of the step; a run may be resumed with another number. */
  workers: count.max(64).default(2),
  /** `decoder`: decoder nodes are computed a second time for their gradients; less memory, the same numbers, a longer step. */
  recompute: z.enum(['none', 'decoder']).default('none'),
  /** How feature maps and their gradients are stored: `f16` takes about half the memory, where the adapter has it. Weights are f32. */
  precision: z.enum(['f32', 'f16']).default('f32'),
  losses: lossConfig.prefault({}),
});

const trainSettings = plainSettings.superRefine(({ patch: side, losses: { msSsim, msSsimWindow } }, context) => {
  const most = Math.floor(side / PATCH_STEP);
  if (msSsim === 0 || msSsimWindow <= most) return;
  const needed = PATCH_STEP * msSsimWindow;
  const message =
    `Expected train.patch of at least ${needed} px for five levels of msSsimWindow ${msSsimWindow} px, found ${side} px. ` +
    `Set train.patch=${needed} or train.losses.msSsimWindow=${most}`;
  context.addIssue({ code: 'custom', path: ['losses', 'msSsim'], message });
});

const trainConfig = z
  .strictObject({
    model: modelConfig.prefault({}),
    /** Changes to the generator's priors; names and types are checked against its defaults (applyOverrides). */
    synth: z.record(z.string(), z.json()).default({}),
    train: trainSettings.prefault({}),
  })
  .superRefine(({ model, train }, context) => {
    const unfit = unfitSetting(model, train);
    if (unfit) context.addIssue({ code: 'custom', path: ['train', unfit.name], message: unfit.message });
  });

export type TrainConfig = z.infer<typeof trainConfig>;

/** Every setting at its default. */
export function defaultConfig(architecture: TrainConfig['model']['architecture'] = 'unet3plus'): TrainConfig {
  return trainConfig.parse({ model: { architecture } });
}

/**
 * The whole configuration, defaults filled in.
 *
 * @param input plain data, as read from YAML or JSON
 * @param source how error messages call its origin, e.g. the file
 * @throws UserError naming the key, what was found and expected; an unknown key gets the nearest name
 */
export function parseTrainConfig(input: unknown, source: string): TrainConfig {
  const { data, error } = trainConfig.safeParse(input ?? {});
  if (data) return data;
  const [issue] = error.issues;
  throw issue ? explainConfigIssue(issue, input, defaultConfig(namedArchitecture(input)), source) : error;
}

/** The configuration as the run keeps it; read back by parseTrainConfig it is the same. */
export function configYaml(config: TrainConfig): string {
  return `# mcgpu training configuration, all settings of this run\n${stringify(config)}`;
}

/** What a checkpoint must have been written with to be resumed: sha256 of all settings but those that change the speed and no number. */
export async function configHash({ train, model, ...rest }: TrainConfig): Promise<string> {
  const { workers: _, recompute: __, precision, losses, ...counted } = train;
  const chosen = precision === 'f32' ? {} : { precision }; // runs from before it could be chosen
  return valueHash({ ...rest, model: countedModel(model), train: { ...counted, ...chosen, losses: countedLosses(losses) } });
}

/** Without those that are off: runs from before they could be chosen. */
function countedLosses({ iou, msSsim, msSsimWindow, ...losses }: TrainConfig['train']['losses']): object {
  return { ...losses, ...(iou > 0 ? { iou } : {}), ...(msSsim > 0 ? { msSsim, msSsimWindow } : {}) };
}

/** sha256 of plain data, hexadecimal; the order of keys does not matter. */
export async function valueHash(value: unknown): Promise<string> {
  const bytes = new TextEncoder().encode(canonicalJson(value));
  const digest = await crypto.subtle.digest('SHA-256', bytes);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

function describePatch(found: number): string {
  const below = Math.floor(found / PATCH_STEP) * PATCH_STEP;
  return `${found} px, expected a multiple of ${PATCH_STEP}: the network halves the patch four times. Use ${below} or ${below + PATCH_STEP}`;
}
