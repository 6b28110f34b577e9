import { describe, expect, it } from 'vitest';
import { calibratedScore, findingCalibration } from '../../src/detect/score-calibration.js';
import type { Inference } from '../../src/detect/inference.js';
import { createMaps } from '../../src/detect/maps.js';
import { imageScores } from '../../src/detect/score.js';
import { COMPACT } from '../../src/model/config.js';
import { resnet22 } from '../../src/model/resnet22.js';
import { unet3plus } from '../../src/model/unet3plus.js';
import { Random } from '../../src/random.js';
import { calibrate } from '../../src/train/calibrate.js';
import type { LabelledPatch } from '../../src/train/validation.js';

const SIDE = 64;
const MODEL = unet3plus(COMPACT);

interface Spot {
  readonly x: number;
  readonly y: number;
  /** Log odds of the map's peak, before cooling. */
  readonly logit: number;
}

interface Scene extends LabelledPatch {
  readonly spots: readonly Spot[];
  readonly odds: number;
}

/** Half of the patches hold calcifications; spots of log odds 8 s are real in `logistic(4 s - 2)` of the cases. */
function scenes(count: number): Scene[] {
  const random = new Random(11);
  return Array.from({ length: count }, (_, i) => {
    const classIndex = i % 2 === 0 ? 0 : i % 4 === 1 ? 1 : 2;
    const places = [8, 24, 40, 56].flatMap((y) => [8, 24, 40, 56].map((x) => ({ x, y })));
    const spots = places.map((place) => ({ ...place, logit: 8 * random.uniform(-1, 1) }));
    const mcs = classIndex === 0 ? [] : spots.filter(({ logit }) => random.next() < 1 / (1 + Math.exp(2 - logit / 2)));
    return {
      image: { width: SIDE, height: SIDE, data: new Float32Array(SIDE * SIDE) },
      masks: [new Uint8Array(SIDE * SIDE), new Uint8Array(SIDE * SIDE)],
      ignore: new Uint8Array(SIDE * SIDE),
      classIndex: mcs.length === 0 ? 0 : classIndex,
      mcs,
      spots,
      odds: (classIndex === 2 ? 1 : -1) + random.normal(),
    };
  });
}

/** Stands in for the network: draws the scene's spots; a fused layer divided by 4 divides their log odds by 4. */
function fakeInference(all: readonly Scene[]): { inference: Inference; loaded: Float32Array[] } {
  const loaded: Float32Array[] = [];
  let temperature = 1;
  const inference = {
    load(arrays: ReadonlyMap<string, Float32Array>) {
      const fused = arrays.get('fused.weight') ?? new Float32Array([NaN]);
      loaded.push(fused);
      temperature = 1 / fused[0]!;
    },
    run(image: LabelledPatch['image']) {
      const scene = all.find((s) => s.image === image)!;
      const maps = createMaps(SIDE, SIDE);
      for (const { x, y, logit } of scene.spots) maps.benignLike[y * SIDE + x] = 1 / (1 + Math.exp(-logit / temperature));
      return Promise.resolve({ maps, classLogits: Float64Array.of(0, 0, scene.odds) });
    },
  };
  return { inference: inference as unknown as Inference, loaded };
}

const ARRAYS = new Map([
  ['fused.weight', Float32Array.of(1, 2)],
  ['head.0.weight', Float32Array.of(3)],
]);

describe('calibration', () => {
  it('gives findings the probability that they had, and cools the last layer alone', async () => {
    const all = scenes(400);
    const { inference } = fakeInference(all);
    const { arrays, scores, results } = await calibrate(inference, { arrays: ARRAYS, model: MODEL }, all, 0.1);
    expect([...arrays.get('fused.weight')!]).toEqual([0.25, 0.5]);
    expect([...arrays.get('head.0.weight')!]).toEqual([3]);
    // Of spots of log odds 6 half of the patches hold MCs, and in those 0.73 of the spots are.
    const at6 = calibratedScore(1 / (1 + Math.exp(-6 / 4)), scores!.scores!.finding);
    expect(at6).toBeGreaterThan(0.25);
    expect(at6).toBeLessThan(0.48);
    const found = results.flatMap(({ detections, marks }) =>
      detections.map((d) => ({ score: d.score, real: marks.some((m) => Math.hypot(m.x - d.x, m.y - d.y) < 1) })),
    );
    for (const [from, to] of [
      [0.05, 0.2],
      [0.2, 0.5],
    ] as const) {
      // prettier-ignore
      const bin = found.filter(({ score }) => score >= from && score < to);
      const mean = bin.reduce((sum, { score }) => sum + score, 0) / bin.length;
      expect(bin.length).toBeGreaterThan(200);
      expect(Math.abs(bin.filter(({ real }) => real).length / bin.length - mean)).toBeLessThan(0.06);
    }
    expect(scores!.scores!.malignant.weights[0]).toBeGreaterThan(0.5); // the class heads' log odds tell here
  });

  it('does not cool a second time', async () => {
    const all = scenes(60);
    const { inference } = fakeInference(all);
    const { arrays } = await calibrate(inference, { arrays: ARRAYS, model: MODEL, isCooled: true }, all, 0.1);
    expect(arrays).toBe(ARRAYS);
  });

  it('fits for a classifier what a finding is worth, and leaves its weights and what it says of an image', async () => {
    const all = scenes(400);
    const { inference } = fakeInference(all);
    const model = resnet22({ inputChannels: 1, width: 2, classes: 3 });
    const { arrays, scores, results } = await calibrate(inference, { arrays: ARRAYS, model }, all, 0.1);
    expect(arrays).toBe(ARRAYS);
    expect(Object.keys(scores!)).toEqual(['findingScore']);
    expect(scores!.findingScore!.weights[0]).toBeGreaterThan(0.5);
    expect(findingCalibration(scores!)).toBe(scores!.findingScore);
    for (const [i, { mcScore, malignancyScore, detections }] of results.entries()) {
      expect({ mcScore, malignancyScore }).toEqual(imageScores([0, 0, all[i]!.odds]));
      for (const { score } of detections) expect(score).toBeLessThan(0.9); // the map's peak may say 0.9997, but half of the patches hold nothing
    }
  });

  it('leaves the network as it is where the samples are of one kind', async () => {
    const all = scenes(40).filter(({ classIndex }) => classIndex === 0);
    const { inference, loaded } = fakeInference(all);
    const { arrays, scores } = await calibrate(inference, { arrays: ARRAYS, model: MODEL }, all, 0.1);
    expect(scores).toBeNull();
    expect(arrays).toBe(ARRAYS);
    expect(loaded.at(-1)).toBe(ARRAYS.get('fused.weight'));
  });
});
