import type { GrayImage } from './image.js';

/** Whether intensities are meant for a viewer, or raw detector readings before the vendor's processing (DICOM 0008,0068). */
export type IntensityDomain = 'for-presentation' | 'for-processing' | 'unknown';

/** One image as read from a file, with what the file says about it. It carries no patient data: none is ever read. */
export interface Mammogram {
  /** Display intensities 0..1 after rescale, VOI LUT or window, and inversion of MONOCHROME1: bright is dense. */
  readonly image: GrayImage;
  /** Distance of pixel centres in the breast, mm; null where neither the file nor the caller says. */
  readonly pixelSpacingMm: readonly [row: number, column: number] | null;
  /** Significant bits of a stored value. */
  readonly bitDepth: number;
  readonly laterality: 'L' | 'R' | null;
  /** As in DICOM, e.g. 'CC' or 'MLO'. */
  readonly viewPosition: string | null;
  /** Who made the mammograph, as a short name; null where the file does not say or none that is known. */
  readonly manufacturer?: string | null;
  readonly intensityDomain: IntensityDomain;
  /** The pixels may show the patient's name: no pictures of this image may be exported unless forced. */
  readonly burnedIn: boolean;
  /** What the user should know before trusting a result, one sentence each. */
  readonly warnings: string[];
}

/** Smallest side of a readable image, px: anything less holds no tissue to look at. */
export const MIN_SIDE_PX = 16;

/** Largest readable image: film scanned at 25 um (about 70 megapixels) fits; a decompression bomb does not. */
export const MAX_PIXELS = 100_000_000;

/** What is wrong with a size, as the end of a sentence, or null. Checked before anything is allocated or decoded. */
export function sizeProblem(width: number, height: number): string | null {
  if (!(Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0)) return `its size is ${width}x${height} pixels`;
  if (Math.min(width, height) < MIN_SIDE_PX) {
    return `${width}x${height} pixels are too few (at least ${MIN_SIDE_PX}x${MIN_SIDE_PX}). Give the original image`;
  }
  if (width * height > MAX_PIXELS) {
    return `${width}x${height} pixels are more than the ${MAX_PIXELS / 1e6} megapixels that are read. Cut the image or reduce its size`;
  }
  return null;
}
