import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { storedValue } from '../../src/data/dicom-display.js';
import { readDicomFile } from '../../src/data/dicom-file.js';
import type { PixelLayout } from '../../src/data/dicom-pixels.js';
import { framePixels, pixelLayout } from '../../src/data/dicom-pixels.js';
import { nativeCodecs } from '../../src/data/native-codecs.node.js';
import { dataPath } from './fixtures.js';

/** One entry of reference.json: what another reader (pydicom) decoded. */
interface Reference {
  readonly min: number | null;
  readonly max: number | null;
  readonly sum: number | null;
  readonly sha256_le: string | null;
}

const folder = dataPath('dicom');
const present = existsSync(dataPath('dicom', 'reference.json'));
const references = present
  ? (JSON.parse(readFileSync(dataPath('dicom', 'reference.json'), 'utf8')) as Record<string, Reference>)
  : ({} as Record<string, Reference>);

/** Files that are no mammogram in a way that is refused by name. */
const REFUSED: Readonly<Record<string, RegExp>> = {
  'variety/OBXXXX1A_rle.dcm': /PALETTE COLOR/,
  'variety/parametric_map_float.dcm': /floating-point/,
  ...Object.fromEntries(
    [
      'SC_rgb',
      'SC_rgb_dcmtk__eb_cr',
      'SC_rgb_expb',
      'SC_rgb_gdcm_KY',
      'SC_rgb_rle',
      'SC_rgb_rle_16bit',
      'SC_rgb_rle_2frame',
      'SC_rgb_rle_32bit',
    ]
      .concat(['SC_rgb_small_odd_jpeg', 'SC_ybr_full_422_uncompressed', 'US1_J2KI', 'sm_image_jpegls_nobot'])
      .map((name) => [`variety/${name}.dcm`, /3 samples per pixel/]),
  ),
  ...Object.fromEntries(
    [
      'liver_1frame',
      'liver_deflate',
      'liver_expb_1frame',
      'liver_j2k',
      'liver_rle',
      'seg_image_ct_binary',
      'seg_image_ct_binary_single_frame',
    ].map((name) => [`variety/${name}.dcm`, /1 bits per pixel/]),
  ),
  ...Object.fromEntries(
    ['rtdose', 'rtdose_expb', 'rtdose_expb_1frame', 'rtdose_rle_1frame'].map((name) => [`variety/${name}.dcm`, /32 bits per pixel/]),
  ),
};

/** The reference holds zeros only: its reader did not decode this near-lossless file. The lossless twin's mean says what to expect. */
const WRONG_REFERENCE = 'variety/CT0012.fragmented_no_bot_jpeg_ls.81.dcm';
/** 13 of 16 bits: the reference has the sign extended, which is done by `storedValue` here. */
const SIGN_EXTENDED = 'variety/J2K_pixelrep_mismatch.dcm';

async function decodeAll(name: string): Promise<{ layout: PixelLayout; bytes: Buffer }> {
  const file = await readDicomFile(readFileSync(`${folder}/${name}`));
  const layout = pixelLayout(file.dataset);
  const frames: Uint8Array[] = [];
  for (let i = 0; i < layout.frames; i++) frames.push(await framePixels(file, layout, i, nativeCodecs));
  return { layout, bytes: Buffer.concat(frames) };
}

describe.skipIf(!present)('stored pixels of the reference DICOM files (MCGPU_DATA)', () => {
  const compared = Object.keys(references).filter((name) => !(name in REFUSED) && name !== WRONG_REFERENCE && name !== SIGN_EXTENDED);

  test.each(compared)('%s, every frame, equals the reference bit for bit', async (name) => {
    const { bytes } = await decodeAll(name);
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(references[name]?.sha256_le);
  });

  test.each(Object.entries(REFUSED))('%s is refused by name: %s', async (name, reason) => {
    await expect(decodeAll(name)).rejects.toThrow(reason);
  });

  test('without a decoder, compressed pixels are refused by their transfer syntax', async () => {
    const file = await readDicomFile(readFileSync(`${folder}/variety/JPEG-LL.dcm`));
    await expect(framePixels(file, pixelLayout(file.dataset), 0, null)).rejects.toThrow(/transfer syntax 1.2.840.10008.1.2.4.70/);
  });

  test('a signed 13-bit image has the reference values once its sign is extended', async () => {
    const { layout, bytes } = await decodeAll(SIGN_EXTENDED);
    let sum = 0;
    for (let i = 0; i < bytes.length; i += 2) sum += storedValue(bytes.readUInt16LE(i), layout);
    expect(sum).toBe(references[SIGN_EXTENDED]?.sum);
  });

  test('near-lossless JPEG-LS in fragments without offset table differs little from its lossless twin', async () => {
    const near = await decodeAll(WRONG_REFERENCE);
    const exact = await decodeAll('variety/CT0012.fragmented_no_bot_jpeg_lossless.57.dcm');
    let worst = 0;
    for (let i = 0; i < near.bytes.length; i += 2)
      worst = Math.max(worst, Math.abs(near.bytes.readUInt16LE(i) - exact.bytes.readUInt16LE(i)));
    expect(near.bytes.length).toBe(exact.bytes.length);
    expect(worst).toBeLessThan(10);
  });
});
