import { UserError } from '../errors.js';
import type { DicomDataset } from './dicom-dataset.js';
import type { DicomFile } from './dicom-file.js';
import { MAX_PIXELS } from './mammogram.js';
import type { PixelDecoder } from './pixel-decoder.js';
import { checkCodestream } from './pixel-decoder.js';

/** How the stored values of an image lie in memory (PS3.3 C.7.6.3), checked. */
export interface PixelLayout {
  readonly width: number;
  readonly height: number;
  readonly bitsAllocated: 8 | 16;
  readonly bitsStored: number;
  readonly highBit: number;
  readonly signed: boolean;
  readonly photometric: 'MONOCHROME1' | 'MONOCHROME2';
  readonly frames: number;
}

const TAG = {
  samplesPerPixel: 0x00280002,
  photometric: 0x00280004,
  numberOfFrames: 0x00280008,
  rows: 0x00280010,
  columns: 0x00280011,
  bitsAllocated: 0x00280100,
  bitsStored: 0x00280101,
  highBit: 0x00280102,
  pixelRepresentation: 0x00280103,
  floatPixelData: 0x7fe00008,
  doublePixelData: 0x7fe00009,
  pixelData: 0x7fe00010,
} as const;

/**
 * @throws UserError naming what a mammogram would have instead: one grey sample per pixel of 8 or 16 bits
 */
export function pixelLayout(dataset: DicomDataset): PixelLayout {
  if (!dataset.has(TAG.pixelData)) {
    const float = dataset.has(TAG.floatPixelData) || dataset.has(TAG.doublePixelData);
    throw new UserError(
      float
        ? 'the DICOM file has floating-point pixels, expected whole numbers of 8 or 16 bits. Give the original mammogram.'
        : 'the DICOM file holds no pixels (a report, plan or directory?). Give the image itself.',
    );
  }
  const samples = dataset.uint16(TAG.samplesPerPixel) ?? 1;
  const photometric = dataset.string(TAG.photometric)?.toUpperCase() ?? '';
  if (samples !== 1 || (photometric !== 'MONOCHROME1' && photometric !== 'MONOCHROME2')) {
    const found = samples === 1 ? `photometric interpretation '${printable(photometric)}'` : `${samples} samples per pixel`;
    throw new UserError(`the DICOM file has ${found}, expected one grey sample (MONOCHROME1 or MONOCHROME2). Give the original mammogram.`);
  }
  const width = dataset.uint16(TAG.columns) ?? 0;
  const height = dataset.uint16(TAG.rows) ?? 0;
  if (width < 1 || height < 1 || width * height > MAX_PIXELS) {
    throw new UserError(`the DICOM file says ${width}x${height} pixels, expected 1 to ${MAX_PIXELS / 1e6} megapixels. Export it again.`);
  }
  const signed = dataset.uint16(TAG.pixelRepresentation) === 1;
  const frames = Math.max(1, Math.trunc(dataset.decimals(TAG.numberOfFrames)[0] ?? 1) || 1);
  return { width, height, ...bitLayout(dataset), signed, photometric, frames };
}

/** For a message: what a damaged file holds in a code string may be anything. */
function printable(text: string): string {
  return text.replace(/[^A-Z0-9_ ]/g, '?').slice(0, 16);
}

function bitLayout(dataset: DicomDataset): Pick<PixelLayout, 'bitsAllocated' | 'bitsStored' | 'highBit'> {
  const bitsAllocated = dataset.uint16(TAG.bitsAllocated) ?? 0;
  if (bitsAllocated !== 8 && bitsAllocated !== 16) {
    throw new UserError(`the DICOM file has ${bitsAllocated} bits per pixel, expected 8 or 16. Give the original mammogram.`);
  }
  const bitsStored = dataset.uint16(TAG.bitsStored) ?? bitsAllocated;
  const highBit = dataset.uint16(TAG.highBit) ?? bitsStored - 1;
  if (bitsStored < 1 || bitsStored > bitsAllocated || highBit >= bitsAllocated || highBit < bitsStored - 1) {
    throw new UserError(
      `the DICOM file says ${bitsStored} bits up to bit ${highBit} of ${bitsAllocated}, which cannot be. Export it again.`,
    );
  }
  return { bitsAllocated, bitsStored, highBit };
}

