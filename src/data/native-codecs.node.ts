import dcmjsCodecs from 'dcmjs-codecs';
import { UserError } from '../errors.js';
import type { EncodedFrame, PixelDecoder } from './pixel-decoder.js';

const { Context, NativeCodecs } = dcmjsCodecs;
type Decode = 'decodeRle' | 'decodeJpeg' | 'decodeJpegLs' | 'decodeJpeg2000' | 'decodeJpegXl' | 'decodeHtJpeg2000';

/** Compressed transfer syntaxes (PS3.6 table A-1) and the codec for each. */
const SYNTAXES: Readonly<Record<string, readonly [name: string, decode: Decode]>> = {
  '1.2.840.10008.1.2.5': ['RLE', 'decodeRle'],
  '1.2.840.10008.1.2.4.50': ['JPEG baseline', 'decodeJpeg'],
  '1.2.840.10008.1.2.4.51': ['JPEG extended', 'decodeJpeg'],
  '1.2.840.10008.1.2.4.53': ['JPEG spectral selection', 'decodeJpeg'],
  '1.2.840.10008.1.2.4.57': ['JPEG lossless', 'decodeJpeg'],
  '1.2.840.10008.1.2.4.70': ['JPEG lossless, first-order', 'decodeJpeg'],
  '1.2.840.10008.1.2.4.80': ['JPEG-LS lossless', 'decodeJpegLs'],
  '1.2.840.10008.1.2.4.81': ['JPEG-LS near-lossless', 'decodeJpegLs'],
  '1.2.840.10008.1.2.4.90': ['JPEG 2000 lossless', 'decodeJpeg2000'],
  '1.2.840.10008.1.2.4.91': ['JPEG 2000', 'decodeJpeg2000'],
  '1.2.840.10008.1.2.4.110': ['JPEG XL lossless', 'decodeJpegXl'],
  '1.2.840.10008.1.2.4.112': ['JPEG XL', 'decodeJpegXl'],
  '1.2.840.10008.1.2.4.201': ['HTJ2K lossless', 'decodeHtJpeg2000'],
  '1.2.840.10008.1.2.4.202': ['HTJ2K lossless RPCL', 'decodeHtJpeg2000'],
  '1.2.840.10008.1.2.4.203': ['HTJ2K', 'decodeHtJpeg2000'],
};

/** The codecs of dcmjs-codecs: libjpeg, CharLS, OpenJPEG, OpenJPH and libjxl as one WebAssembly module, loaded at first use. */
export const nativeCodecs: PixelDecoder = {
  supports: (transferSyntax) => SYNTAXES[transferSyntax]?.[0] ?? null,

  async decode(frame: EncodedFrame): Promise<Uint8Array> {
    const [name, decode] = SYNTAXES[frame.transferSyntax] ?? ['unknown', 'decodeRle'];
    if (!NativeCodecs.isInitialized()) await NativeCodecs.initializeAsync();
    try {
      const decoded = NativeCodecs[decode](context(frame)).getDecodedBuffer();
      if (decoded !== undefined) return decoded;
    } catch {
      // What the codec says is in its own terms; and after a trap its memory cannot be trusted, so the next frame gets a new one.
      NativeCodecs.release();
    }
    throw new UserError(`the compressed pixels (${name}) are damaged or cut off and cannot be decoded. Copy or export the file again.`);
  },
};

function context(frame: EncodedFrame): InstanceType<typeof Context> {
  return new Context({
    width: frame.width,
    height: frame.height,
    bitsAllocated: frame.bitsAllocated,
    bitsStored: frame.bitsStored,
    samplesPerPixel: 1,
    pixelRepresentation: frame.signed ? 1 : 0,
    planarConfiguration: 0,
    photometricInterpretation: frame.photometric,
    encodedBuffer: frame.bytes,
  });
}
