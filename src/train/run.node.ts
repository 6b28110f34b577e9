import { existsSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { UserError } from '../errors.js';
import { writeFileAtomic } from '../files.node.js';
import { openNodeDevice } from '../runtime/gpu.node.js';
import { mebibytes, type Device } from '../runtime/device.js';
import { tuningId, type NamedTuning } from '../runtime/tuning.js';
import { checkResumable, type Checkpoint, type CheckpointState, type RunIdentity } from './checkpoint.js';
import { readCheckpoint, writeCheckpoint } from './checkpoint.node.js';
import { configHash, configYaml, type TrainConfig } from './config.js';
import type { BatchSetup } from './draw-batches.node.js';
import { taughtLevels } from './model-config.js';
import { exportModel } from './export.node.js';
import { readInitialModel, type InitialModel } from './initial-model.node.js';
import { BatchLoader, siblingModule, type LoaderWaits } from './loader.node.js';
import { RunLogs } from './logs.node.js';
import { ConsoleProgress } from './progress-console.node.js';
import { checkRunDirectory, currentCommit, openRunDirectory, writeRunInfo, type RunDirectory, type RunMode } from './run-directory.node.js';
import { learningRateOf, type Trainer } from './trainer.js';
import { openTrainer, setTuning, takeCheckpoint } from './trainer-checkpoint.js';
import { openTrainingData, type TrainingData } from './training-data.node.js';
import type { PatchFigures } from './validation.js';
import { Validator } from './validator.node.js';

export interface RunOptions {
  /** A folder of unlabelled mammograms, or 'phantom'. */
  readonly data: string;
  readonly out: string;
  readonly config: TrainConfig;
  readonly mode: RunMode;
  /** Stop after this many steps; the schedule's length stays that of the configuration, so that a resume goes on exactly. */
  readonly stopAt?: number | undefined;
  /** A model file of the same network whose weights a new run begins with; default: random ones from the seed. */
  readonly initialModel?: string | undefined;
  readonly adapter?: string | undefined;
  readonly pixelSpacingMm?: number | undefined;
  readonly memoryBudgetBytes?: number | undefined;
  /** Kernel choices to begin with; a resumed run keeps its own. */
  readonly tuning?: NamedTuning | undefined;
  readonly quiet?: boolean | undefined;
  /** Asks the run to stop after the step in progress; a checkpoint is written. */
  readonly signal?: AbortSignal | undefined;
  /** An open device to train on, which stays open; default: one is opened for the run. */
  readonly device?: Device | undefined;
}

export interface RunResult {
  readonly run: RunDirectory;
  readonly steps: number;
  readonly interrupted: boolean;
  readonly waits: LoaderWaits;
  readonly lastLoss: number;
}

/** Trains, from the start or from a run's last checkpoint, and leaves a folder with everything that the run was. */
export async function runTraining(options: RunOptions): Promise<RunResult> {
  const { config } = options;
  const run = await checkRunDirectory(options.out, options.mode);
  const initial = options.initialModel === undefined ? null : await readInitialModel(options.initialModel, options);
  const say = (line: string): void => {
    if (!options.quiet) process.stderr.write(`${line}\n`);
  };
  const data = await openTrainingData(options.data, config, { pixelSpacingMm: options.pixelSpacingMm });
  for (const { file, problem, isLeftOut } of data.problems) say(`${isLeftOut ? 'left out' : 'note'}: ${file}: ${problem}`);
  say(`data: ${data.summary}`);
  const device = options.device ?? (await openNodeDevice(options.adapter ? { adapter: options.adapter } : {}));
  try {
    return await new Run(options, run, data, initial, device, say).train();
  } catch (error) {
    await nextTurn(); // the news that a device is lost may come after the first failure that it causes
    device.check();
    throw error;
  } finally {
    if (!options.device) device.destroy();
  }
}

/** What one start of a run works with. */
interface Parts {
  readonly trainer: Trainer;
  readonly validator: Validator;
  readonly loader: BatchLoader;
  readonly logs: RunLogs;
  readonly progress: ConsoleProgress | null;
}

/** One start of a run: its parts, wired together. */
class Run {
  private best: CheckpointState['best'] = null;
  private elapsedBeforeS = 0;
  private startedFrom: string | null = null;
  private readonly startedAt = performance.now();

  constructor(
    private readonly options: RunOptions,
    private readonly run: RunDirectory,
    private readonly data: TrainingData,
    private readonly initial: InitialModel | null,
    private readonly device: Device,
    private readonly say: (line: string) => void,
  ) {}

  async train(): Promise<RunResult> {
    const { config, mode, stopAt = config.train.steps } = this.options;
    const resumed = mode === 'resume' ? await this.readLast() : null;
    const first = resumed?.state.step ?? 0;
    this.checkEnd(first, stopAt);
    for (const line of await setTuning(this.device, resumed, this.options.tuning)) this.say(`warning: ${line}`);
    const trainer = await this.createTrainer(resumed);
    const validator = new Validator(this.device, trainer.network.model, this.data.validation, config, this.budget());
    try {
      await validator.warmUp(await trainer.averagedArrays());
      await this.prepareFolder(first);
      return await this.withLogs(trainer, validator, first, stopAt);
    } finally {
      validator.destroy();
      trainer.destroy();
    }
  }

  /** Nothing of an earlier run is touched before all that can be checked without it has been. */
  private async prepareFolder(first: number): Promise<void> {
    const { config, mode, out } = this.options;
    await openRunDirectory(out, mode);
    await writeFileAtomic(this.run.config, configYaml(config));
    const start = { step: first, tuning: await tuningId(this.device.tuning), startedFrom: this.initial?.sha256 ?? null };
    ({ startedFrom: this.startedFrom } = await writeRunInfo(this.run, { ...start, ...(await this.identity()) }));
  }

  private async withLogs(trainer: Trainer, validator: Validator, first: number, stopAt: number): Promise<RunResult> {
    const logs = await RunLogs.open(this.run, 'mcgpu training', first > 0 ? first : null);
    const loader = this.openLoader(trainer, first);
    const progress = this.options.quiet ? null : new ConsoleProgress({ total: stopAt, first });
    try {
      return await this.loop({ trainer, validator, loader, logs, progress }, first, stopAt);
    } finally {
      progress?.stop();
      await loader.close();
      await logs.close();
    }
  }

  private async loop(parts: Parts, first: number, stopAt: number): Promise<RunResult> {
    const { trainer, loader, logs } = parts;
    const { signal } = this.options;
    let done = first;
    let submitted: Promise<void> = Promise.resolve();
    try {
      while (done < stopAt && !signal?.aborted) {
        const { data } = await loader.next();
        const before = submitted;
        trainer.step(done, data);
        done++;
        submitted = this.isDue(done, 'logEvery') ? this.logStep(parts, done) : this.device.idle();
        submitted.catch(() => undefined); // told where it is awaited, which may be a step later
        await before; // at most one step waits on the GPU while another runs
        if (this.isDue(done, 'validateEvery') || this.isDue(done, 'checkpointEvery')) await submitted;
        if (this.isDue(done, 'validateEvery')) await this.validate(parts, done);
        if (this.isDue(done, 'checkpointEvery') && done < stopAt) await this.checkpoint(trainer, logs, done);
      }
      await submitted;
    } finally {
      await submitted.catch(() => undefined); // logs may be closed only now
    }
    await this.checkpoint(trainer, logs, done);
    const interrupted = done < stopAt;
    if (interrupted) this.say(`stopped at step ${done}; the checkpoint is written. Go on with the same command and --resume.`);
    else await this.ship(parts, done);
    const { loss } = await trainer.losses();
    return { run: this.run, steps: done, interrupted, waits: loader.waits(), lastLoss: loss };
  }

  /** By the configuration alone, so that a run that was stopped and resumed does the same as one that was not. */
  private isDue(done: number, every: 'logEvery' | 'validateEvery' | 'checkpointEvery'): boolean {
    const { train } = this.options.config;
    return done % train[every] === 0 || done === train.steps;
  }

  /** Reads what the last step measured. The copies are queued at once: a step submitted after this call does not change them. */
  private async logStep({ trainer, logs, progress }: Parts, done: number): Promise<void> {
    const { optimizer } = trainer;
    const [{ loss, segmentation, classification }, report, { scale }] = await Promise.all([
      trainer.losses(),
      optimizer.readReport(),
      optimizer.lossScale.read(),
    ]);
    logs.train(done, {
      loss,
      segmentationLoss: segmentation,
      classLoss: classification,
      gradientNorm: report.norm,
      learningRate: learningRateOf(this.options.config, done - 1),
      skippedUpdates: report.skippedUpdates,
      ...(optimizer.lossScale.isDynamic ? { lossScale: scale } : {}),
    });
    progress?.update(done, loss);
    if (Number.isFinite(loss)) return;
    throw new UserError(
      `The loss is ${loss} at step ${done}, expected a number. Start a new run with a lower train.learningRate; the last checkpoint is intact.`,
    );
  }

  private async validate({ trainer, validator, logs, progress }: Parts, done: number): Promise<void> {
    const figures = await validator.figures(await trainer.averagedArrays());
    const { sensitivity, meanSensitivity, aucPresent, aucMalignant, dice, precision, recall } = figures;
    await logs.validation(done, { sensitivity, meanSensitivity, aucPresent, aucMalignant, dice, precision, recall });
    progress?.note(
      `step ${done}: sensitivity ${sensitivity.toFixed(3)} at 0.5 false positives per patch, AUC present ${aucPresent.toFixed(3)}, malignant ${aucMalignant.toFixed(3)}, Dice ${dice.toFixed(3)}`,
    );
    const score = scoreOf(figures);
    if (this.best && score <= this.best.score) return;
    this.best = { step: done, score };
    await writeCheckpoint(this.run.best, await this.snapshot(trainer, done));
  }

  private async checkpoint(trainer: Trainer, logs: RunLogs, done: number): Promise<void> {
    logs.sync();
    await writeCheckpoint(this.run.last, await this.snapshot(trainer, done));
  }

  /** Exports the best weights of the run, and says where. */
  private async ship({ trainer, validator }: Parts, done: number): Promise<void> {
    const { run, data } = this;
    const isLast = !this.isDue(done, 'validateEvery') && (await this.isBetterThanBest(trainer, validator));
    const tuning = await tuningId(this.device.tuning);
    const facts = { config: this.options.config, adapter: this.device.adapterName, commit: await currentCommit(), tuning };
    const { startedFrom } = this;
    await exportModel({ run, checkpoint: isLast ? run.last : run.best, validator, data, startedFrom, ...facts });
  }

  /** For a run that ends between two validations. It leaves no trace: a resumed run must not depend on where it was stopped. */
  private async isBetterThanBest(trainer: Trainer, validator: Validator): Promise<boolean> {
    return !this.best || scoreOf(await validator.figures(await trainer.averagedArrays())) > this.best.score;
  }

  private checkEnd(first: number, stopAt: number): void {
    if (stopAt > first || (stopAt === first && !existsSync(this.run.model))) return; // all steps done, but not exported
    throw new UserError(`${this.run.root}: ${first} steps are done, expected more to do than ${stopAt}. Give a larger number of --steps.`);
  }

  private async snapshot(trainer: Trainer, step: number): Promise<Checkpoint> {
    return takeCheckpoint(trainer, {
      ...(await this.identity()),
      step,
      best: this.best,
      elapsedS: this.elapsedBeforeS + (performance.now() - this.startedAt) / 1000,
    });
  }

  /** What a resumed run must have in common with the one before. */
  private async identity(): Promise<RunIdentity> {
    const { config } = this.options;
    return {
      seed: config.train.seed,
      configHash: await configHash(config),
      dataHash: this.data.dataHash,
      adapter: this.device.adapterName,
    };
  }

  private async readLast(): Promise<Checkpoint> {
    const checkpoint = await readCheckpoint(this.run.last);
    for (const warning of checkResumable(checkpoint, await this.identity(), this.run.last)) this.say(`warning: ${warning}`);
    this.best = checkpoint.state.best;
    this.elapsedBeforeS = checkpoint.state.elapsedS;
    return checkpoint;
  }

  private async createTrainer(resumed: Checkpoint | null): Promise<Trainer> {
    const trainer = await openTrainer(this.device, this.options.config, resumed, { initial: this.initial?.arrays, ...this.budget() });
    const { plan, dispatchCount } = trainer.program;
    const parameters = trainer.network.store.parameterCount.toLocaleString('en');
    this.say(`network: ${parameters} parameters, ${dispatchCount} dispatches per step; adapter: ${this.device.adapterName}`);
    this.say(
      `memory: planned peak ${mebibytes(plan.peakBytes)} (one buffer per tensor would take ${mebibytes(plan.naiveBytes)}), in all ${mebibytes(this.device.allocatedBytes)}`,
    );
    return trainer;
  }

  private budget(): { memoryBudgetBytes?: number } {
    const { memoryBudgetBytes } = this.options;
    return memoryBudgetBytes === undefined ? {} : { memoryBudgetBytes };
  }

  private openLoader(trainer: Trainer, first: number): BatchLoader {
    const { train, model } = this.options.config;
    const setup: BatchSetup = { ...this.data.train, batch: train.batch, levels: taughtLevels(model) };
    return new BatchLoader({
      module: siblingModule('./draw-batches.node', import.meta.url),
      setup,
      length: trainer.layout.length,
      first,
      workers: train.workers,
    });
  }
}

/** What the best checkpoint is chosen by; 0 where no validation patch holds a calcification. */
function scoreOf({ meanSensitivity }: PatchFigures): number {
  return Number.isNaN(meanSensitivity) ? 0 : meanSensitivity;
}
