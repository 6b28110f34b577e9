// What is left to see around insertions when the calcifications themselves are covered: the generator must not betray itself there.
import { boxBlur } from '../data/box-blur.js';
import { createImage, type GrayImage } from '../data/image.js';
import { normalise } from '../data/normalise.js';
import type { BackgroundSource } from './background.js';
import { type DrawnMc, insertAll } from './draw-lesion.js';
import { gaussianBlur } from './gaussian.js';
import type { SynthConfig } from './priors.js';
import { makeSample, sampleMarginPx } from './sample.js';

/** A patch whose calcifications, or would-be calcifications, are covered. */
export interface Ring {
  /** Normalised, 0 where covered. */
  readonly image: GrayImage;
  /** 1 = covered. */
  readonly covered: Uint8Array;
}

/** The same background and lesion three times: left out, inserted, and inserted so that it must be noticed. */
export type Insertion = 'untouched' | 'inserted' | 'planted';

/** Pixels around a footprint that are covered with it. */
const COVER_PX = 3;
/** The planted leak: this far around every footprint the image is blurred a second time, by the widest point spread. */
const PLANTED_REACH_PX = 8;
/** Radius of the box that fills covered pixels from their neighbours, three passes. */
const FILL_PX = 4;

/**
 * Sample `index` of a seed with its calcifications covered. Untouched and inserted agree in everything else: background, place,
 * negatives, noise, levels and what is covered.
 */
export function ringSample(source: BackgroundSource, config: SynthConfig, seed: number, index: number, insertion: Insertion): Ring {
  const margin = sampleMarginPx(config);
  const covered = new Uint8Array(config.patch ** 2);
  const insert: typeof insertAll = (image, drawn, logRange) => {
    for (const mc of drawn) cover(covered, config.patch, mc, margin);
    if (insertion !== 'untouched') insertAll(image, drawn, logRange);
    if (insertion === 'planted') blurAgain(image, drawn, config.physics.mtfMm[1] / config.pixelSpacingMm);
  };
  const { raw } = makeSample(source, { ...config, positiveFraction: 1 }, seed, index, { insert });
  // Filled before the normalisation: the shadow that a bright spot throws there is no fault of the generator; real ones throw it too.
  const image = normalise(filled(raw, covered), config.pixelSpacingMm, config.normalisation);
  for (let i = 0; i < covered.length; i++) if (covered[i]) image.data[i] = 0;
  return { image, covered };
}

function cover(covered: Uint8Array, side: number, { footprint }: DrawnMc, margin: number): void {
  const { x0, y0, width, thickness } = footprint;
  for (const [i, m] of thickness.entries()) {
    if (m === 0) continue;
    const cx = x0 + (i % width) - margin;
    const cy = y0 + Math.floor(i / width) - margin;
    for (let y = Math.max(0, cy - COVER_PX); y <= Math.min(side - 1, cy + COVER_PX); y++) {
      for (let x = Math.max(0, cx - COVER_PX); x <= Math.min(side - 1, cx + COVER_PX); x++) covered[y * side + x] = 1;
    }
  }
}

/** What a generator does that blurs the finished image around a calcification by the MTF, whose background has passed it before. */
function blurAgain(image: GrayImage, drawn: readonly DrawnMc[], sdPx: number): void {
  const blurred = gaussianBlur(image, sdPx);
  for (const { footprint: f } of drawn) {
    for (let y = Math.max(0, f.y0 - PLANTED_REACH_PX); y < Math.min(image.height, f.y0 + f.height + PLANTED_REACH_PX); y++) {
      const from = y * image.width + Math.max(0, f.x0 - PLANTED_REACH_PX);
      const to = y * image.width + Math.min(image.width, f.x0 + f.width + PLANTED_REACH_PX);
      if (from < to) image.data.set(blurred.data.subarray(from, to), from);
    }
  }
}

/** Covered pixels take the mean of those around that are not. */
function filled(image: GrayImage, covered: Uint8Array): GrayImage {
  const { width, height } = image;
  const [values, weights] = [createImage(width, height), createImage(width, height)];
  for (let i = 0; i < covered.length; i++) {
    if (covered[i]) continue;
    values.data[i] = image.data[i]!;
    weights.data[i] = 1;
  }
  const sums = boxBlur(values, FILL_PX, 3).data;
  const counts = boxBlur(weights, FILL_PX, 3).data;
  const overall =
    values.data.reduce((a, b) => a + b, 0) /
    Math.max(
      1,
      weights.data.reduce((a, b) => a + b, 0),
    );
  return { width, height, data: image.data.map((v, i) => (covered[i] ? (counts[i]! > 1e-3 ? sums[i]! / counts[i]! : overall) : v)) };
}
