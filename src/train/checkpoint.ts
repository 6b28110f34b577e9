// A checkpoint: everything that a training run needs to go on bit for bit, in one safetensors container.
import { z } from 'zod';
import type { ShapedArray } from '../autograd/parameters.js';
import { UserError } from '../errors.js';
import { assertFinite, floatTensor, readSafetensors, writeSafetensors, type StoredTensor } from '../model/safetensors.js';
import { tuningFile } from '../runtime/tuning.js';

const METADATA_KEY = 'mcgpu.checkpoint';
const SCHEMA = 'mcgpu.checkpoint/1';

const checkpointState = z.strictObject({
  schema: z.literal(SCHEMA),
  /** Updates done. */
  step: z.int().min(0),
  seed: z.int().min(0),
  /** Of the run's configuration and of its data: a resumed run must have the same. */
  configHash: z.string(),
  dataHash: z.string(),
  /** Adapter that computed it: on another one the run goes on, but not bit for bit. */
  adapter: z.string(),
  /** Kernel variants chosen by measuring, as other variants add in another order; {}: the usual ones. */
  tuning: tuningFile.or(z.strictObject({})),
  /** Best validation so far. */
  best: z.strictObject({ step: z.int().min(0), score: z.number() }).nullable(),
  /** Training time so far, seconds. */
  elapsedS: z.number().min(0),
});

export type CheckpointState = z.infer<typeof checkpointState>;

/** What tells one run from another. */
export type RunIdentity = Pick<CheckpointState, 'configHash' | 'dataHash' | 'adapter' | 'seed'>;

export interface Checkpoint {
  readonly state: CheckpointState;
  /** Weights and running statistics by name, as ParameterStore.read gives and takes them. */
  readonly model: ReadonlyMap<string, ShapedArray>;
  /** Moments, moving averages and counters, as Optimizer.readState gives and loadState takes them. */
  readonly optimizer: ReadonlyMap<string, ShapedArray>;
}

/** The bytes of a checkpoint. @throws UserError where a value is not finite: such a state cannot go on */
export function encodeCheckpoint({ state, model, optimizer }: Checkpoint): Uint8Array<ArrayBuffer> {
  const tensors = new Map([...withPrefix('model/', model), ...withPrefix('optimizer/', optimizer)]);
  assertFinite(tensors, `checkpoint of step ${state.step}`);
  return writeSafetensors(tensors, { [METADATA_KEY]: JSON.stringify(checkpointState.parse(state)) });
}

/**
 * @param file how error messages call the file
 * @throws UserError for a damaged or foreign file, another schema version, and values that are not finite
 */
export function decodeCheckpoint(bytes: Uint8Array, file: string): Checkpoint {
  const { tensors, metadata } = readSafetensors(bytes, file);
  const state = parseState(metadata[METADATA_KEY], file);
  assertFinite(tensors, file);
  return { state, model: ofPrefix('model/', tensors, file), optimizer: ofPrefix('optimizer/', tensors, file) };
}

/**
 * Checks that a run may go on from a checkpoint.
 *
 * @returns warnings: the run goes on, but not bit for bit
 * @throws UserError where configuration, data or seed are others
 */
export function checkResumable({ state }: Checkpoint, expected: RunIdentity, file: string): string[] {
  const faults: [name: string, found: string | number, wanted: string | number, repair: string][] = [
    ['configuration', state.configHash, expected.configHash, 'Resume with the config.yaml of the run, unchanged'],
    ['data', state.dataHash, expected.dataHash, 'Give the data set the run began with'],
    ['seed', state.seed, expected.seed, 'Resume with the seed of the run'],
  ];
  for (const [name, found, wanted, repair] of faults) {
    if (found === wanted) continue;
    throw new UserError(`${file}: written with ${name} ${shorten(found)}, now it is ${shorten(wanted)}. ${repair}, or start a new run.`);
  }
  if (state.adapter === expected.adapter) return [];
  return [`The checkpoint was computed on ${state.adapter}, now on ${expected.adapter}: the run goes on, but not bit for bit.`];
}

function withPrefix(prefix: string, arrays: ReadonlyMap<string, ShapedArray>): [string, StoredTensor][] {
  return [...arrays].map(([name, { shape, data }]) => [prefix + name, floatTensor(shape, new Float32Array(data))]);
}

function ofPrefix(prefix: string, tensors: ReadonlyMap<string, StoredTensor>, file: string): Map<string, ShapedArray> {
  const found = new Map<string, ShapedArray>();
  for (const [name, { dtype, shape, data }] of tensors) {
    if (dtype !== 'F32')
      throw new UserError(`${file}: tensor '${name}' is ${dtype}, expected F32. The file is damaged: use another checkpoint.`);
    if (name.startsWith(prefix)) found.set(name.slice(prefix.length), { shape, data });
  }
  return found;
}

function parseState(text: string | undefined, file: string): CheckpointState {
  const repair = 'Give the last.safetensors or best.safetensors of a run, written by this version';
  if (text === undefined) throw new UserError(`${file}: not a training checkpoint: it has no metadata '${METADATA_KEY}'. ${repair}.`);
  const { data, error } = checkpointState.safeParse(parseJson(text));
  if (data) return data;
  const [issue] = error.issues;
  throw new UserError(`${file}: metadata ${[METADATA_KEY, ...(issue?.path ?? [])].join('.')}: ${issue?.message}. ${repair}.`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // the schema then says that it found nothing
  }
}

function shorten(value: string | number): string {
  return String(value).slice(0, 12);
}
