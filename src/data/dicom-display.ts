import type { DicomDataset } from './dicom-dataset.js';
import type { PixelLayout } from './dicom-pixels.js';
import type { IntensityDomain } from './mammogram.js';

/**
 * The greyscale pipeline of DICOM (PS3.4 N.2): stored value -> rescale or modality LUT -> VOI LUT or window -> 0..1, then
 * MONOCHROME1 inverted, so that bright is dense in every image.
 */

const TAG = {
  paddingValue: 0x00280120,
  paddingRangeLimit: 0x00280121,
  pixelIntensityRelationship: 0x00281040,
  windowCenter: 0x00281050,
  windowWidth: 0x00281051,
  rescaleIntercept: 0x00281052,
  rescaleSlope: 0x00281053,
  windowExplanation: 0x00281055,
  voiLutFunction: 0x00281056,
  modalityLutSequence: 0x00283000,
  lutDescriptor: 0x00283002,
  lutExplanation: 0x00283003,
  lutData: 0x00283006,
  voiLutSequence: 0x00283010,
} as const;

/** A value on its way through the pipeline. */
type Mapping = (value: number) => number;

/** The stored value in a pixel's word: without the bits above HighBit, sign extended where signed. */
export function storedValue(word: number, { bitsStored, highBit, signed }: Pick<PixelLayout, 'bitsStored' | 'highBit' | 'signed'>): number {
  const value = (word >>> (highBit + 1 - bitsStored)) & (2 ** bitsStored - 1);
  return signed && value >= 2 ** (bitsStored - 1) ? value - 2 ** bitsStored : value;
}

/**
 * Display intensities 0..1 of a frame.
 *
 * @param bytes width * height words of bitsAllocated / 8 bytes, little endian
 * @param warnings gets a sentence for everything that had to be guessed
 */
export function displayIntensities(
  dataset: DicomDataset,
  layout: PixelLayout,
  bytes: Uint8Array,
  domain: IntensityDomain,
  warnings: string[],
): Float32Array {
  const words = layout.bitsAllocated === 8 ? bytes : wordsOf(bytes);
  const isPadding = paddingTest(dataset, layout);
  const modality = modalityMapping(dataset, domain, warnings);
  const present = presentValues(words, layout).filter((stored) => !isPadding(stored));
  const voi = voiLut(dataset, layout, warnings) ?? voiWindow(dataset, domain, warnings) ?? fullRange(present, modality, warnings);
  const table = new Float32Array(2 ** layout.bitsAllocated);
  for (let word = 0; word < table.length; word++) {
    const stored = storedValue(word, layout);
    const shown = Math.min(1, Math.max(0, voi(modality(stored))));
    const intensity = layout.photometric === 'MONOCHROME1' ? 1 - shown : shown;
    table[word] = isPadding(stored) ? 0 : intensity;
  }
  const intensities = new Float32Array(words.length);
  for (let i = 0; i < words.length; i++) intensities[i] = table[words[i]!]!;
  return intensities;
}

function wordsOf(bytes: Uint8Array): Uint16Array {
  const words = new Uint16Array(bytes.length >> 1);
  for (let i = 0; i < words.length; i++) words[i] = bytes[2 * i]! | (bytes[2 * i + 1]! << 8);
  return words;
}

/** The stored values that occur, each once. */
function presentValues(words: Uint8Array | Uint16Array, layout: PixelLayout): number[] {
  const seen = new Uint8Array(2 ** layout.bitsAllocated);
  for (let i = 0; i < words.length; i++) seen[words[i]!] = 1;
  return Array.from(seen.keys())
    .filter((word) => seen[word] === 1)
    .map((word) => storedValue(word, layout));
}

/** Pixels outside the exposed field, which some vendors fill with any value: they become background, PS3.3 C.7.5.1.1.2. */
function paddingTest(dataset: DicomDataset, { signed }: PixelLayout): (stored: number) => boolean {
  const from = dataset.uint16s(TAG.paddingValue, signed)[0];
  if (from === undefined) return () => false;
  const to = dataset.uint16s(TAG.paddingRangeLimit, signed)[0] ?? from;
  return (stored) => stored >= Math.min(from, to) && stored <= Math.max(from, to);
}

/**
 * Rescale slope and intercept, or a modality LUT. Raw detector readings that are linear in exposure are taken to the logarithm,
 * in which a calcification has the same contrast wherever it lies.
 */
