import type { ShapedArray } from '../autograd/parameters.js';
import { UserError } from '../errors.js';
import { writeFileAtomic } from '../files.node.js';
import { openNodeDevice } from '../runtime/gpu.node.js';
import { mebibytes, type Device } from '../runtime/device.js';
import { checkResumable, type Checkpoint, type CheckpointState } from './checkpoint.js';
import { readCheckpoint, writeCheckpoint } from './checkpoint.node.js';
import { configHash, configYaml, type TrainConfig } from './config.js';
import type { BatchSetup } from './draw-batches.node.js';
import { exportModel } from './export.node.js';
import { BatchLoader, siblingModule, type LoaderWaits } from './loader.node.js';
import { RunLogs } from './logs.node.js';
import { ConsoleProgress } from './progress-console.node.js';
import { currentCommit, openRunDirectory, writeRunInfo, type RunDirectory, type RunMode } from './run-directory.node.js';
import { learningRateOf, Trainer } from './trainer.js';
import { openTrainingData, type TrainingData } from './training-data.node.js';
import { Validator } from './validator.node.js';

export interface RunOptions {
  /** A folder of unlabelled mammograms, or 'phantom'. */
  readonly data: string;
  readonly out: string;
  readonly config: TrainConfig;
  readonly mode: RunMode;
  /** Stop after this many steps; the schedule's length stays that of the configuration, so that a resume goes on exactly. */
  readonly stopAt?: number | undefined;
  readonly adapter?: string | undefined;
  readonly pixelSpacingMm?: number | undefined;
  readonly memoryBudgetBytes?: number | undefined;
  readonly quiet?: boolean | undefined;
  /** Asks the run to stop after the step in progress; a checkpoint is written. */
  readonly signal?: AbortSignal | undefined;
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
  const run = await openRunDirectory(options.out, options.mode);
  const say = (line: string): void => {
    if (!options.quiet) process.stderr.write(`${line}\n`);
  };
  const data = await openTrainingData(options.data, config, { pixelSpacingMm: options.pixelSpacingMm });
  for (const { file, problem, isLeftOut } of data.problems) say(`${isLeftOut ? 'left out' : 'note'}: ${file}: ${problem}`);
  say(`data: ${data.summary}`);
  const device = await openNodeDevice(options.adapter ? { adapter: options.adapter } : {});
  try {
    return await new Run(options, run, data, device, say).train();
  } finally {
    device.destroy();
  }
}

/** One start of a run: its parts, wired together. */
class Run {
  private best: CheckpointState['best'] = null;
  private elapsedBeforeS = 0;
  private readonly startedAt = performance.now();

  constructor(
    private readonly options: RunOptions,
    private readonly run: RunDirectory,
    private readonly data: TrainingData,
    private readonly device: Device,
    private readonly say: (line: string) => void,
  ) {}

  async train(): Promise<RunResult> {
    const { config, mode, stopAt = config.train.steps } = this.options;
    const resumed = mode === 'resume' ? await this.readLast() : null;
    const trainer = await this.createTrainer(resumed);
    const first = resumed?.state.step ?? 0;
    if (stopAt <= first)
      throw new UserError(
        `${this.run.root}: ${first} steps are done, expected more to do than --steps ${stopAt}. Give a larger number of steps.`,
      );
    await writeFileAtomic(this.run.config, configYaml(config));
    const identity = { seed: config.train.seed, configHash: await configHash(config), dataHash: this.data.dataHash };
    await writeRunInfo(this.run, { step: first, adapter: this.adapterName(), ...identity });
    const logs = await RunLogs.open(this.run, 'mcgpu training', resumed ? first : null);
    const loader = this.openLoader(trainer, first);
    try {
      return await this.loop(trainer, loader, logs, { first, stopAt });
    } finally {
      await loader.close();
      await logs.close();
    }
  }

  private async loop(
    trainer: Trainer,
    loader: BatchLoader,
    logs: RunLogs,
    { first, stopAt }: { first: number; stopAt: number },
  ): Promise<RunResult> {
    const { config, signal } = this.options;
    const { logEvery, validateEvery, checkpointEvery } = config.train;
    const progress = this.options.quiet ? null : new ConsoleProgress({ total: stopAt, first });
    const validator = new Validator(this.device, trainer.network.model, this.data.validation, config);
    let lastLoss = NaN;
    let done = first;
    let submitted = Promise.resolve();
    try {
      while (done < stopAt && !signal?.aborted) {
        const { data } = await loader.next();
        await submitted; // at most one step waits on the GPU while the next is encoded
        trainer.step(done, data);
        submitted = this.device.idle();
        done++;
        if (done % logEvery === 0 || done === stopAt) {
          lastLoss = await this.logStep(trainer, logs, done);
          progress?.update(done, lastLoss);
        }
        if (done % validateEvery === 0 || done === stopAt) await this.validate(trainer, validator, logs, done, progress);
        if (done % checkpointEvery === 0 && done < stopAt) await this.checkpoint(trainer, logs, done);
      }
      await submitted;
      await this.checkpoint(trainer, logs, done);
    } finally {
      progress?.stop();
    }
    const interrupted = done < stopAt;
    if (interrupted) this.say(`stopped at step ${done}; the checkpoint is written. Go on with the same command and --resume.`);
    else
      await exportModel({ run: this.run, validator, data: this.data, config, adapter: this.adapterName(), commit: await currentCommit() });
    return { run: this.run, steps: done, interrupted, waits: loader.waits(), lastLoss };
  }

