import type { LesionClass } from '../data/classes.js';
import type { GrayImage } from '../data/image.js';
import { type Footprint, projectShape } from './footprint.js';
import { contrastForSnr, insertFootprint } from './insert.js';
import type { Lesion } from './lesion.js';
import type { Morphology, PhysicsConfig } from './priors.js';

/** A calcification as it stands in an image. */
export interface DrawnMc {
  readonly footprint: Footprint;
  /** Peak contrast after the losses of dense tissue. */
  readonly contrast: number;
  readonly morphology: Morphology;
  readonly class: LesionClass;
}

export interface LesionPlace {
  /** Of the lesion's centre, px. */
  readonly x: number;
  readonly y: number;
  /** SD of the detector's point spread, mm. */
  readonly mtfMm: number;
  readonly pixelSpacingMm: number;
  readonly physics: PhysicsConfig;
  /** Of the image's domain: one of `physics.logRange`. */
  readonly logRange: number;
}

/** Radius of the square in which an MC's surroundings are measured, px. */
const AROUND_PX = 10;
/** Ratio of the standard deviation to the mean absolute deviation of a normal distribution. */
const SD_PER_MEAN_ABSOLUTE = Math.sqrt(Math.PI / 2);

/** A lesion at its place, its contrasts settled on the image, which stays as it is; what falls outside is left out. */
export function projectLesion(image: GrayImage, lesion: Lesion, place: LesionPlace): DrawnMc[] {
  const { pixelSpacingMm, mtfMm } = place;
  const drawn: DrawnMc[] = [];
  for (const mc of lesion.mcs) {
    const x = place.x + mc.x / pixelSpacingMm;
    const y = place.y + mc.y / pixelSpacingMm;
    if (x < 0 || y < 0 || x > image.width - 1 || y > image.height - 1) continue;
    const footprint = projectShape(mc.shape, { x, y, pixelSpacingMm, mtfMm });
    drawn.push({
      footprint,
      contrast: imagedContrast(image, footprint, mc.contrast, place),
      morphology: mc.morphology,
      class: lesion.class,
    });
  }
  return drawn;
}

/** Draws calcifications into an image, in place. */
export function insertAll(image: GrayImage, drawn: readonly DrawnMc[], logRange: number): void {
  for (const { footprint, contrast } of drawn) insertFootprint(image, footprint, contrast, logRange);
}

/** Lower in dense tissue; then raised to the least that can be told from the noise, except that nothing stays nothing. */
function imagedContrast(image: GrayImage, footprint: Footprint, contrast: number, { physics, logRange }: LesionPlace): number {
  if (contrast === 0) return 0;
  const { mean, noiseSd } = surroundings(image, Math.round(footprint.x), Math.round(footprint.y));
  const left = contrast * (1 - physics.denseLoss * Math.min(1, Math.max(0, mean)));
  return Math.max(left, Math.min(physics.contrast[1], contrastForSnr(footprint, physics.leastSnr, noiseSd, logRange)));
}

/** Mean and pixel noise about a place; the noise from the difference to the mean of the four neighbours, which texture passes little of. */
function surroundings(image: GrayImage, cx: number, cy: number): { mean: number; noiseSd: number } {
  const { width, height, data } = image;
  let [sum, deviation, count] = [0, 0, 0];
  for (let y = Math.max(1, cy - AROUND_PX); y <= Math.min(height - 2, cy + AROUND_PX); y++) {
    for (let x = Math.max(1, cx - AROUND_PX); x <= Math.min(width - 2, cx + AROUND_PX); x++) {
      const i = y * width + x;
      sum += data[i]!;
      deviation += Math.abs(data[i]! - (data[i - 1]! + data[i + 1]! + data[i - width]! + data[i + width]!) / 4);
      count++;
    }
  }
  return { mean: sum / count, noiseSd: (SD_PER_MEAN_ABSOLUTE * deviation) / count / Math.sqrt(1.25) };
}