function modalityMapping(dataset: DicomDataset, domain: IntensityDomain, warnings: string[]): Mapping {
  const lut = dataset
    .items(TAG.modalityLutSequence)
    .map((item) => readLut(item, false))
    .find((l) => l !== null);
  if (lut) return lut.lookUp;
  const slope = dataset.decimals(TAG.rescaleSlope)[0] ?? 1;
  const intercept = dataset.decimals(TAG.rescaleIntercept)[0] ?? 0;
  const valid = Number.isFinite(slope) && slope !== 0 && Number.isFinite(intercept);
  if (!valid) warnings.push('The rescale slope or intercept is no usable number; stored values are used as they are.');
  const rescale: Mapping = valid ? (v) => slope * v + intercept : (v) => v;
  const isLinear = domain === 'for-processing' && dataset.string(TAG.pixelIntensityRelationship) === 'LIN';
  return isLinear ? (v) => Math.log(Math.max(1, rescale(v))) : rescale;
}

interface Lut {
  readonly lookUp: Mapping;
  /** Largest value that the descriptor's bits allow. */
  readonly max: number;
}

/** LUT Descriptor = number of entries (0 = 65536), first value mapped, bits per entry; null where it cannot be. */
function readLut(item: DicomDataset, signed: boolean): Lut | null {
  const [length = -1, , bits = 0] = item.uint16s(TAG.lutDescriptor);
  const first = item.uint16s(TAG.lutDescriptor, signed)[1] ?? 0;
  const count = length === 0 ? 65536 : length;
  const raw = item.bytes(TAG.lutData);
  if (raw === undefined || count < 1 || bits < 8 || bits > 16) return null;
  const isPacked = raw.length < 2 * count; // 8-bit entries two to a word: allowed where bits = 8
  const entries = isPacked ? Array.from(raw) : item.uint16s(TAG.lutData);
  if (entries.length < count) return null;
  return { lookUp: (v) => entries[Math.min(count - 1, Math.max(0, Math.round(v) - first))]!, max: 2 ** bits - 1 };
}

/** The first usable VOI LUT; it comes before any window, PS3.3 C.11.2.1.1 leaves the choice to us where both are there. */
function voiLut(dataset: DicomDataset, layout: PixelLayout, warnings: string[]): Mapping | null {
  const items = dataset.items(TAG.voiLutSequence);
  const slope = dataset.decimals(TAG.rescaleSlope)[0] ?? 1;
  const intercept = dataset.decimals(TAG.rescaleIntercept)[0] ?? 0;
  const firstIsSigned = layout.signed || intercept < 0 || slope < 0;
  const normal = items.filter((item) => item.string(TAG.lutExplanation)?.toUpperCase() === 'NORMAL');
  for (const item of [...normal, ...items]) {
    const lut = readLut(item, firstIsSigned);
    if (lut !== null) return (v) => lut.lookUp(v) / lut.max;
  }
  if (items.length > 0) warnings.push('The VOI LUT is damaged and is not used.');
  return null;
}

/** Window centre and width (PS3.3 C.11.2.1.2): the one explained as NORMAL, else the first usable pair. */
function voiWindow(dataset: DicomDataset, domain: IntensityDomain, warnings: string[]): Mapping | null {
  const centers = dataset.decimals(TAG.windowCenter);
  const widths = dataset.decimals(TAG.windowWidth);
  // A window of linear readings does not fit their logarithm.
  if (centers.length === 0 || domain === 'for-processing') return null;
  const shape = dataset.string(TAG.voiLutFunction)?.toUpperCase() ?? 'LINEAR';
  const normal = dataset.strings(TAG.windowExplanation).findIndex((text) => text.toUpperCase() === 'NORMAL');
  for (const i of [normal, ...centers.keys()]) {
    const center = centers[i] ?? NaN;
    const width = widths[i] ?? NaN;
    const smallest = shape === 'LINEAR' ? 1 : Number.MIN_VALUE;
    if (Number.isFinite(center) && Number.isFinite(width) && width >= smallest) return windowMapping(shape, center, width);
  }
  warnings.push('The window centre or width is no usable number and is not used.');
  return null;
}

function windowMapping(shape: string, center: number, width: number): Mapping {
  if (shape === 'SIGMOID') return (v) => 1 / (1 + Math.exp((-4 * (v - center)) / width));
  if (shape === 'LINEAR_EXACT') return (v) => (v - center) / width + 0.5;
  if (width === 1) return (v) => (v <= center - 0.5 ? 0 : 1);
  return (v) => (v - (center - 0.5)) / (width - 1) + 0.5;
}

/** Darkest to brightest value of the image, where the file does not say what to show. */
function fullRange(stored: readonly number[], modality: Mapping, warnings: string[]): Mapping {
  warnings.push('No usable VOI LUT or window in the file: its darkest to brightest pixel is taken as the display range.');
  const values = stored.map(modality);
  const low = values.reduce((least, v) => Math.min(least, v), Infinity);
  const high = values.reduce((most, v) => Math.max(most, v), -Infinity);
  return high > low ? (v) => (v - low) / (high - low) : () => 0;
}
