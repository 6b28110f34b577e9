import type { Metadata, Sharp } from 'sharp';
import sharp from 'sharp';
import { UserError } from '../errors.js';
import type { GrayImage } from './image.js';
import { createImage } from './image.js';
import { MAX_PIXELS, sizeProblem } from './mammogram.js';

export interface Raster {
  /** Intensities 0..1: stored value / largest value of the bit depth. */
  readonly image: GrayImage;
  readonly bitDepth: number;
  readonly warnings: string[];
}

/** Interleaved samples as decoded. */
interface Samples {
  readonly values: Uint8Array | Uint16Array;
  readonly channels: number;
}

/** Red, green and blue of a grey image differ by this much at most, of 255, after JPEG's chroma rounding. */
const GREY_TOLERANCE = 3;

/**
 * Reads PNG, TIFF or JPEG, 8 or 16 bits. Colour becomes luminance with a warning. The file's density (JFIF, TIFF, PNG) is
 * never taken for a pixel spacing: it is a printing size, 72 or 96 per inch whatever the detector.
 *
 * @throws UserError one line without the file's name, which the caller puts before it
 */
export async function readRaster(bytes: Uint8Array): Promise<Raster> {
  const metadata = await decodeOrExplain(() => open(bytes).metadata());
  checkMetadata(metadata);
  const colour = !['b-w', 'grey16'].includes(metadata.space);
  const samples = await decodeOrExplain(() => decode(bytes, metadata, colour));
  const warnings: string[] = [];
  if ((metadata.pages ?? 1) > 1) warnings.push(`The file holds ${metadata.pages} pages; only the first is read.`);
  if ((metadata.orientation ?? 1) !== 1) warnings.push('The EXIF orientation is not applied: coordinates are those of the stored pixels.');
  const { width, height } = metadata;
  const { stored, isGrey } = toLuminance(samples, width * height);
  if (!isGrey) warnings.push('The image is in colour; its luminance is used.');
  const bitDepth = usedBits(stored, metadata.depth === 'ushort', warnings);
  const image = createImage(width, height);
  const scale = 1 / (2 ** bitDepth - 1);
  for (let i = 0; i < stored.length; i++) image.data[i] = stored[i]! * scale;
  return { image, bitDepth, warnings };
}

function open(bytes: Uint8Array): Sharp {
  return sharp(bytes, { limitInputPixels: MAX_PIXELS, failOn: 'error', page: 0, pages: 1 });
}

/** libvips says in several lines what went wrong, often only in its own terms: one line, and what to do. */
async function decodeOrExplain<T>(decoding: () => Promise<T>): Promise<T> {
  try {
    return await decoding();
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : '';
    if (/pixel limit/i.test(reason)) {
      throw new UserError(`the image has more than the ${MAX_PIXELS / 1e6} megapixels that are read. Cut it or reduce its size.`);
    }
    throw new UserError(`the image is damaged or cut off (decoder: ${reason}). Export or copy it again.`);
  }
}

function checkMetadata({ width, height, depth }: Metadata): void {
  const problem = sizeProblem(width, height);
  if (problem !== null) throw new UserError(`${problem}.`);
  if (depth !== 'uchar' && depth !== 'ushort') {
    throw new UserError(`the samples are of type '${depth}', expected 8 or 16 bits unsigned. Save it as a 16-bit PNG.`);
  }
}

async function decode(bytes: Uint8Array, metadata: Metadata, colour: boolean): Promise<Samples> {
  const is16 = metadata.depth === 'ushort';
  const space = is16 ? (colour ? 'rgb16' : 'grey16') : colour ? 'srgb' : 'b-w';
  const pipeline = open(bytes).removeAlpha().toColourspace(space);
  const { data, info } = await pipeline.raw({ depth: is16 ? 'ushort' : 'uchar' }).toBuffer({ resolveWithObject: true });
  if (!is16) return { values: data, channels: info.channels };
  return { values: new Uint16Array(data.buffer, data.byteOffset, data.length / 2), channels: info.channels };
}

/** Rec. 601 luma of the stored (gamma-encoded) values, rounded to them; an image whose channels agree is grey already. */
function toLuminance({ values, channels }: Samples, pixels: number): { stored: Uint8Array | Uint16Array; isGrey: boolean } {
  if (channels === 1) return { stored: values, isGrey: true };
  const stored = values instanceof Uint8Array ? new Uint8Array(pixels) : new Uint16Array(pixels);
  const tolerance = values instanceof Uint8Array ? GREY_TOLERANCE : GREY_TOLERANCE * 257;
  let largestSpread = 0;
  for (let i = 0; i < pixels; i++) {
    const r = values[i * channels]!;
    const g = values[i * channels + 1]!;
    const b = values[i * channels + 2]!;
    largestSpread = Math.max(largestSpread, Math.max(r, g, b) - Math.min(r, g, b));
    stored[i] = Math.round(0.299 * r + 0.587 * g + 0.114 * b);
  }
  return { stored, isGrey: largestSpread <= tolerance };
}

/** Detectors' 10 to 14 bits often lie unscaled in 16-bit files; left so, the image would be nearly black. */
function usedBits(stored: Uint8Array | Uint16Array, is16: boolean, warnings: string[]): number {
  if (!is16) return 8;
  let max = 0;
  for (let i = 0; i < stored.length; i++) max = Math.max(max, stored[i]!);
  const bits = max === 0 ? 16 : ([10, 12, 14, 16].find((b) => max < 2 ** b) ?? 16);
  if (bits < 16) warnings.push(`The 16-bit file uses ${bits} bits only (largest value ${max}); they are taken as the full range.`);
  return bits;
}
