// The demo: the main job from nothing, on generated phantoms. No figure of it says anything about clinical performance.
import { join } from 'node:path';
import { Detector, MIN_SCORE } from '../detect/detector.js';
import { findCandidates, type Candidate } from '../detect/candidates.js';
import { DOG_GRID, DogDetector } from '../detect/dog.js';
import { openInference } from '../detect/inference.js';
import { findingCalibration } from '../detect/score-calibration.js';
import { drawOverlay } from '../detect/overlay.js';
import { writePicture } from '../detect/overlay.node.js';
import {
  bestByFroc,
  chooseThreshold,
  frocCurve,
  operatingPointAt,
  RULE_B_RADIUS_MM,
  ruleB,
  type FrocImage,
  sensitivityAt,
} from '../evaluate/froc.js';
import { makeFolder, readWholeFile, writeFileAtomic } from '../files.node.js';
import { networkOf } from '../model/architecture.js';
import { readModelFile } from '../model/model-file.node.js';
import type { Device } from '../runtime/device.js';
import { openNodeDevice } from '../runtime/gpu.node.js';
import { DEMO_1 } from '../synth/demo-1.js';
import { phantomSource } from '../synth/phantom.js';
import { makeSample, type Sample } from '../synth/sample.js';
import { parseTrainConfig, type TrainConfig } from './config.js';
import { runTraining } from './run.node.js';

export interface DemoOptions {
  readonly out: string;
  /** One training per seed; the test patches are the same for all. */
  readonly seeds: readonly number[];
  readonly steps?: number | undefined;
  /** Patches without and with MCs: to set the threshold, and to test. */
  readonly validation?: number;
  readonly test?: number;
  readonly adapter?: string | undefined;
  readonly quiet?: boolean | undefined;
}

/** One detector on the test patches, at the threshold set on others. */
export interface DemoFigures {
  readonly threshold: number;
  /** Part of the MCs found, rule B (0.49 mm). */
  readonly sensitivity: number;
  readonly falsePositivesPerPatch: number;
  /** On the test patches' own curve, for comparison: highest sensitivity at no more than 0.5 false positives per patch. */
  readonly sensitivityAtHalf: number;
}

export interface DemoResult {
  readonly seed: number;
  readonly adapter: string;
  readonly network: DemoFigures;
  readonly differenceOfGaussians: DemoFigures;
  readonly trainingS: number;
  /** Share of the training's time spent waiting for samples. */
  readonly waitedForData: number;
}

/** Other lists of samples than any training seed stands for. */
const VALIDATION_SEED = 10_000_019;
const TEST_SEED = 20_000_003;
const PICTURE_SEED = 30_000_001;
const PICTURE_PATCH = 448;
const RULE = ruleB(RULE_B_RADIUS_MM / DEMO_1.pixelSpacingMm);
/** Set on the validation patches; well below the 0.5 that are allowed on the test patches, since 64 patches tell the rate only to about 0.1. */
const FALSE_POSITIVES = 0.3;

/** Training settings of the demo: small patches, a quick schedule, the compact network as it is. */
export function demoConfig(seed: number, steps = 240): TrainConfig {
  return parseTrainConfig(
    {
      train: {
        seed,
        steps,
        patch: 64,
        batch: 8,
        learningRate: 4e-3,
        warmup: 20,
        emaDecay: 0.98,
        validateEvery: Math.ceil(steps / 2),
        validationPatches: 48,
        calibrationPatches: 96,
        logEvery: 5,
        checkpointEvery: steps,
      },
    },
    'demo',
  );
}

/** Trains once per seed and writes into `out`: a run per seed, overlays, demo.json. */
export async function runDemo(options: DemoOptions): Promise<DemoResult[]> {
  await makeFolder(options.out);
  const validation = balanced(VALIDATION_SEED, options.validation ?? 64);
  const test = balanced(TEST_SEED, options.test ?? 256);
  const differenceOfGaussians = baseline(validation, test);
  const results: DemoResult[] = [];
  for (const seed of options.seeds) {
    const out = join(options.out, `seed-${seed}`);
    const startedAt = performance.now();
    const { run, waits } = await runTraining({
      data: 'phantom',
      out,
      config: demoConfig(seed, options.steps),
      mode: 'overwrite',
      adapter: options.adapter,
      quiet: options.quiet,
    });
    const trainingS = (performance.now() - startedAt) / 1000;
    const device = await openNodeDevice(options.adapter ? { adapter: options.adapter } : {});
    try {
      const network = await evaluate(device, run.model, validation, test);
      results.push({
        seed,
        adapter: device.adapterName,
        network,
        differenceOfGaussians,
        trainingS,
        waitedForData: waits.share,
      });
      if (results.length === 1) await drawPictures(device, run.model, network.threshold, options.out);
    } finally {
      device.destroy();
    }
  }
  await writeFileAtomic(
    join(options.out, 'demo.json'),
    `${JSON.stringify({ schema: 'mcgpu.demo/1', preset: 'demo-1', validationPatches: validation.length, testPatches: test.length, results }, null, 2)}\n`,
  );
  return results;
}

