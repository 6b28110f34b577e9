import type { Mammogram } from '../data/mammogram.js';
import { preprocess, type Preprocessed } from '../data/preprocess.js';
import { networkOf } from '../model/architecture.js';
import { decodeModelFile, type ModelInfo } from '../model/model-file.js';
import type { Device } from '../runtime/device.js';
import { findCandidates } from './candidates.js';
import { gatherEvidence } from './evidence.js';
import { buildImageFindings, type ImageFindings } from './findings.js';
import { scoreImage } from './image-scores.js';
import { openInference, type Inference, type InferenceOptions } from './inference.js';
import type { ProbabilityMaps } from './maps.js';
import { chosenThresholds } from './marking.js';
import { findingCalibration } from './score-calibration.js';

export interface DetectOptions {
  /** Candidates with a lower score are not listed. */
  readonly minScore?: number;
  /** From which score on findings are marked; default: the model's. */
  readonly threshold?: number | undefined;
  /** The same of those in groups; default: the model's, or `threshold` where that is given. */
  readonly groupThreshold?: number | undefined;
  readonly onTile?: (done: number, total: number) => void;
}

export interface DetectedMammogram {
  readonly found: ImageFindings;
  /** On the working grid; `scale` = original px per working px. */
  readonly maps: ProbabilityMaps;
  /** 1 = breast, on the working grid. */
  readonly breast: Uint8Array;
  readonly scale: Preprocessed['scale'];
}

/** Lowest score that is listed. */
export const MIN_SCORE = 0.01;

/** A model file on a device: finds microcalcifications in whole mammograms. */
export class Detector {
  private constructor(
    readonly info: ModelInfo,
    private readonly inference: Inference,
  ) {}

  /**
   * @param file how error messages call the model file
   * @throws UserError for a damaged or foreign model file
   */
  static open(device: Device, bytes: Uint8Array, file: string, options: InferenceOptions = {}): Detector {
    const modelFile = decodeModelFile(bytes, file);
    const { model, arrays } = networkOf(modelFile, file);
    const inference = openInference(device, model, modelFile.info.window, options);
    inference.load(arrays);
    return new Detector(modelFile.info, inference);
  }

  /**
   * Findings, clusters and scores of one mammogram, in original pixels.
   * @param file name that stands in the findings
   */
  async detect(
    mammogram: Mammogram,
    file: string,
    { minScore = MIN_SCORE, onTile, ...given }: DetectOptions = {},
  ): Promise<DetectedMammogram> {
    const { pixelSpacingMm } = this.info;
    const { image, breast, scale, warnings } = preprocess(mammogram, this.info);
    const { maps, classLogits } = await this.inference.run(image, breast, onTile);
    const calibration = findingCalibration(this.info);
    const all = findCandidates(maps, { pixelSpacingMm, minScore: Math.min(minScore, MIN_SCORE), calibration, breast });
    const evidence = gatherEvidence(all, { ...image, breast, pixelSpacingMm });
    const scores = scoreImage(evidence, classLogits, this.info.scores ?? null);
    const candidates = all.filter(({ score }) => score >= minScore);
    const spacing = mammogram.pixelSpacingMm ?? [pixelSpacingMm, pixelSpacingMm];
    const { width, height } = mammogram.image;
    const found = buildImageFindings(
      { file, width, height, pixelSpacingMm: spacing, scale, candidates, scores, warnings: [...mammogram.warnings, ...warnings] },
      chosenThresholds(this.info, given),
    );
    return { found, maps, breast, scale };
  }

  destroy(): void {
    this.inference.destroy();
  }
}