  private async logStep(trainer: Trainer, logs: RunLogs, done: number): Promise<number> {
    const { loss, segmentation, classification } = await trainer.losses();
    const { norm, skippedUpdates } = await trainer.optimizer.readReport();
    logs.train(done, {
      loss,
      segmentationLoss: segmentation,
      classLoss: classification,
      gradientNorm: norm,
      learningRate: learningRateOf(this.options.config, done - 1),
      skippedUpdates,
    });
    if (!Number.isFinite(loss)) {
      throw new UserError(
        `The loss is ${loss} at step ${done}, expected a number. The last checkpoint is intact: resume it with a lower train.learningRate in a new run.`,
      );
    }
    return loss;
  }

  private async validate(
    trainer: Trainer,
    validator: Validator,
    logs: RunLogs,
    done: number,
    progress: ConsoleProgress | null,
  ): Promise<void> {
    const figures = await validator.figures(await trainer.averagedArrays());
    const { sensitivity, meanSensitivity, aucPresent, aucMalignant, dice, precision, recall } = figures;
    await logs.validation(done, { sensitivity, meanSensitivity, aucPresent, aucMalignant, dice, precision, recall });
    progress?.note(
      `step ${done}: sensitivity ${sensitivity.toFixed(3)} at 0.5 false positives per patch, AUC present ${aucPresent.toFixed(3)}, malignant ${aucMalignant.toFixed(3)}, Dice ${dice.toFixed(3)}`,
    );
    if (this.best && meanSensitivity <= this.best.score) return;
    this.best = { step: done, score: meanSensitivity };
    await writeCheckpoint(this.run.best, await this.snapshot(trainer, done));
  }

  private async checkpoint(trainer: Trainer, logs: RunLogs, done: number): Promise<void> {
    logs.sync();
    await writeCheckpoint(this.run.last, await this.snapshot(trainer, done));
  }

  private async snapshot(trainer: Trainer, step: number): Promise<Checkpoint> {
    const { config } = this.options;
    const shapes = new Map([...trainer.network.store.specs, ...trainer.network.store.bufferSpecs].map((s) => [s.name, s.shape]));
    const arrays = await trainer.network.store.read();
    const model = new Map([...arrays].map(([name, data]): [string, ShapedArray] => [name, { shape: shapes.get(name) ?? [], data }]));
    const state: CheckpointState = {
      schema: 'mcgpu.checkpoint/1',
      step,
      seed: config.train.seed,
      configHash: await configHash(config),
      dataHash: this.data.dataHash,
      adapter: this.adapterName(),
      tuning: {},
      best: this.best,
      elapsedS: this.elapsedBeforeS + (performance.now() - this.startedAt) / 1000,
    };
    return { state, model, optimizer: await trainer.optimizer.readState() };
  }

  private async readLast(): Promise<Checkpoint> {
    const { config } = this.options;
    const checkpoint = await readCheckpoint(this.run.last);
    const identity = {
      configHash: await configHash(config),
      dataHash: this.data.dataHash,
      seed: config.train.seed,
      adapter: this.adapterName(),
    };
    for (const warning of checkResumable(checkpoint, identity, this.run.last)) this.say(`warning: ${warning}`);
    this.best = checkpoint.state.best;
    this.elapsedBeforeS = checkpoint.state.elapsedS;
    return checkpoint;
  }

  private async createTrainer(resumed: Checkpoint | null): Promise<Trainer> {
    const { config, memoryBudgetBytes } = this.options;
    const budget = memoryBudgetBytes === undefined ? {} : { memoryBudgetBytes };
    const arrays = resumed ? { arrays: new Map([...resumed.model].map(([name, { data }]) => [name, data])) } : {};
    const trainer = await Trainer.create(this.device, config, { ...arrays, ...budget });
    if (resumed) trainer.optimizer.loadState(resumed.optimizer);
    const { plan, dispatchCount } = trainer.program;
    const parameters = trainer.network.store.parameterCount.toLocaleString('en');
    this.say(`network: ${parameters} parameters, ${dispatchCount} dispatches per step; adapter: ${this.adapterName()}`);
    this.say(
      `memory: planned peak ${mebibytes(plan.peakBytes)} (one buffer per tensor would take ${mebibytes(plan.naiveBytes)}), in all ${mebibytes(this.device.allocatedBytes)}`,
    );
    return trainer;
  }

  private openLoader(trainer: Trainer, first: number): BatchLoader {
    const { train, model } = this.options.config;
    const setup: BatchSetup = { ...this.data.train, batch: train.batch, levels: model.deepSupervision ? 5 : 1 };
    return new BatchLoader({
      module: siblingModule('./draw-batches.node', import.meta.url),
      setup,
      length: trainer.layout.length,
      first,
      workers: train.workers,
    });
  }

  private adapterName(): string {
    const { vendor, description, device } = this.device.adapter;
    return description || `${vendor} ${device}`;
  }
}
