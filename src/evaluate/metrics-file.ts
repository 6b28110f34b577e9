import type { DatasetName } from '../data/sets/annotated-set.js';
import type { Comparison, Evaluation } from './evaluation.js';
import type { FailedImage } from './predictions.node.js';

/** One model's figures, and the images that it could not be given. */
export interface ModelResult {
  readonly file: string;
  readonly sha256: string;
  readonly architecture: string;
  readonly pixelSpacingMm: number;
  /** From which score on findings are marked, and those in groups (src/detect/marking.ts). */
  readonly threshold: number;
  readonly groupThreshold: number;
  readonly evaluation: Evaluation;
  readonly failures: readonly FailedImage[];
}

/** metrics.json: which models on which data, and how: enough to repeat it. */
export interface MetricsFile {
  readonly schema: 'mcgpu.evaluation/1';
  readonly notice: string;
  readonly time: string;
  readonly commit: string | null;
  readonly adapter: string;
  readonly data: {
    readonly dataset: DatasetName;
    readonly split: string;
    readonly dataHash: string;
    /** Looks at this test set so far, where a ledger counts them. */
    readonly looks: number | null;
    readonly problems: readonly string[];
    readonly notes: readonly string[];
  };
  readonly bootstrap: { readonly over: 'patients'; readonly replicates: number; readonly seed: number; readonly coverage: 0.95 };
  readonly pixelThreshold: number;
  /** One, or two that are compared: the second minus the first. */
  readonly models: readonly ModelResult[];
  readonly comparison: readonly Comparison[];
}
