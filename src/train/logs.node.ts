import { closeSync, fsyncSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { explainFileError, makeFolder, readWholeFile, writeFileAtomic } from '../files.node.js';
import { metricLine, MetricHistory, parseMetrics, taggedValues, type MetricRow } from './logs.js';
import { progressSvg } from './progress-svg.js';
import { fileVersionRecord, scalarsRecord } from './tensorboard.js';

/** Paths of the logs of a run (see RunDirectory). */
export interface LogPaths {
  readonly metrics: string;
  readonly results: string;
  /** A folder. */
  readonly tensorboard: string;
  readonly progress: string;
}

const FOOTER = 'Measured on synthetic microcalcifications, no clinical performance. Research use only - not a medical device';

/**
 * metrics.ndjson and tensorboard/ grow with every row; results.csv and progress.svg are written anew after each validation.
 * The rows in metrics.ndjson are the truth: on resume all else is rebuilt from those up to the checkpoint, so that an interrupted
 * run leaves the same logs as an uninterrupted one, times apart.
 */
export class RunLogs {
  private readonly history = new MetricHistory();

  private constructor(
    private readonly paths: LogPaths,
    private readonly title: string,
    private readonly metrics: AppendFile,
    private readonly events: AppendFile,
  ) {}

  /**
   * @param title heading of progress.svg
   * @param resumeStep step of the checkpoint to go on from: later rows are dropped; null begins anew
   * @throws UserError where a log cannot be read or written
   */
  static async open(paths: LogPaths, title: string, resumeStep: number | null): Promise<RunLogs> {
    const rows = resumeStep === null ? [] : await readRows(paths.metrics, resumeStep);
    await writeFileAtomic(paths.metrics, rows.map(metricLine).join(''));
    const eventFile = await rewriteEvents(paths.tensorboard, rows);
    const logs = new RunLogs(paths, title, new AppendFile(paths.metrics), new AppendFile(eventFile));
    for (const row of rows) logs.history.add(row);
    await logs.redraw();
    return logs;
  }

  /** @param values by name; `loss` is drawn */
  train(step: number, values: Readonly<Record<string, number>>): void {
    this.append({ step, phase: 'train', time: Date.now() / 1000, values });
  }

  /** Also writes results.csv and progress.svg. @param values by name; those ending in `loss` are drawn with the losses */
  async validation(step: number, values: Readonly<Record<string, number>>): Promise<void> {
    this.append({ step, phase: 'validation', time: Date.now() / 1000, values });
    await this.redraw();
  }

  /** Puts the rows on the disk; to be called before a checkpoint is written, so that its rows are there when it is resumed. */
  sync(): void {
    this.metrics.sync();
    this.events.sync();
  }

  async close(): Promise<void> {
    this.metrics.close();
    this.events.close();
    await this.redraw();
  }

  private append(row: MetricRow): void {
    this.metrics.append(metricLine(row));
    this.events.append(scalarsRecord(row.time, row.step, taggedValues(row)));
    this.history.add(row);
  }

  private async redraw(): Promise<void> {
    await writeFileAtomic(this.paths.results, this.history.csv());
    await writeFileAtomic(this.paths.progress, progressSvg(this.title, this.history.panels(), FOOTER));
  }
}

async function readRows(file: string, lastStep: number): Promise<MetricRow[]> {
  return parseMetrics(new TextDecoder().decode(await readWholeFile(file)), lastStep, file);
}

/** The folder's one event file, with just these rows; earlier files are removed, as TensorBoard would show both. */
async function rewriteEvents(folder: string, rows: readonly MetricRow[]): Promise<string> {
  await makeFolder(folder);
  const start = rows[0]?.time ?? Date.now() / 1000;
  const file = join(folder, `events.out.tfevents.${Math.floor(start)}.mcgpu`);
  const records = [fileVersionRecord(start), ...rows.map((row) => scalarsRecord(row.time, row.step, taggedValues(row)))];
  await writeFileAtomic(file, Buffer.concat(records));
  for (const name of readdirSync(folder)) if (name.includes('tfevents') && join(folder, name) !== file) rmSync(join(folder, name));
  return file;
}

/** A file that only grows. */
class AppendFile {
  private readonly descriptor: number;

  constructor(private readonly path: string) {
    this.descriptor = this.explained(() => openSync(path, 'a'));
  }

  append(data: string | Uint8Array): void {
    const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data;
    this.explained(() => {
      for (let done = 0; done < bytes.length;) done += writeSync(this.descriptor, bytes, done);
    });
  }

  sync(): void {
    this.explained(() => {
      fsyncSync(this.descriptor);
    });
  }

  close(): void {
    closeSync(this.descriptor);
  }

  private explained<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      throw explainFileError(error, this.path, 'write');
    }
  }
}
