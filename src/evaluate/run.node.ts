import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { selectSplit, type AnnotatedImage, type AnnotatedSet, type DatasetName } from '../data/sets/annotated-set.js';
import { openAnnotatedSet } from '../data/sets/open-set.node.js';
import { Detector } from '../detect/detector.js';
import { chosenThresholds } from '../detect/marking.js';
import { NOTICE } from '../detect/findings.js';
import { UserError } from '../errors.js';
import { makeFolder, readWholeFile, writeFileAtomic } from '../files.node.js';
import type { Device } from '../runtime/device.js';
import type { EvaluatedCase } from './case.js';
import { compareModels, evaluateCases, type Evaluated } from './evaluation.js';
import { countLook } from './ledger.node.js';
import { makeCase } from './make-case.js';
import type { MetricsFile } from './metrics-file.js';
import { isFailure, PredictionsLog, type PredictionLine } from './predictions.node.js';
import { dataHashOf, hashImages, readAnnotated, sha256Of } from './read-set.node.js';
import { writeReport } from './report.node.js';

export interface EvaluateOptions {
  readonly dataset: DatasetName;
  readonly data: string;
  readonly split?: string | undefined;
  readonly out: string;
  readonly model: string;
  /** How outputs call the model file. */
  readonly modelName: string;
  /** A second model file, evaluated on the same images and compared. */
  readonly compare?: string | undefined;
  readonly seed: number;
  readonly replicates: number;
  /** Default: the model's. */
  readonly threshold?: number | undefined;
  readonly groupThreshold?: number | undefined;
  readonly pixelThreshold: number;
  /** Of images that do not state theirs, mm. */
  readonly pixelSpacingMm?: number | undefined;
  readonly mode: 'new' | 'resume' | 'overwrite';
  readonly lockTest: boolean;
  readonly commit: string | null;
  readonly say: (line: string) => void;
  readonly onImage: (model: string, done: number, total: number) => void;
}

const METRICS = 'metrics.json';
const REPORT = 'report.html';

/**
 * Evaluates a model, or two, on an annotated set: predictions, metrics.json and report.html in `out`.
 * @throws UserError for bad input, and where `out` holds another evaluation
 */
export async function evaluateSet(device: Device, options: EvaluateOptions): Promise<MetricsFile> {
  const { out, mode, say } = options;
  const set = selectSplit(await openAnnotatedSet(options.dataset, options.data), options.split);
  for (const problem of set.problems) say(`warning: ${problem}`);
  const models = await readModels(device, options);
  await prepareOut(out, mode, models);
  const hashes = await hashImages(set.images);
  const run: Run = { device, options, set, hashes, dataHash: dataHashOf(set, hashes) };
  const opened = await openLogs(run, models);
  await removeResults(out);
  const looks = await look(run, models);
  const logs: ReadonlyMap<string, PredictionLine>[] = [];
  for (const [i, model] of models.entries()) logs.push(await predict(run, model, opened[i]!));
  // What only one of the models could read would make the comparison unfair.
  const ids = set.images.filter(({ id }) => logs.every((log) => !isFailure(log.get(id)!))).map(({ id }) => id);
  if (ids.length === 0) throw new UserError(`none of the ${set.images.length} images could be read. First: ${firstError(logs[0])}`);
  const evaluated = models.map((model, i) => evaluateLog(run, model, logs[i]!, new Set(ids)));
  const [first, second] = evaluated;
  const metrics: MetricsFile = {
    ...describe(run, looks),
    models: models.map(({ name, sha256, detector: { info } }, i) => ({
      file: name,
      sha256,
      architecture: info.architecture,
      pixelSpacingMm: info.pixelSpacingMm,
      ...chosenThresholds(info, options),
      evaluation: evaluated[i]!.evaluation,
      failures: [...logs[i]!.values()].filter(isFailure),
    })),
    comparison: first && second ? compareModels(first.book, second.book) : [],
  };
  await writeReport(join(out, REPORT), metrics, casesOf(set, logs[0]!, new Set(ids)), options.pixelSpacingMm);
  await writeFileAtomic(join(out, METRICS), `${JSON.stringify(metrics, (_, v: unknown) => (v === Infinity ? null : v), 1)}\n`);
  return metrics;
}

interface Run {
  readonly device: Device;
  readonly options: EvaluateOptions;
  readonly set: AnnotatedSet;
  readonly hashes: ReadonlyMap<string, string | null>;
  readonly dataHash: string;
}

interface Model {
  readonly name: string;
  readonly sha256: string;
  readonly detector: Detector;
}

async function readModels(device: Device, { model, modelName, compare }: EvaluateOptions): Promise<Model[]> {
  const files = [{ path: model, name: modelName }, ...(compare === undefined ? [] : [{ path: compare, name: compare }])];
  const models: Model[] = [];
  for (const { path, name } of files) {
    const bytes = await readWholeFile(path);
    models.push({ name, sha256: sha256Of(bytes), detector: Detector.open(device, bytes, name) });
  }
  if (models.length === 2 && models[0]!.sha256 === models[1]!.sha256)
    throw new UserError(`${compare ?? ''}: the same model as --model, expected another one to compare with. Give another file.`);
  return models;
}

