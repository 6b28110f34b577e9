import { UserError } from '../errors.js';
import type { Encoding } from './dicom-dataset.js';
import { DicomDataset } from './dicom-dataset.js';

/** A DICOM file (PS3.10): which transfer syntax it says it is in, and its data set. */
export interface DicomFile {
  readonly transferSyntax: string;
  readonly dataset: DicomDataset;
}

const PREAMBLE_BYTES = 132;
const TRANSFER_SYNTAX = 0x00020010;
const META: Encoding = { explicitVr: true, littleEndian: true };

const IMPLICIT_LITTLE = '1.2.840.10008.1.2';
const EXPLICIT_BIG = '1.2.840.10008.1.2.2';
const DEFLATED = '1.2.840.10008.1.2.1.99';
/** Far more than a mammogram; a zip bomb of 1 MB would take a gigabyte. */
const MAX_INFLATED_BYTES = 512 * 1024 * 1024;

/**
 * Reads a DICOM file's structure; pixels stay as they are.
 *
 * @throws UserError one line without the file's name
 */
export async function readDicomFile(bytes: Uint8Array): Promise<DicomFile> {
  const body = bytes.subarray(PREAMBLE_BYTES);
  const meta = DicomDataset.read(body, META, (tag) => tag >>> 16 === 2);
  const transferSyntax = meta.dataset.string(TRANSFER_SYNTAX);
  if (transferSyntax === null) throw new UserError('the DICOM file names no transfer syntax (0002,0010). Export it again.');
  const rest = body.subarray(meta.end);
  const encoding = { explicitVr: transferSyntax !== IMPLICIT_LITTLE, littleEndian: transferSyntax !== EXPLICIT_BIG };
  const content = transferSyntax === DEFLATED ? await inflate(rest) : rest;
  return { transferSyntax, dataset: DicomDataset.read(content, encoding).dataset };
}

async function inflate(compressed: Uint8Array): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  try {
    const stream = new Blob([compressed.slice()]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
    for (const reader = stream.getReader(); ;) {
      const { done, value } = await reader.read();
      if (done) break;
      chunks.push(value);
      total += value.length;
      if (total > MAX_INFLATED_BYTES) {
        await reader.cancel();
        throw new UserError(`the deflated DICOM file unpacks to more than ${MAX_INFLATED_BYTES} bytes. Store it uncompressed.`);
      }
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    // A padding byte after the deflated stream is allowed by DICOM but refused by some platforms: what came out is whole then.
    if (total === 0) throw new UserError('the deflated DICOM file is damaged: it cannot be unpacked. Export it again.');
  }
  const out = new Uint8Array(total);
  let offset = 0;
  for (const chunk of chunks) {
    out.set(chunk, offset);
    offset += chunk.length;
  }
  return out;
}
