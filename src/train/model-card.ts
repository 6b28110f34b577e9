import type { MarkingPoint, MarkingRates } from './choose-thresholds.js';
import type { PatchFigures } from './validation.js';

interface CardFacts {
  readonly data: string;
  readonly training: {
    readonly dataHash: string;
    readonly seed: number;
    readonly steps: number;
    readonly commit: string | null;
    readonly adapter: string;
    /** sha256 of the model file whose weights it began with; null: random ones. */
    readonly startedFrom: string | null;
  };
  /** Which table of kernel choices was in use; null without one. */
  readonly tuning: string | null;
  readonly figures: PatchFigures;
  readonly point: MarkingPoint | null;
  readonly rates: MarkingRates;
}

interface CalibrationFacts {
  readonly patches: number;
  readonly seed: number;
  readonly figures: PatchFigures;
  readonly point: MarkingPoint | null;
  readonly rates: MarkingRates;
}

/** What a later calibration adds to the card. */
export function calibrationLine({ patches, seed, figures, point, rates }: CalibrationFacts): string {
  return `- Calibrated again on ${patches} samples of held-back backgrounds, seed ${seed}: ${measured(figures)} ${describeMarks(point, rates)}`;
}

// Few patches may hold no calcification, or one class only.
const percent = (value: number): string => (Number.isNaN(value) ? 'unknown' : `${(100 * value).toFixed(1)} %`);
const area = (value: number): string => (Number.isNaN(value) ? 'unknown' : value.toFixed(3));

function measured(figures: PatchFigures): string {
  return `sensitivity ${percent(figures.sensitivity)} at 0.5 false positives per patch; area under the ROC curve ${area(figures.aucPresent)} for MCs present, ${area(figures.aucMalignant)} for malignant-like among them; Dice ${figures.dice.toFixed(3)}, precision ${percent(figures.precision)}, recall ${percent(figures.recall)}.`;
}

function describeMarks(point: MarkingPoint | null, { falsePositives, groupFalsePositives }: MarkingRates): string {
  if (!point) return 'Nothing was found on the samples; threshold 0.5 stands in.';
  const { threshold, groupThreshold, sensitivity } = point;
  const found = `sensitivity ${percent(sensitivity)} at ${point.falsePositives.toFixed(3)} false positives per patch`;
  return `Threshold ${threshold.toFixed(4)}, in groups ${groupThreshold.toFixed(4)}: ${found} (asked: at most ${falsePositives} without the groups, ${groupFalsePositives} with them).`;
}

/** The model card of a run, Markdown: what it was trained on, what was measured, what it must not be used for. */
export function modelCard({ data, training, tuning, figures, point, rates }: CardFacts): string {
  const { dataHash, seed, steps, commit, adapter, startedFrom } = training;
  return `# mcgpu model

Research use only - not a medical device.

Finds microcalcifications on mammograms. Trained without annotations: every calcification it saw was synthetic.

- Data: ${data} (data hash ${dataHash}).
- Training: ${steps} steps${startedFrom === null ? '' : ` from the weights of the model with sha256 ${startedFrom}`}, seed ${seed}, commit ${commit ?? 'unknown'}, adapter ${adapter}${tuning === null ? '' : `, kernels tuned: table ${tuning}`}.
- Scores calibrated, threshold chosen and measured on synthetic calcifications in held-back images (rule B, 0.49 mm): ${measured(figures)} ${describeMarks(point, rates)}
- Limits: figures on synthetic calcifications are no clinical performance. Benign-like and malignant-like are the generator's priors, not pathology.
`;
}
