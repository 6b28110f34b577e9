import { Presets, SingleBar } from 'cli-progress';

/** Where progress goes: standard error, so that standard output stays free for results. */
type Output = NodeJS.WritableStream & { isTTY?: boolean };

export interface ConsoleOptions {
  /** Steps of the whole run. */
  readonly total: number;
  /** Steps done before, on resume. */
  readonly first?: number;
  readonly output?: Output;
  /** Seconds between two lines where the output is not a terminal. */
  readonly everyS?: number;
  /** Seconds, from any start; tests replace it. */
  readonly now?: () => number;
}

/** Progress of a run: a bar on a terminal, else a plain line every few seconds; rate, time left and loss. */
export class ConsoleProgress {
  private readonly bar: SingleBar | undefined;
  private readonly output: Output;
  private readonly now: () => number;
  private readonly rate: StepRate;
  private lastLine: number;

  constructor(private readonly options: ConsoleOptions) {
    this.output = options.output ?? process.stderr;
    this.now = options.now ?? (() => performance.now() / 1000);
    this.lastLine = this.now();
    this.rate = new StepRate(options.first ?? 0, this.lastLine);
    if (!this.output.isTTY) return;
    const format = '{bar} {value}/{total} steps | {summary}';
    this.bar = new SingleBar({ format, stream: this.output, hideCursor: true, etaBuffer: 1 }, Presets.shades_classic);
    this.bar.start(options.total, options.first ?? 0, { summary: 'starting' });
  }

  /** @param step updates done @param loss of the last step that was read back */
  update(step: number, loss: number): void {
    const now = this.now();
    const perSecond = this.rate.at(step, now);
    const left = perSecond > 0 ? formatDuration((this.options.total - step) / perSecond) : '?';
    const summary = `${perSecond.toPrecision(3)} steps/s | ${left} left | loss ${loss.toPrecision(4)}`;
    this.bar?.update(step, { summary });
    if (this.bar || (now - this.lastLine < (this.options.everyS ?? 5) && step < this.options.total)) return;
    this.output.write(`step ${step}/${this.options.total} | ${summary}\n`);
    this.lastLine = now;
  }

  /** A line of its own, above the bar where there is one. */
  note(message: string): void {
    if (!this.bar) {
      this.output.write(`${message}\n`);
      return;
    }
    this.output.write(`\r\u001b[K${message}\n`); // erase the bar's line; the next update draws it below
  }

  stop(): void {
    this.bar?.stop();
  }
}

/** Steps per second over about the last 30 seconds, so that a slow start or a validation does not count for ever. */
class StepRate {
  private readonly marks: { step: number; time: number }[];

  constructor(step: number, time: number) {
    this.marks = [{ step, time }];
  }

  at(step: number, time: number): number {
    this.marks.push({ step, time });
    while (this.marks.length > 2 && time - (this.marks[0]?.time ?? time) > 30) this.marks.shift();
    const oldest = this.marks[0] ?? { step, time };
    return time > oldest.time ? (step - oldest.step) / (time - oldest.time) : 0;
  }
}

/** `45 s`, `12 min`, `3 h 05 min`. */
export function formatDuration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}
