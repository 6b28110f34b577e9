import { UserError } from '../errors.js';
import { breastMask } from './breast-mask.js';
import type { GrayImage } from './image.js';
import type { Mammogram } from './mammogram.js';
import type { Normalisation } from './normalise.js';
import { normalise } from './normalise.js';
import { resample } from './resample.js';

/** What a model was trained for; stands in its file. */
export interface WorkingGrid {
  /** mm, the same in both directions. */
  readonly pixelSpacingMm: number;
  readonly normalisation: Normalisation;
}

export interface Preprocessed {
  /** Normalised, at the working spacing. */
  readonly image: GrayImage;
  /** 1 = breast, one value per pixel of `image`. */
  readonly breast: Uint8Array;
  /** Original pixels per working pixel: original position = (working position + 0.5) * scale - 0.5. */
  readonly scale: readonly [row: number, column: number];
  readonly warnings: string[];
}

/** Spacings apart by less than this part are the same: 0.0941 and 0.1 mm differ, 0.1 and 0.1001 mm need no resampling. */
const SAME_SPACING_PART = 0.005;

/** Twice the largest readable mammogram at half of the usual working spacing. */
const MAX_WORKING_PIXELS = 200_000_000;

/**
 * From display intensities to the network's input: resampled to the working spacing, breast outlined, contrast normalised.
 * An image without a pixel spacing is taken to have the working spacing, with a warning.
 */
export function preprocess(mammogram: Mammogram, { pixelSpacingMm, normalisation }: WorkingGrid): Preprocessed {
  const warnings: string[] = [];
  if (mammogram.pixelSpacingMm === null) {
    warnings.push(
      `No pixel spacing in the file; taken as the model's ${pixelSpacingMm} mm. Sizes are wrong if it differs: give --pixel-spacing.`,
    );
  }
  const { image: working, scale } = atWorkingSpacing(mammogram, pixelSpacingMm);
  const breast = breastMask(working);
  if (!breast.includes(1)) warnings.push('No breast was found: the image is of one grey level or holds small bright specks only.');
  return { image: normalise(working, pixelSpacingMm, normalisation), breast, scale, warnings };
}

/**
 * Display intensities at the working spacing, mm; where the spacing is unknown the image as it is. For `scale` see Preprocessed.
 *
 * @throws UserError where the result would be too large or empty: the spacing must be wrong
 */
export function atWorkingSpacing(
  { image, pixelSpacingMm }: Pick<Mammogram, 'image' | 'pixelSpacingMm'>,
  workingMm: number,
): Pick<Preprocessed, 'image' | 'scale'> {
  const [row, column] = pixelSpacingMm ?? [workingMm, workingMm];
  const scale = [originalPerWorking(row, workingMm), originalPerWorking(column, workingMm)] as const;
  checkWorkingSize(image, scale);
  return { image: resample(image, 1 / scale[0], 1 / scale[1]), scale };
}

function originalPerWorking(ownMm: number, workingMm: number): number {
  const scale = workingMm / ownMm;
  return Math.abs(scale - 1) < SAME_SPACING_PART ? 1 : scale;
}

/** A wrong spacing (0.1 m for 0.1 mm) would ask for an image of a thousand times the pixels. */
function checkWorkingSize({ width, height }: GrayImage, scale: readonly [number, number]): void {
  const pixels = (width / scale[1]) * (height / scale[0]);
  if (pixels > MAX_WORKING_PIXELS || width / scale[1] < 1 || height / scale[0] < 1) {
    const size = `${Math.round(width / scale[1])}x${Math.round(height / scale[0])}`;
    throw new UserError(
      `at its pixel spacing the image would have ${size} working pixels. Check the spacing (mm) or give --pixel-spacing.`,
    );
  }
}