/** An evaluation is whole when metrics.json is there; logs without it are of one that was interrupted. */
async function prepareOut(out: string, mode: EvaluateOptions['mode'], models: readonly Model[]): Promise<void> {
  await makeFolder(out);
  const logs = models.map(({ sha256 }) => PredictionsLog.path(out, sha256));
  const metrics = join(out, METRICS);
  if (mode === 'new' && existsSync(metrics))
    throw new UserError(`${metrics} exists already, expected a folder without an evaluation. Choose another --out or add --overwrite.`);
  const begun = logs.find((path) => existsSync(path));
  if (mode === 'new' && begun !== undefined)
    throw new UserError(`${begun}: an evaluation was begun here and not finished. Go on with --resume, or start again with --overwrite.`);
  if (mode === 'overwrite') for (const path of logs) await rm(path, { force: true });
}

/** Only once nothing is left to be refused: an earlier evaluation is not lost to a wrong command. */
async function removeResults(out: string): Promise<void> {
  for (const name of [METRICS, REPORT]) await rm(join(out, name), { force: true });
}

const splitOf = ({ split }: EvaluateOptions): string => split ?? 'all';

async function look({ options, dataHash }: Run, models: readonly Model[]): Promise<number | null> {
  const own = { dataset: options.dataset, split: splitOf(options), dataHash, models: models.map(({ sha256 }) => sha256) };
  const looks = await countLook(options.data, own, options.lockTest, options.mode === 'resume');
  if (looks !== null) options.say(`test set: look ${looks} at ${options.dataset} ${splitOf(options)}`);
  return looks;
}

/** @throws UserError where a log to be resumed is of something else */
async function openLogs({ device, options, dataHash }: Run, models: readonly Model[]): Promise<PredictionsLog[]> {
  const logs: PredictionsLog[] = [];
  for (const { sha256 } of models) {
    const header = {
      notice: NOTICE,
      dataset: options.dataset,
      split: splitOf(options),
      dataHash,
      modelSha256: sha256,
      adapter: device.adapterName,
      pixelThreshold: options.pixelThreshold,
      pixelSpacingMm: options.pixelSpacingMm ?? null,
    };
    logs.push(await PredictionsLog.open(options.out, header, options.mode === 'resume'));
  }
  return logs;
}

/** Every image's prediction by id, those of an earlier, interrupted evaluation included. */
async function predict(
  { device, options, set, hashes }: Run,
  { name, detector }: Model,
  log: PredictionsLog,
): Promise<ReadonlyMap<string, PredictionLine>> {
  const settings = { workingMm: detector.info.pixelSpacingMm, pixelThreshold: options.pixelThreshold };
  for (const [i, image] of set.images.entries()) {
    if (!log.lines.has(image.id)) await log.add(await predictOne(image));
    options.onImage(name, i + 1, set.images.length);
  }
  return log.lines;

  async function predictOne(image: AnnotatedImage): Promise<PredictionLine> {
    try {
      const mammogram = await readAnnotated(image, options.pixelSpacingMm);
      const detected = await detector.detect(mammogram, image.id);
      return makeCase(image, mammogram, detected, { ...settings, sha256: hashes.get(image.id) ?? '' });
    } catch (error) {
      device.check();
      if (!(error instanceof UserError)) throw error;
      options.say(`warning: ${image.id}: ${error.message} It is left out.`);
      return { id: image.id, error: error.message };
    }
  }
}

function casesOf({ images }: AnnotatedSet, log: ReadonlyMap<string, PredictionLine>, ids: ReadonlySet<string>): EvaluatedCase[] {
  return images.flatMap((image) => {
    const result = log.get(image.id);
    return result && !isFailure(result) && ids.has(image.id) ? [{ image, result }] : [];
  });
}

function evaluateLog(
  { options, set }: Run,
  { detector }: Model,
  log: ReadonlyMap<string, PredictionLine>,
  ids: ReadonlySet<string>,
): Evaluated {
  const { seed, replicates, pixelThreshold } = options;
  return evaluateCases(casesOf(set, log, ids), {
    seed,
    replicates,
    pixelThreshold,
    thresholds: chosenThresholds(detector.info, options),
  });
}

function describe({ device, options, set, dataHash }: Run, looks: number | null): Omit<MetricsFile, 'models' | 'comparison'> {
  return {
    schema: 'mcgpu.evaluation/1',
    notice: NOTICE,
    time: new Date().toISOString(),
    commit: options.commit,
    adapter: device.adapterName,
    data: { dataset: options.dataset, split: splitOf(options), dataHash, looks, problems: set.problems, notes: set.notes },
    bootstrap: { over: 'patients', replicates: options.replicates, seed: options.seed, coverage: 0.95 },
    pixelThreshold: options.pixelThreshold,
  };
}

function firstError(log: ReadonlyMap<string, PredictionLine> | undefined): string {
  const failure = [...(log?.values() ?? [])].find(isFailure);
  return failure ? `${failure.id}: ${failure.error}` : '';
}
