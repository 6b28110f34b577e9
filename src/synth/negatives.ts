import type { GrayImage } from '../data/image.js';
import type { Random } from '../random.js';
import { addRidge, curveThrough, drawCurve, type Point } from './curves.js';
import { addClip, addMarker } from './metal.js';
import type { NegativesConfig } from './priors.js';

/** Full width at half maximum of a Gaussian, in its SD. */
const FWHM = 2.355;

/**
 * What lies in or on the breast and looks like a calcification to a filter: vessel-like curves, soft bright spots, skin folds, clips and
 * markers. In place; drawn into samples with and without lesions alike, before the lesion.
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
  for (let n = random.poisson(negatives.skinFolds * areaCm2); n > 0; n--) addSkinFold(image, negatives, pixelSpacingMm, random);
  for (let n = random.poisson(negatives.clips * areaCm2); n > 0; n--) addClip(image, negatives, pixelSpacingMm, random);
  for (let n = random.poisson(negatives.markers * areaCm2); n > 0; n--) addMarker(image, negatives, pixelSpacingMm, random);
}

/** Two layers of skin, bright, and beside them a thin line of air, dark. */
function addSkinFold(image: GrayImage, { skinFoldWidthMm, skinFoldStep }: NegativesConfig, pixelSpacingMm: number, random: Random): void {
  const curve = curveThrough(image, random.uniform(0, Math.PI), random.uniform(0.6, 1.5) * image.width, 0.004, random);
  const sdPx = random.logUniform(...skinFoldWidthMm) / pixelSpacingMm / FWHM;
  const step = random.uniform(...skinFoldStep);
  addRidge(image, curve, sdPx, step);
  const aside = random.pick([-1, 1]) * 1.5 * sdPx;
  addRidge(image, beside(curve, aside), Math.max(0.6, 0.3 * sdPx), -random.uniform(0.3, 0.8) * step);
}

function beside(curve: readonly Point[], distance: number): Point[] {
  return curve.map((p, i) => {
    const [from, to] = [curve[Math.max(0, i - 1)] ?? p, curve[Math.min(curve.length - 1, i + 1)] ?? p];
    const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
    return { x: p.x - (distance * (to.y - from.y)) / length, y: p.y + (distance * (to.x - from.x)) / length };
  });
}

/**
 * What the detector, film or file adds, sharper than any calcification because it has not passed the system's blur: hot pixels, film
 * scratches, dust, blocks of hard JPEG. In place.
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
  addJpegBlocks(image, negatives, random.poisson(negatives.jpegBlocks * areaCm2), random);
}

/** One cosine of the block too much or too little, at places of one grid. */
function addJpegBlocks(image: GrayImage, { jpegBlockStep }: NegativesConfig, count: number, random: Random): void {
  const side = 8;
  const [left, top] = [random.int(side), random.int(side)];
  for (let n = 0; n < count; n++) {
    const x0 = left + side * random.int(Math.floor((image.width - left) / side));
    const y0 = top + side * random.int(Math.floor((image.height - top) / side));
    const [u, v] = [random.int(4), random.int(4)];
    const step = random.pick([-1, 1]) * random.uniform(...jpegBlockStep);
    for (let y = 0; y < side; y++) {
      const down = Math.cos((Math.PI * (2 * y + 1) * v) / (2 * side));
      for (let x = 0; x < side; x++) {
        image.data[(y0 + y) * image.width + x0 + x]! += step * down * Math.cos((Math.PI * (2 * x + 1) * u) / (2 * side));
      }
    }
  }
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