/**
 * Bytes of one frame as stored, little endian, decompressed where needed: width * height * bitsAllocated / 8.
 *
 * @param frame from 0
 */
export async function framePixels(file: DicomFile, layout: PixelLayout, frame: number, decoder: PixelDecoder | null): Promise<Uint8Array> {
  const fragments = file.dataset.fragments();
  if (fragments === undefined) return plainFrame(file, layout, frame);
  const { transferSyntax } = file;
  if (!decoder?.supports(transferSyntax)) {
    const name = transferSyntax.replace(/[^0-9.]/g, '?').slice(0, 64);
    throw new UserError(
      `the pixels are compressed in a way that is not read here (transfer syntax ${name}). Convert the file to uncompressed DICOM.`,
    );
  }
  const encoded = { transferSyntax, bytes: frameFragments(fragments, layout.frames, frame), ...layout };
  checkCodestream(encoded);
  const bytes = await decoder.decode(encoded);
  const expected = frameBytes(layout);
  if (bytes.length < expected) {
    throw new UserError(`the compressed pixels are cut off: ${bytes.length} bytes came out, expected ${expected}. Copy the file again.`);
  }
  return bytes.subarray(0, expected);
}

function frameBytes({ width, height, bitsAllocated }: PixelLayout): number {
  return (width * height * bitsAllocated) / 8;
}

function plainFrame({ dataset }: DicomFile, layout: PixelLayout, frame: number): Uint8Array {
  const all = dataset.bytes(TAG.pixelData) ?? new Uint8Array();
  const size = frameBytes(layout);
  if (all.length < size * (frame + 1)) {
    const { width, height, bitsAllocated } = layout;
    throw new UserError(
      `the DICOM file is cut off: ${all.length} bytes of pixels, ${size * (frame + 1)} expected (${width}x${height}, ${bitsAllocated} bits). Copy it again.`,
    );
  }
  const bytes = all.slice(frame * size, (frame + 1) * size);
  if (!dataset.encoding.littleEndian && layout.bitsAllocated === 16) swapBytes(bytes);
  return bytes;
}

function swapBytes(bytes: Uint8Array): void {
  for (let i = 0; i + 1 < bytes.length; i += 2) [bytes[i], bytes[i + 1]] = [bytes[i + 1]!, bytes[i]!];
}

/**
 * The compressed bytes of one frame. The first fragment is the offset table: where it is filled, frames start at its offsets; else
 * a frame ends with the fragment that closes its codestream (JPEG family), or is one fragment long.
 */
function frameFragments([table, ...fragments]: Uint8Array[], frames: number, frame: number): Uint8Array {
  if (fragments.length === 0) throw new UserError('the DICOM file holds no compressed pixels, only an empty frame. Export it again.');
  if (frames === 1) return join(fragments);
  const starts = frameStarts(table ?? new Uint8Array(), fragments, frames);
  const start = starts[frame];
  if (start === undefined) throw new UserError(`the DICOM file says ${frames} frames, ${starts.length} are there. Copy it again.`);
  return join(fragments.slice(start, starts[frame + 1]));
}

/** Index of each frame's first fragment. */
function frameStarts(table: Uint8Array, fragments: readonly Uint8Array[], frames: number): number[] {
  if (fragments.length === frames) return fragments.map((_, i) => i);
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength);
  const offsets = new Set(Array.from({ length: table.length >> 2 }, (_, i) => view.getUint32(4 * i, true)));
  const starts: number[] = [];
  let offset = 0;
  let open = false;
  for (const [i, fragment] of fragments.entries()) {
    if (offsets.size > 0 ? offsets.has(offset) : !open) starts.push(i);
    open = !endsCodestream(fragment);
    offset += 8 + fragment.length;
  }
  return starts;
}

/** Whether the last bytes are EOI / EOC (FFD9), perhaps padded to an even length. */
function endsCodestream(fragment: Uint8Array): boolean {
  const end = fragment.at(-1) === 0 ? fragment.length - 1 : fragment.length;
  return fragment[end - 2] === 0xff && fragment[end - 1] === 0xd9;
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const first = parts[0];
  if (parts.length === 1 && first !== undefined) return first;
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}
