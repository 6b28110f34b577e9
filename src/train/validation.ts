import type { GrayImage } from '../data/image.js';
import { findCandidates, type Candidate } from '../detect/candidates.js';
import { MIN_SCORE } from '../detect/detector.js';
import { gatherEvidence, type Evidence } from '../detect/evidence.js';
import { scoreImage } from '../detect/image-scores.js';
import type { Inference } from '../detect/inference.js';
import type { ProbabilityMaps } from '../detect/maps.js';
import { findingCalibration } from '../detect/score-calibration.js';
import { frocCurve, RULE_B_RADIUS_MM, ruleB, sensitivityAt, type FrocCurve, type FrocImage } from '../evaluate/froc.js';
import { localise, type Localisation } from '../evaluate/localisation.js';
import type { ModelInfo } from '../model/model-file.js';
import { countOverlap, overlap, poolCounts, rocAuc, type Counts } from '../evaluate/metrics.js';

/** A patch whose truth is known; the synth room's `Sample` is one. */
export interface LabelledPatch {
  readonly image: GrayImage;
  /** Segmentation truth: benign-like, malignant-like. */
  readonly masks: readonly Uint8Array[];
  /** 1 = a bright spot of the unlabelled background, which may be a real calcification: what is found there is neither right nor wrong. */
  readonly ignore: Uint8Array;
  readonly classIndex: number;
  /** Centres, px of the patch. */
  readonly mcs: readonly { readonly x: number; readonly y: number }[];
}

export interface PatchFigures {
  /** Rule B, 0.49 mm; images are patches. */
  readonly froc: FrocCurve;
  /** Sensitivity at 0.5 false positives per patch. */
  readonly sensitivity: number;
  /** Mean sensitivity at 0.125, 0.25, 0.5, 1 and 2 false positives per patch: steadier than one point, used to pick the best step. */
  readonly meanSensitivity: number;
  /** Area under the ROC curve of mcScore: patches with MCs against those without. */
  readonly aucPresent: number;
  /** The same of malignancyScore among patches with MCs: malignant-like against benign-like. */
  readonly aucMalignant: number;
  /** Of all pixels at p >= 0.5, classes together. */
  readonly precision: number;
  readonly recall: number;
  readonly dice: number;
}

interface Point {
  readonly x: number;
  readonly y: number;
}

const FALSE_POSITIVES = [0.125, 0.25, 0.5, 1, 2];

/** A patch's findings and scores beside its truth. */
export interface PatchScores extends FrocImage {
  /** Of pixels at p >= 0.5, classes together. */
  readonly counts: Counts;
  readonly mcScore: number;
  readonly malignancyScore: number;
  readonly classIndex: number;
  /** Where the maps, classes together, lie; null without MCs. */
  readonly located: Localisation | null;
}

/** What a detector makes of one labelled patch, and what its scores are made of. */
export interface PatchResult extends PatchScores {
  readonly detections: readonly Candidate[];
  readonly evidence: Evidence;
  readonly classLogits: Float64Array;
}

/** Runs the detector on labelled patches and compares, object by object and pixel by pixel. */
export async function evaluatePatches(
  inference: Inference,
  patches: readonly LabelledPatch[],
  pixelSpacingMm: number,
): Promise<PatchFigures> {
  return patchFigures(await detectPatches(inference, patches, pixelSpacingMm), pixelSpacingMm);
}

export function patchFigures(results: readonly PatchScores[], pixelSpacingMm: number): PatchFigures {
  const froc = frocCurve(results, ruleB(RULE_B_RADIUS_MM / pixelSpacingMm));
  return { ...figuresOf(froc), ...classFigures(results), ...overlap(poolCounts(results.map(({ counts }) => counts))) };
}

export interface PatchOptions {
  /** Whose scores; default: not calibrated. */
  readonly info?: Pick<ModelInfo, 'scores' | 'findingScore'>;
  readonly minScore?: number;
}

export async function detectPatches(
  inference: Inference,
  patches: readonly LabelledPatch[],
  pixelSpacingMm: number,
  { info = {}, minScore = MIN_SCORE }: PatchOptions = {},
): Promise<PatchResult[]> {
  const results: PatchResult[] = [];
  const radius = RULE_B_RADIUS_MM / pixelSpacingMm;
  for (const { image, masks, ignore, mcs, classIndex } of patches) {
    const { maps, classLogits } = await inference.run(image);
    const candidates = findCandidates(maps, { pixelSpacingMm, minScore, calibration: findingCalibration(info) });
    const isCounted = ({ x, y }: Point): boolean =>
      ignore[Math.round(y) * image.width + Math.round(x)] !== 1 || mcs.some((mc) => Math.hypot(mc.x - x, mc.y - y) <= radius);
    const truth = masks.reduce((all, m) => all.map((v, i) => v | (m[i] ?? 0)), new Uint8Array(image.data.length));
    const detections = candidates.filter(isCounted);
    const evidence = gatherEvidence(detections, { ...image, pixelSpacingMm });
    const heat = anyMc(maps);
    results.push({
      detections,
      marks: mcs,
      counts: countOverlap(
        heat.map((p) => (p >= 0.5 ? 1 : 0)),
        truth,
      ),
      located: mcs.length === 0 ? null : localise(heat, { width: image.width, mask: truth, mcs, tolerance: radius }),
      ...{ evidence, classLogits, ...scoreImage(evidence, classLogits, info.scores ?? null), classIndex },
    });
  }
  return results;
}

function figuresOf(froc: FrocCurve): Pick<PatchFigures, 'froc' | 'sensitivity' | 'meanSensitivity'> {
  const mean = FALSE_POSITIVES.reduce((sum, fp) => sum + sensitivityAt(froc, fp), 0) / FALSE_POSITIVES.length;
  return { froc, sensitivity: sensitivityAt(froc, 0.5), meanSensitivity: mean };
}

function classFigures(results: readonly PatchScores[]): Pick<PatchFigures, 'aucPresent' | 'aucMalignant'> {
  const positive = results.filter((s) => s.classIndex > 0);
  return {
    aucPresent: rocAuc(
      results.map((s) => s.mcScore),
      results.map((s) => (s.classIndex > 0 ? 1 : 0)),
    ),
    aucMalignant: rocAuc(
      positive.map((s) => s.malignancyScore),
      positive.map((s) => (s.classIndex === 2 ? 1 : 0)),
    ),
  };
}

/** Probability of an MC of either class, taken as independent. */
function anyMc({ benignLike, malignantLike }: ProbabilityMaps): Float32Array {
  return benignLike.map((b, i) => 1 - (1 - b) * (1 - (malignantLike[i] ?? 0)));
}
