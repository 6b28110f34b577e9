import { UserError } from '../errors.js';

/** One compressed frame with what the data set says about it. */
export interface EncodedFrame {
  readonly transferSyntax: string;
  readonly bytes: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly bitsAllocated: 8 | 16;
  readonly bitsStored: number;
  readonly signed: boolean;
  readonly photometric: string;
}

/**
 * Turns compressed frames of one sample per pixel into stored values. An interface, because the codecs are a large WebAssembly
 * module that a browser may load otherwise, or not at all; uncompressed files are read without one.
 */
export interface PixelDecoder {
  /** Name of the compression, or null where this decoder cannot read it. */
  supports(transferSyntax: string): string | null;
  /** width * height values of bitsAllocated / 8 bytes, little endian. */
  decode(frame: EncodedFrame): Promise<Uint8Array>;
}

const RLE = '1.2.840.10008.1.2.5';
const RLE_HEADER_BYTES = 64;

/**
 * Compares the size within the compressed data with the data set's, before a decoder allocates by it.
 *
 * @throws UserError where they differ
 */
export function checkCodestream({ transferSyntax, bytes, width, height, bitsAllocated }: EncodedFrame): void {
  // PS3.5 annex G: one segment per byte of a value; decoders take a header that says otherwise for black pixels.
  if (transferSyntax === RLE && (bytes.length < RLE_HEADER_BYTES || bytes[0] !== bitsAllocated / 8 || bytes[1] !== 0)) {
    throw new UserError('the compressed pixels (RLE) are damaged: their header does not fit the bits per pixel. Export the file again.');
  }
  const size = jpegSize(bytes) ?? jpeg2000Size(bytes);
  if (size !== null && (size.width !== width || size.height !== height)) {
    throw new UserError(
      `the DICOM file contradicts itself: ${width}x${height} pixels in its header, ${size.width}x${size.height} in the compressed image. Export it again.`,
    );
  }
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** From the start-of-frame segment of JPEG (ITU-T T.81) or JPEG-LS (T.87): SOF0..15 without DHT, JPG and DAC, or SOF55. */
function jpegSize(bytes: Uint8Array): Size | null {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return null;
  for (let i = 2; i + 9 < bytes.length && bytes[i] === 0xff;) {
    const marker = bytes[i + 1]!;
    const isFrame = (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) || marker === 0xf7;
    if (isFrame) return { height: uint16(bytes, i + 5), width: uint16(bytes, i + 7) };
    i += marker === 0xff ? 1 : 2 + uint16(bytes, i + 2);
  }
  return null;
}

/** From the SIZ segment that follows the start of a JPEG 2000 codestream (T.800 A.5.1), which may lie in a JP2 box. */
function jpeg2000Size(bytes: Uint8Array): Size | null {
  const limit = Math.min(bytes.length - 24, 4096);
  for (let i = 0; i <= limit; i++) {
    if (bytes[i] !== 0xff || bytes[i + 1] !== 0x4f || bytes[i + 2] !== 0xff || bytes[i + 3] !== 0x51) continue;
    return { width: uint32(bytes, i + 8) - uint32(bytes, i + 16), height: uint32(bytes, i + 12) - uint32(bytes, i + 20) };
  }
  return null;
}

function uint16(bytes: Uint8Array, i: number): number {
  return bytes[i]! * 256 + bytes[i + 1]!;
}

function uint32(bytes: Uint8Array, i: number): number {
  return uint16(bytes, i) * 65536 + uint16(bytes, i + 2);
}
