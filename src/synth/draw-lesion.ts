import type { LesionClass } from '../data/classes.js';
import type { GrayImage } from '../data/image.js';
import { type Footprint, projectShape } from './footprint.js';
import { insertFootprint } from './insert.js';
import type { Lesion } from './lesion.js';
import type { Morphology, PhysicsConfig } from './priors.js';
import { snrPerDepth } from './visibility.js';

/** A calcification as it stands in an image. */
export interface DrawnMc {
  readonly footprint: Footprint;
  /** Peak contrast after the losses of dense tissue. */
  readonly contrast: number;
  /** Of the matched filter, see snrPerDepth. */
  readonly snr: number;
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
  /** SD of the white noise that will be added, display intensity. */
  readonly addedNoiseSd: number;
}

/** Radius of the square in which an MC's tissue is measured, px. */
const AROUND_PX = 10;
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
      ...imagedContrast(image, footprint, mc.contrast, place),
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

/** Lower in dense tissue; then raised to the least that can be told from texture and noise, except that nothing stays nothing. */
function imagedContrast(
  image: GrayImage,
  footprint: Footprint,
  contrast: number,
  { physics, logRange, addedNoiseSd }: LesionPlace,
): Pick<DrawnMc, 'contrast' | 'snr'> {
  if (contrast === 0) return { contrast, snr: 0 };
  const tissue = meanAround(image, Math.round(footprint.x), Math.round(footprint.y));
  const left = contrast * (1 - physics.denseLoss * Math.min(1, Math.max(0, tissue)));
  const perDepth = snrPerDepth(image, footprint, logRange, addedNoiseSd);
  const least = -Math.expm1(-physics.leastSnr / perDepth);
  const imaged = Math.max(left, Math.min(physics.contrast[1], least));
  return { contrast: imaged, snr: -Math.log1p(-imaged) * perDepth };
}

function meanAround({ width, height, data }: GrayImage, cx: number, cy: number): number {
  let [sum, count] = [0, 0];
  for (let y = Math.max(0, cy - AROUND_PX); y <= Math.min(height - 1, cy + AROUND_PX); y++) {
    for (let x = Math.max(0, cx - AROUND_PX); x <= Math.min(width - 1, cx + AROUND_PX); x++, count++) sum += data[y * width + x]!;
  }
  return sum / count;
}