/** `count` samples of a seed, the first that come, half of them without MCs. */
function balanced(seed: number, count: number): Sample[] {
  const backgrounds = phantomSource(DEMO_1);
  const chosen: Sample[] = [];
  const left = { without: count / 2, with: count / 2 };
  for (let i = 0; left.without + left.with > 0; i++) {
    const sample = makeSample(backgrounds, DEMO_1, seed, i);
    const kind = sample.mcs.length === 0 ? 'without' : 'with';
    if (left[kind] === 0) continue;
    left[kind]--;
    chosen.push(sample);
  }
  return chosen;
}

function asFroc(samples: readonly Sample[], detections: readonly (readonly Candidate[])[]): FrocImage[] {
  return samples.map(({ mcs }, i) => ({ detections: detections[i] ?? [], marks: mcs }));
}

function figuresOn(validation: readonly FrocImage[], test: readonly FrocImage[]): DemoFigures {
  const threshold = chooseThreshold(frocCurve(validation, RULE), FALSE_POSITIVES)?.threshold ?? 1;
  const curve = frocCurve(test, RULE);
  const { sensitivity, fpPerImage } = operatingPointAt(curve, threshold);
  return { threshold, sensitivity, falsePositivesPerPatch: fpPerImage, sensitivityAtHalf: sensitivityAt(curve, 0.5) };
}

/** The difference-of-Gaussians detector with the settings that do best on the validation patches. */
function baseline(validation: readonly Sample[], test: readonly Sample[]): DemoFigures {
  const detectors = (samples: readonly Sample[]): DogDetector[] =>
    samples.map(({ image }) => new DogDetector(image, DEMO_1.pixelSpacingMm));
  const onValidation = detectors(validation);
  const best = bestByFroc(
    DOG_GRID,
    (settings) =>
      asFroc(
        validation,
        onValidation.map((d) => d.candidates(settings)),
      ),
    RULE,
    FALSE_POSITIVES,
  );
  if (!best) throw new Error('demo: the baseline has no settings to choose from.');
  const detect = (all: readonly DogDetector[]): Candidate[][] => all.map((d) => d.candidates(best.settings));
  return figuresOn(asFroc(validation, detect(onValidation)), asFroc(test, detect(detectors(test))));
}

async function evaluate(device: Device, modelPath: string, validation: readonly Sample[], test: readonly Sample[]): Promise<DemoFigures> {
  const file = await readModelFile(modelPath);
  const { model, arrays } = networkOf(file, modelPath);
  const { pixelSpacingMm } = DEMO_1;
  const inference = openInference(device, model, file.info.window);
  inference.load(arrays);
  const detect = async (samples: readonly Sample[]): Promise<FrocImage[]> => {
    const found: Candidate[][] = [];
    for (const { image } of samples) {
      const { maps } = await inference.run(image);
      found.push(findCandidates(maps, { pixelSpacingMm, minScore: MIN_SCORE, calibration: findingCalibration(file.info) }));
    }
    return asFroc(samples, found);
  };
  return figuresOn(await detect(validation), await detect(test));
}

/** Overlays of phantoms larger than a patch that no training saw, through the same path as `mcgpu detect`. */
async function drawPictures(device: Device, modelPath: string, threshold: number, out: string): Promise<void> {
  const detector = Detector.open(device, await readWholeFile(modelPath), modelPath);
  const config = { ...DEMO_1, patch: PICTURE_PATCH, positiveFraction: 1 };
  const backgrounds = phantomSource(config);
  for (let i = 0; i < 3; i++) {
    const { raw } = makeSample(backgrounds, config, PICTURE_SEED, i);
    const mammogram = {
      image: raw,
      pixelSpacingMm: [config.pixelSpacingMm, config.pixelSpacingMm] as const,
      bitDepth: 12,
      laterality: null,
      viewPosition: null,
      intensityDomain: 'unknown' as const,
      burnedIn: false,
      warnings: [],
    };
    const { found } = await detector.detect(mammogram, `phantom ${i}`, { threshold });
    await writePicture(join(out, `phantom-${i}-overlay.png`), drawOverlay(raw, found));
  }
  detector.destroy();
}
