// What a run measures, as rows; the text forms of the rows; and what is drawn from them.
import { UserError } from '../errors.js';
import type { Curve, Panel } from './progress-svg.js';

/** One measurement. Values are numbers by name, e.g. `loss`, `learningRate`; `loss` is the name that is drawn. */
export interface MetricRow {
  /** Updates done when it was measured. */
  readonly step: number;
  readonly phase: 'train' | 'validation';
  /** Unix time, seconds. */
  readonly time: number;
  readonly values: Readonly<Record<string, number>>;
}

/** One line of metrics.ndjson, with the line end. NaN and infinities become null, as JSON has neither. */
export function metricLine({ step, phase, time, values }: MetricRow): string {
  return `${JSON.stringify({ step, phase, time, ...values })}\n`;
}

/**
 * The rows of metrics.ndjson up to a step. A last line without line end is what an interrupted run leaves, and is dropped.
 *
 * @throws UserError where another line is not a row
 */
export function parseMetrics(text: string, lastStep: number, file: string): MetricRow[] {
  return text
    .split('\n')
    .slice(0, -1)
    .map((line, i) => parseLine(line, `${file}: line ${i + 1}`))
    .filter(({ step }) => step <= lastStep);
}

function parseLine(line: string, place: string): MetricRow {
  const row = parseJsonObject(line);
  const { step, phase, time, ...values } = row ?? {};
  if (typeof step !== 'number' || typeof time !== 'number' || (phase !== 'train' && phase !== 'validation')) {
    throw new UserError(`${place} is not a row of metrics. Remove the line, or start the run anew with --overwrite.`);
  }
  const numbers = Object.entries(values).map(([name, value]) => [name, typeof value === 'number' ? value : NaN] as const);
  return { step, phase, time, values: Object.fromEntries(numbers) };
}

function parseJsonObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : null;
  } catch {
    return null;
  }
}

/** TensorBoard tags: `train/loss`, `validation/dice`. */
export function taggedValues({ phase, values }: MetricRow): Record<string, number> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`${phase}/${name}`, value]));
}

/** Collects rows into what results.csv and progress.svg show. */
export class MetricHistory {
  private readonly results: Record<string, number>[] = [];
  private readonly curves = new Map<string, [step: number, value: number][]>();
  private sums = new Map<string, { sum: number; count: number }>(); // of the training rows since the last validation

  add(row: MetricRow): void {
    if (row.phase === 'train') this.addTrain(row);
    else this.addValidation(row);
  }

  /** One row per validation: the step, the means of the training values since the row before, the validation's values. */
  csv(): string {
    const columns = [...new Set(this.results.flatMap((result) => Object.keys(result)))];
    const lines = this.results.map((result) => columns.map((column) => result[column] ?? '').join(','));
    return `${[columns.join(','), ...lines].join('\n')}\n`;
  }

  /** Losses left, the validation's other values right. */
  panels(): Panel[] {
    const curves = [...this.curves].map(([name, points]): Curve => ({ name, points, noisy: name === 'train/loss' }));
    const isLoss = ({ name }: Curve): boolean => /loss$/i.test(name);
    const scores = curves.filter((curve) => !isLoss(curve)).map((curve) => ({ ...curve, name: curve.name.replace('validation/', '') }));
    return [
      { title: 'loss', curves: curves.filter(isLoss), logarithmic: true },
      { title: 'validation on synthetic microcalcifications', curves: scores, logarithmic: false },
    ];
  }

  private addTrain({ step, values }: MetricRow): void {
    for (const [name, value] of Object.entries(values)) {
      const { sum, count } = this.sums.get(name) ?? { sum: 0, count: 0 };
      this.sums.set(name, { sum: sum + value, count: count + 1 });
    }
    if (values.loss !== undefined) this.extend('train/loss', step, values.loss);
  }

  private addValidation({ step, values }: MetricRow): void {
    const means = [...this.sums].map(([name, { sum, count }]) => [`train/${name}`, sum / count] as const);
    const measured = Object.entries(values).map(([name, value]) => [`validation/${name}`, value] as const);
    this.results.push({ step, ...Object.fromEntries(means), ...Object.fromEntries(measured) });
    this.sums = new Map();
    for (const [name, value] of measured) this.extend(name, step, value);
  }

  private extend(name: string, step: number, value: number): void {
    const points = this.curves.get(name) ?? [];
    this.curves.set(name, points);
    points.push([step, value]);
  }
}
