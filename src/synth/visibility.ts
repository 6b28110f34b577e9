import type { GrayImage } from '../data/image.js';
import { SD_PER_MEAN_ABSOLUTE } from '../data/normalise.js';
import type { Footprint } from './footprint.js';

/** The filter is tried at so many places each way about the calcification. */
const PLACES = 13;
/** Distance of the places, px: at least the correlation length of the noise, more for large footprints. */
const LEAST_STEP_PX = 3;
const STEPS_PER_WINDOW = 6;

/**
 * Signal-to-noise ratio per unit of -ln(1 - contrast) of the filter matched to a footprint, less its mean (so that shading does not count): its
 * response to the calcification over the spread of its responses to the tissue around, texture and noise together. A non-prewhitening matched filter (Burgess,
 * Med Phys 28:419, 2001).
 *
 * @param image without the calcification, display intensities
 * @param logRange of the image's domain, see PhysicsConfig
 * @param addedNoiseSd of white noise that will be added, display intensity
 */
export function snrPerDepth(image: GrayImage, footprint: Footprint, logRange: number, addedNoiseSd: number): number {
  const { thickness, x0, y0, width, height } = footprint;
  const mean = thickness.reduce((sum, m) => sum + m, 0) / thickness.length;
  const filter = thickness.map((m) => m - mean);
  const energy = filter.reduce((sum, f) => sum + f * f, 0);
  const step = Math.max(LEAST_STEP_PX, Math.round(Math.max(width, height) / STEPS_PER_WINDOW));
  const responses: number[] = [];
  const reach = (PLACES - 1) / 2;
  for (let j = -reach; j <= reach; j++) {
    for (let i = -reach; i <= reach; i++) {
      const [left, top] = [x0 + i * step, y0 + j * step];
      if (left < 0 || top < 0 || left + width > image.width || top + height > image.height) continue;
      responses.push(response(image, filter, left, top, width));
    }
  }
  const spread = spreadOf(responses);
  // Thickness and filter differ by a constant, over which the filter sums to nothing: their product is the filter's energy.
  return energy / logRange / Math.sqrt(spread ** 2 + addedNoiseSd ** 2 * energy);
}

function response({ data, width: stride }: GrayImage, filter: Float64Array, left: number, top: number, width: number): number {
  let sum = 0;
  for (let k = 0, x = 0, row = top * stride + left; k < filter.length; k++) {
    sum += filter[k]! * data[row + x]!;
    if (++x === width) [x, row] = [0, row + stride];
  }
  return sum;
}

/** As a standard deviation, from mean absolute deviations: a few bright specks around count little. */
function spreadOf(values: readonly number[]): number {
  if (values.length === 0) return 0; // the window is as large as the image
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  return (SD_PER_MEAN_ABSOLUTE * values.reduce((sum, v) => sum + Math.abs(v - mean), 0)) / values.length;
}
