import type { GrayImage } from '../data/image.js';
import type { Random } from '../random.js';
import { addRidge, curveThrough, drawCurve } from './curves.js';
import type { NegativesConfig } from './priors.js';

/** Full width at half maximum of a Gaussian, in its SD. */
const FWHM = 2.355;

/**
 * What lies in the breast and looks like a calcification to a filter: vessel-like curves and soft bright spots. In place; drawn into
 * samples with and without lesions alike, before the lesion.
 */
export function addTissueNegatives(image: GrayImage, negatives: NegativesConfig, pixelSpacingMm: number, random: Random): void {
  const areaCm2 = (image.width * image.height * pixelSpacingMm ** 2) / 100;
  for (let n = random.poisson(negatives.vessels * areaCm2); n > 0; n--) {
    const lengthPx = random.uniform(4 / pixelSpacingMm, image.width);
    const curve = curveThrough(image, random.uniform(0, Math.PI), lengthPx, 0.012, random);
    addRidge(image, curve, random.logUniform(...negatives.vesselWidthMm) / pixelSpacingMm / FWHM, random.uniform(...negatives.vesselStep));
  }
  for (let n = random.poisson(negatives.blobs * areaCm2); n > 0; n--) {
    const sdPx = random.logUniform(...negatives.blobDiameterMm) / pixelSpacingMm / FWHM;
    const short = curveThrough(image, random.uniform(0, Math.PI), Math.ceil(random.uniform(0.2, 1.5) * sdPx), 0.02, random);
    addRidge(image, short, sdPx, random.uniform(...negatives.blobStep), 'round');
  }
}

/**
 * What the detector or film adds, sharper than any calcification because it has not passed the system's blur: hot pixels, film scratches,
 * dust. In place.
 */
export function addDetectorNegatives(image: GrayImage, negatives: NegativesConfig, pixelSpacingMm: number, random: Random): void {
  const areaCm2 = (image.width * image.height * pixelSpacingMm ** 2) / 100;
  for (let n = random.poisson(random.uniform(...negatives.hotPixels) * areaCm2); n > 0; n--) addHotPixel(image, negatives, random);
  for (let n = random.poisson(negatives.scratches * areaCm2); n > 0; n--) {
    const lengthPx = random.uniform(0.1, 0.8) * image.width;
    const line = curveThrough(image, random.uniform(0, Math.PI), lengthPx, 0.0005, random);
    addRidge(image, line, 0.4, random.uniform(...negatives.scratchStep));
  }
  for (let n = random.poisson(negatives.dust * areaCm2); n > 0; n--) addFibre(image, negatives, pixelSpacingMm, random);
}

/** One pixel, or two side by side. */
function addHotPixel(image: GrayImage, { hotPixelStep }: NegativesConfig, random: Random): void {
  const i = random.int(image.data.length);
  const step = random.logUniform(...hotPixelStep);
  const second = random.next() < 0.2 ? random.pick([1, image.width]) : 0;
  image.data[i]! += step;
  if (second !== 0 && i + second < image.data.length) image.data[i + second]! += random.uniform(0.5, 1) * step;
}

/** 0.5-2.5 mm of a hair or lint, strongly bent; on film dust shows dark or bright. */
function addFibre(image: GrayImage, { dustStep }: NegativesConfig, pixelSpacingMm: number, random: Random): void {
  const start = { x: random.uniform(0, image.width), y: random.uniform(0, image.height) };
  const fibre = drawCurve(start, random.uniform(0, 2 * Math.PI), random.uniform(0.5, 2.5) / pixelSpacingMm, 0.12, random);
  addRidge(image, fibre, 0.45, random.pick([-1, 1]) * random.uniform(...dustStep));
}
