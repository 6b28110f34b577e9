// Does the generator betray itself? A classifier looks at the rings around insertions, the calcifications covered, and should be at a loss.
import { Bootstrap, interval, REPLICATES } from '../evaluate/bootstrap.js';
import { Ranking } from '../evaluate/ranking.js';
import type { Device } from '../runtime/device.js';
import type { BackgroundSource } from '../synth/background.js';
import type { SynthConfig } from '../synth/priors.js';
import { type Insertion, ringSample } from '../synth/ring.js';
import { classifyPatches, type LabelledPatch } from './patch-classifier.js';

export interface LeakTestOptions {
  readonly seed: number;
  /** Pairs (inserted and untouched) to train on, and to be scored. */
  readonly trainPairs: number;
  readonly testPairs: number;
  readonly steps: number;
  /** Bootstrap replicates of the interval. */
  readonly replicates?: number;
}

export interface LeakFigure {
  /** 0.5 = the classifier cannot tell. */
  readonly auc: number;
  /** 95 % by bootstrap over backgrounds; over pairs where there is one background alone. */
  readonly interval: readonly [low: number, high: number];
  /** Part of the pairs, same background, whose inserted patch scores higher; ties half. */
  readonly withinPairs: number;
}

export interface LeakReport {
  readonly seed: number;
  readonly trainPairs: number;
  readonly testPairs: number;
  /** Held-back backgrounds that the scored patches come from; the bootstrap draws among them. */
  readonly testBackgrounds: number;
  readonly steps: number;
  readonly generator: LeakFigure;
  /** The same with a leak put there on purpose (double blur around every insertion): what the test can find. */
  readonly planted: LeakFigure;
  readonly passed: boolean;
}

/** The generator passes below the first figure, if the same test finds the planted leak with the second. */
export const MOST_AUC = 0.55;
export const LEAST_PLANTED_AUC = 0.8;
/** Side of the patches, px. */
const SIDE = 64;
const BATCH = 16;
const LEARNING_RATE = 1e-2;
/** Added to the seed for the scored patches. */
const TEST_SEED = 1_000_000_007;

/**
 * Trains and scores the classifier twice: on the generator as it is, and with the planted leak.
 *
 * @param train backgrounds to train on
 * @param test held-back backgrounds, each by itself
 */
export async function testLeaks(
  device: Device,
  synth: SynthConfig,
  train: BackgroundSource,
  test: readonly BackgroundSource[],
  options: LeakTestOptions,
): Promise<LeakReport> {
  const { seed, trainPairs, testPairs, steps } = options;
  const config = { ...synth, patch: SIDE };
  const trained = drawRings(train, config, seed, trainPairs);
  const held = test.map((source, g) => drawRings(source, config, seed + TEST_SEED + g, Math.ceil((testPairs - g) / test.length)));
  const generator = await figureOf('inserted', device, trained, held, options);
  const planted = await figureOf('planted', device, trained, held, options);
  const passed = generator.auc <= MOST_AUC && planted.auc >= LEAST_PLANTED_AUC;
  return { seed, trainPairs, testPairs, testBackgrounds: test.length, steps, generator, planted, passed };
}

/** The patch and what of it is covered, for each way of inserting. */
type Rings = Readonly<Record<Insertion, Float32Array>>;

function drawRings(source: BackgroundSource, config: SynthConfig, seed: number, count: number): Rings[] {
  return Array.from({ length: count }, (_, i) => {
    const ring = (insertion: Insertion): Float32Array => {
      const { image, covered } = ringSample(source, config, seed, i, insertion);
      return Float32Array.from([...image.data, ...covered]);
    };
    return { untouched: ring('untouched'), inserted: ring('inserted'), planted: ring('planted') };
  });
}

async function figureOf(
  insertion: Insertion,
  device: Device,
  train: readonly Rings[],
  test: readonly (readonly Rings[])[],
  { seed, steps, replicates = REPLICATES }: LeakTestOptions,
): Promise<LeakFigure> {
  const labelled = (rings: readonly Rings[]): LabelledPatch[] =>
    rings.flatMap((ring) => [
      { values: ring.untouched, label: 0 },
      { values: ring[insertion], label: 1 },
    ]);
  const classifier = { channels: 2, side: SIDE, batch: BATCH, steps, learningRate: LEARNING_RATE, seed };
  const scores = await classifyPatches(device, classifier, labelled(train), labelled(test.flat()));
  // Scores come in the order of the patches: two of each pair, the untouched one first.
  const pairs = test.flatMap((rings, g) => rings.map(() => g));
  const owners = scores.map((_, i) => i >> 1);
  const labels = scores.map((_, i) => i % 2);
  const ranking = new Ranking(scores, labels, owners);
  const bootstrap = new Bootstrap(
    pairs.map((g, k) => String(test.length > 1 ? g : k)),
    { seed, replicates },
  );
  bootstrap.add('auc', (weights) => ranking.auc(weights));
  const auc = bootstrap.run().get('auc');
  const { low, high } = (auc && interval(auc.replicates)) ?? { low: NaN, high: NaN };
  const within = pairs.map((_, k) => 0.5 + 0.5 * Math.sign((scores[2 * k + 1] ?? NaN) - (scores[2 * k] ?? NaN)));
  return { auc: auc?.value ?? NaN, interval: [low, high], withinPairs: within.reduce((a, b) => a + b, 0) / pairs.length };
}
