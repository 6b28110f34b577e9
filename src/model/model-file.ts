// The model file: one safetensors with the weights and, in its metadata, everything that detection needs to repeat training's input.
import { z } from 'zod';
import { CLASSES } from '../data/classes.js';
import type { Normalisation } from '../data/normalise.js';
import { UserError } from '../errors.js';
import { assertFinite, readSafetensors, writeSafetensors, type StoredTensor } from './safetensors.js';

const METADATA_KEY = 'mcgpu.model';
const SCHEMA = 'mcgpu.model/1';

const positive = z.number().positive();
const normalisation: z.ZodType<Normalisation> = z.strictObject({
  kind: z.literal('local-contrast'),
  blurMm: positive,
  noiseMm: positive,
  noiseFloor: positive,
  clip: positive,
});

const logisticModel = z.strictObject({ bias: z.number(), weights: z.array(z.number()).readonly() });

const modelInfo = z.strictObject({
  schema: z.literal(SCHEMA),
  /** Name of the function that builds the network, e.g. `unet3plus`. */
  architecture: z.string().min(1),
  /** Settings of that function; it checks them itself. */
  config: z.record(z.string(), z.json()),
  /** Working grid, mm, same in both directions. */
  pixelSpacingMm: positive,
  normalisation,
  /** Of a classifier: side of the patches that it was trained on and looks at images through, px of the working grid. */
  window: z.int().min(32).max(2048).optional(),
  classes: z.tuple([z.literal(CLASSES[0]), z.literal(CLASSES[1]), z.literal(CLASSES[2])]),
  /** Findings with at least this score are marked; frozen on validation data. */
  threshold: z.number().min(0).max(1),
  /** The same for those that lie in a group (src/detect/marking.ts); absent: no other than that. */
  groupThreshold: z.number().min(0).max(1).optional(),
  /** How scores of findings and images follow from the maps (src/detect/image-scores.ts), fitted on validation data; absent: not calibrated. */
  scores: z.strictObject({ finding: logisticModel, present: logisticModel, malignant: logisticModel }).optional(),
  /** The same of a classifier, for findings alone: image scores are its class probabilities. */
  findingScore: logisticModel.optional(),
  training: z.strictObject({
    dataHash: z.string(),
    seed: z.int().min(0),
    steps: z.int().min(0),
    commit: z.string().nullable(),
    adapter: z.string(),
    /** sha256 of the model file whose weights training began with; null: random ones from the seed. */
    startedFrom: z.string().nullable().default(null),
  }),
  /** Model card, Markdown: data, attributions, figures, limits. */
  card: z.string(),
});

export type ModelInfo = z.infer<typeof modelInfo>;

export interface ModelFile {
  readonly info: ModelInfo;
  /** Weights and running statistics by name, as `enc.0.conv.0.weight`, without prefix. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

/** The bytes of a model file. @throws UserError where a weight is NaN or infinite */
export function encodeModelFile({ info, tensors }: ModelFile): Uint8Array<ArrayBuffer> {
  assertFinite(tensors, 'model');
  return writeSafetensors(tensors, { [METADATA_KEY]: JSON.stringify(modelInfo.parse(info)) });
}

/**
 * @param file how error messages call the file
 * @throws UserError for a damaged or foreign file, another schema version, and NaN or infinite weights
 */
export function decodeModelFile(bytes: Uint8Array, file: string): ModelFile {
  const { tensors, metadata } = readSafetensors(bytes, file);
  const text = metadata[METADATA_KEY];
  if (text === undefined) throw new UserError(`${file}: ${describeForeign(metadata)}`);
  const info = parseInfo(text, file);
  assertFinite(tensors, file);
  return { info, tensors };
}

/**
 * Checks that a file holds exactly the tensors a network has.
 *
 * @param expected shape of every tensor of the network by name
 * @throws UserError naming the first that is missing, of another shape or type, or unknown to the network
 */
export function checkTensors(
  tensors: ReadonlyMap<string, StoredTensor>,
  expected: ReadonlyMap<string, readonly number[]>,
  file: string,
): void {
  const repair = 'The file was written for another network or version: use the model that belongs to this configuration.';
  for (const [name, shape] of expected) {
    const tensor = tensors.get(name);
    if (!tensor) throw new UserError(`${file}: tensor '${name}' is missing, expected F32 [${shape.join(', ')}]. ${repair}`);
    if (tensor.dtype !== 'F32' || tensor.shape.length !== shape.length || tensor.shape.some((side, i) => side !== shape[i])) {
      const found = `${tensor.dtype} [${tensor.shape.join(', ')}]`;
      throw new UserError(`${file}: tensor '${name}' is ${found}, expected F32 [${shape.join(', ')}]. ${repair}`);
    }
  }
  const unknown = [...tensors.keys()].find((name) => !expected.has(name));
  if (unknown !== undefined) throw new UserError(`${file}: tensor '${unknown}' is not part of the network. ${repair}`);
}

function parseInfo(text: string, file: string): ModelInfo {
  const value = parseJson(text, file);
  const schema = typeof value === 'object' && value !== null && 'schema' in value ? value.schema : undefined;
  if (schema !== SCHEMA) {
    const found = typeof schema === 'string' ? `'${schema}'` : 'no schema';
    throw new UserError(`${file}: model file of ${found}, this version reads '${SCHEMA}'. Use the mcgpu version that wrote it.`);
  }
  const { data, error } = modelInfo.safeParse(value);
  if (data) return data;
  const [issue] = error.issues;
  throw new UserError(
    `${file}: metadata ${[METADATA_KEY, ...(issue?.path ?? [])].join('.')}: ${issue?.message}. The file is damaged or edited: export it again.`,
  );
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UserError(`${file}: metadata ${METADATA_KEY} is not valid JSON. The file is damaged: export it again.`);
  }
}

function describeForeign(metadata: Readonly<Record<string, string>>): string {
  if ('mcgpu.checkpoint' in metadata) {
    return 'this is a training checkpoint, expected a model. Use model.safetensors of the same run, or go on with `mcgpu train --resume`.';
  }
  return `a safetensors file of another program: it has no metadata '${METADATA_KEY}'. Use a model written by \`mcgpu train\`, or make one of it with \`mcgpu import\`.`;
}
