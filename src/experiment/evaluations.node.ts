// Annotated sets that every model of an experiment is measured on besides synthetic samples.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Figure } from '../evaluate/figures.js';
import type { MetricsFile } from '../evaluate/metrics-file.js';
import { evaluateSet } from '../evaluate/run.node.js';
import { PIXEL_THRESHOLD } from '../evaluate/make-case.js';
import type { Device } from '../runtime/device.js';
import { currentCommit } from '../train/run-directory.node.js';
import { setName, type EvaluationSet } from './plan.js';

/** A set, and where it lies. */
export interface LocatedSet extends EvaluationSet {
  readonly data: string;
}

/** What one model does on one set; null where the set cannot say. */
export interface SetFigures {
  readonly set: string;
  readonly dataHash: string;
  readonly aucPresent: Figure;
  readonly aucMalignant: Figure;
  readonly aucMalignantBiopsied: Figure | null;
  readonly aucMalignantWithinArea: Figure | null;
  /** Of single calcifications, rule B, at one false positive per image. */
  readonly sensitivityAt1: Figure | null;
}

const REPLICATES = 1000;

/** @param folder of the run: the whole evaluation, with its report, is left in a folder below it */
export async function evaluateOn(device: Device, set: LocatedSet, model: string, folder: string, seed: number): Promise<SetFigures> {
  const out = join(folder, `evaluation-${setName(set).replaceAll(' ', '-')}`);
  const metrics = await evaluateSet(device, {
    ...set,
    out,
    model,
    modelName: 'model.safetensors',
    seed,
    replicates: REPLICATES,
    pixelThreshold: PIXEL_THRESHOLD,
    mode: existsSync(join(out, 'metrics.json')) ? 'overwrite' : 'resume',
    lockTest: false,
    commit: await currentCommit(),
    say: () => undefined,
    onImage: () => undefined,
  });
  return figuresOf(set, metrics);
}

function figuresOf(set: EvaluationSet, { data, models: [model] }: MetricsFile): SetFigures {
  const { present, malignant, malignantBiopsied, malignantWithinAreaQuintiles, objects } = model!.evaluation;
  const ruleB = objects.find(({ rule }) => rule.startsWith('B'));
  return {
    set: setName(set),
    dataHash: data.dataHash,
    aucPresent: present.auc,
    aucMalignant: malignant.auc,
    aucMalignantBiopsied: malignantBiopsied?.auc ?? null,
    aucMalignantWithinArea: malignantWithinAreaQuintiles,
    sensitivityAt1: ruleB?.perImage.find(({ falsePositives }) => falsePositives === 1)?.sensitivity ?? null,
  };
}
