import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openInference } from '../detect/inference.js';
import { NOTICE } from '../detect/findings.js';
import { sha256Of } from '../evaluate/read-set.node.js';
import { UserError } from '../errors.js';
import { makeFolder, readWholeFile, writeFileAtomic } from '../files.node.js';
import { networkOf } from '../model/architecture.js';
import { readModelFile } from '../model/model-file.node.js';
import type { Device } from '../runtime/device.js';
import type { Sample } from '../synth/sample.js';
import { configHash, valueHash } from '../train/config.js';
import { currentCommit } from '../train/run-directory.node.js';
import { runTraining } from '../train/run.node.js';
import { drawSamples, openTrainingData, synthConfig, type SampleSetup } from '../train/training-data.node.js';
import { detectPatches } from '../train/validation.js';
import { evaluateOn, type LocatedSet, type SetFigures } from './evaluations.node.js';
import { setName, type Plan, type PlannedRun } from './plan.js';
import { resultsCsv, resultsMarkdown } from './results-table.js';
import { testFigures, type TestFigures } from './test-figures.js';

export interface ExperimentOptions {
  readonly plan: Plan;
  /** 'phantom', or the folder of backgrounds. */
  readonly data: string;
  /** Sets of the plan. */
  readonly evaluate?: readonly LocatedSet[];
  readonly out: string;
  readonly resume: boolean;
  readonly device: Device;
  /** Of images that do not state theirs, mm. */
  readonly pixelSpacingMm?: number | undefined;
  readonly quiet?: boolean | undefined;
  readonly say: (line: string) => void;
  /** Asks to stop after the step in progress; the experiment can be resumed. */
  readonly signal?: AbortSignal | undefined;
}

/** One finished run; result.json in its folder. */
export interface RunRecord {
  readonly schema: 'mcgpu.experiment-run/1';
  readonly notice: string;
  readonly row: string;
  readonly seed: number;
  readonly configHash: string;
  /** Of the training data and of the test samples' settings: rows of one table have both in common. */
  readonly dataHash: string;
  readonly testHash: string;
  readonly steps: number;
  readonly parameters: number;
  /** Wall-clock time of this run's training, s; of one that was interrupted, of its last part. */
  readonly trainingS: number;
  readonly modelSha256: string;
  readonly adapter: string;
  readonly commit: string | null;
  readonly figures: TestFigures;
  /** On annotated sets, in the plan's order; sets may be added to an experiment that is done. */
  readonly evaluations: readonly SetFigures[];
}

/** Added to the seed of the test samples, so that they are other ones than those validated on. */
const TEST_SEED = 2_000_000_011;

/** Trains and tests every run of the plan that is not done yet, and writes the table anew after each. */
export async function runExperiment(options: ExperimentOptions): Promise<readonly RunRecord[]> {
  const { plan, out, resume, say, signal } = options;
  await prepareFolder(out, resume);
  const test = await testSetup(options);
  const records: RunRecord[] = [];
  let samples: readonly Sample[] | undefined;
  for (const [i, run] of plan.runs.entries()) {
    const known = await readRecord(options, run, test);
    if (known) {
      records.push(await withEvaluations(options, run, known));
      continue;
    }
    say(`run ${i + 1} of ${plan.runs.length}: ${run.row}, seed ${run.seed}`);
    const trained = await train(options, run);
    if (signal?.aborted || !trained) break;
    samples ??= drawSamples(test.setup, plan.experiment.test.patches);
    const record = await testRun(options, run, { ...trained, ...test, samples });
    await writeRecord(out, run, record);
    records.push(await withEvaluations(options, run, record));
    await writeTables(out, plan, records);
  }
  await writeTables(out, plan, records);
  return records;
}

/** The record with the plan's sets, of which those that are missing are evaluated. */
async function withEvaluations(options: ExperimentOptions, run: PlannedRun, record: RunRecord): Promise<RunRecord> {
  const { device, out, say, plan, evaluate = [] } = options;
  const folder = join(out, run.folder);
  const evaluations: SetFigures[] = [];
  for (const set of evaluate) {
    const done = record.evaluations.find((e) => e.set === setName(set));
    if (!done) say(`${run.row}, seed ${run.seed}: ${setName(set)}`);
    evaluations.push(done ?? (await evaluateOn(device, set, join(folder, 'model.safetensors'), folder, plan.experiment.test.seed)));
  }
  const whole = { ...record, evaluations };
  if (evaluations.length > 0) await writeRecord(out, run, whole);
  return whole;
}

async function writeRecord(out: string, run: PlannedRun, record: RunRecord): Promise<void> {
  await writeFileAtomic(resultPath(out, run), `${JSON.stringify(record, null, 1)}\n`);
}

const resultPath = (out: string, run: PlannedRun): string => join(out, run.folder, 'result.json');

