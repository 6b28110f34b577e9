import type { EvaluatedCase } from './case.js';
import type { Figure, FigureBook } from './figures.js';
import { overlap, type Counts, type Overlap } from './metrics.js';

/** Segmentation, over the images whose marks all have an extent; counts are summed over images before a ratio is taken. */
export interface PixelFigures {
  readonly images: number;
  /** Images with a mark that is a single point. */
  readonly leftOut: number;
  readonly threshold: number;
  readonly precision: Figure;
  readonly recall: Figure;
  readonly dice: Figure;
  readonly iou: Figure;
  /** Mean over marks of the IoU with what was segmented at them, missed ones as 0; and over those that were touched. */
  readonly objects: { readonly marks: number; readonly touched: number; readonly iou: Figure; readonly iouOfTouched: Figure };
}

export function pixelFigures(book: FigureBook, every: readonly EvaluatedCase[], threshold: number): () => PixelFigures {
  const counts = every.map(({ result }) => result.pixels);
  const ious = every.map(({ result }) => result.objectIous);
  const ratio = (key: keyof Overlap): (() => Figure) =>
    book.ask(
      `pixels: ${key}`,
      (w) => {
        const { tp, fp, fn, tn } = weighted(counts, w);
        return tp + fn === 0 ? NaN : overlap({ tp, fp, fn, tn })[key];
      },
      'no mark with an extent',
    );
  const [precision, recall, dice, iou] = (['precision', 'recall', 'dice', 'iou'] as const).map(ratio);
  const all = book.ask('objects: IoU', (w) => meanOf(ious, w, () => true), 'no mark with an extent');
  const touched = book.ask('objects: IoU of touched', (w) => meanOf(ious, w, (v) => v > 0), 'nothing was touched');
  return () => ({
    images: counts.filter((c) => c !== null).length,
    leftOut: every.filter(({ result }) => result.marks && !result.pixels).length,
    threshold,
    precision: precision!(),
    recall: recall!(),
    dice: dice!(),
    iou: iou!(),
    objects: { marks: ious.flat().length, touched: ious.flat().filter((v) => v > 0).length, iou: all(), iouOfTouched: touched() },
  });
}

function weighted(counts: readonly (Counts | null)[], weights: Float64Array): Counts {
  const sum = (key: keyof Counts): number => counts.reduce((total, c, i) => total + (c ? weights[i]! * c[key] : 0), 0);
  return { tp: sum('tp'), fp: sum('fp'), fn: sum('fn'), tn: sum('tn') };
}

function meanOf(values: readonly (readonly number[])[], weights: Float64Array, counts: (value: number) => boolean): number {
  let [sum, total] = [0, 0];
  for (const [i, own] of values.entries())
    for (const value of own) {
      if (!counts(value)) continue;
      sum += weights[i]! * value;
      total += weights[i]!;
    }
  return sum / total;
}