async function prepareFolder(out: string, resume: boolean): Promise<void> {
  if (existsSync(join(out, 'results.md')) && !resume)
    throw new UserError(
      `${out}: an experiment is there already. Go on with --resume, which runs what is missing, or choose another --out.`,
    );
  await makeFolder(out);
}

interface Test {
  readonly setup: SampleSetup;
  readonly testHash: string;
}

/** The samples of all rows: held-back backgrounds, drawn with the shared settings. */
async function testSetup({ plan, data, pixelSpacingMm }: ExperimentOptions): Promise<Test> {
  const { patches, seed } = plan.experiment.test;
  const { validation, dataHash } = await openTrainingData(data, plan.shared, { pixelSpacingMm });
  const setup = { ...validation, seed: seed + TEST_SEED };
  return { setup, testHash: await valueHash({ dataHash, patches, seed, synth: { ...setup.synth } }) };
}

/** What an earlier start left. @throws UserError where it was another experiment: its figures cannot stand in this table */
async function readRecord({ out }: ExperimentOptions, run: PlannedRun, { testHash }: Test): Promise<RunRecord | null> {
  const path = resultPath(out, run);
  if (!existsSync(path)) return null;
  const record = JSON.parse(new TextDecoder().decode(await readWholeFile(path))) as RunRecord;
  const differs = record.configHash !== (await configHash(run.config)) ? 'settings' : record.testHash !== testHash ? 'test samples' : null;
  if (differs === null) return record;
  throw new UserError(
    `${path}: this run had other ${differs}, expected those of the experiment's file. Give the row another name, or remove ${join(out, run.folder)}.`,
  );
}

async function train(options: ExperimentOptions, run: PlannedRun): Promise<{ model: string; trainingS: number; dataHash: string } | null> {
  const { data, out, device, pixelSpacingMm, quiet, signal } = options;
  const folder = join(out, run.folder);
  const started = performance.now();
  const mode = existsSync(join(folder, 'checkpoints', 'last.safetensors'))
    ? 'resume'
    : existsSync(join(folder, 'run.json'))
      ? 'overwrite'
      : 'new';
  const model = join(folder, 'model.safetensors');
  if (!existsSync(model) || mode !== 'resume') {
    const result = await runTraining({ data, out: folder, config: run.config, mode, pixelSpacingMm, quiet, signal, device });
    if (result.interrupted) return null;
  }
  const { info } = await readModelFile(model);
  return { model, trainingS: (performance.now() - started) / 1000, dataHash: info.training.dataHash };
}

interface Trained extends Test {
  readonly model: string;
  readonly trainingS: number;
  readonly dataHash: string;
  readonly samples: readonly Sample[];
}

async function testRun(options: ExperimentOptions, run: PlannedRun, trained: Trained): Promise<RunRecord> {
  const { device, plan, data } = options;
  const own = synthConfig(run.config, data);
  const { synth } = trained.setup;
  if (own.pixelSpacingMm !== synth.pixelSpacingMm)
    throw new UserError(
      `run '${run.row}': pixel spacing ${own.pixelSpacingMm} mm, expected that of the test samples, ${synth.pixelSpacingMm} mm. Compare spacings with mcgpu evaluate.`,
    );
  // A row may normalise differently: the same samples then, normalised its way.
  const sameNormalisation = (await valueHash(own.normalisation)) === (await valueHash(synth.normalisation));
  const setup = { ...trained.setup, synth: { ...synth, normalisation: own.normalisation } };
  const samples = sameNormalisation ? trained.samples : drawSamples(setup, plan.experiment.test.patches);
  const file = await readModelFile(trained.model);
  const { model, arrays } = networkOf(file, trained.model);
  const inference = openInference(device, model, file.info.window);
  try {
    inference.load(arrays);
    const results = await detectPatches(inference, samples, synth.pixelSpacingMm, { info: file.info });
    return {
      schema: 'mcgpu.experiment-run/1',
      notice: NOTICE,
      row: run.row,
      seed: run.seed,
      configHash: await configHash(run.config),
      dataHash: trained.dataHash,
      testHash: trained.testHash,
      steps: file.info.training.steps,
      parameters: model.layers.parameters.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0),
      trainingS: trained.trainingS,
      modelSha256: sha256Of(await readWholeFile(trained.model)),
      adapter: device.adapterName,
      commit: await currentCommit(),
      figures: testFigures(results, synth.pixelSpacingMm, plan.experiment.test.seed),
      evaluations: [],
    };
  } finally {
    inference.destroy();
  }
}

async function writeTables(out: string, plan: Plan, records: readonly RunRecord[]): Promise<void> {
  await writeFileAtomic(join(out, 'results.md'), resultsMarkdown(plan, records));
  await writeFileAtomic(join(out, 'results.csv'), resultsCsv(plan, records));
}
