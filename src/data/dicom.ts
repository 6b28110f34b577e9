import { UserError } from '../errors.js';
import type { DicomDataset } from './dicom-dataset.js';
import { displayIntensities } from './dicom-display.js';
import { readDicomFile } from './dicom-file.js';
import { framePixels, pixelLayout } from './dicom-pixels.js';
import type { IntensityDomain, Mammogram } from './mammogram.js';
import { sizeProblem } from './mammogram.js';
import type { PixelDecoder } from './pixel-decoder.js';
import { dicomPixelSpacing } from './pixel-spacing.js';

const TAG = {
  sopClass: 0x00080016,
  modality: 0x00080060,
  presentationIntent: 0x00080068,
  manufacturer: 0x00080070,
  codeValue: 0x00080100,
  viewPosition: 0x00185101,
  laterality: 0x00200060,
  imageLaterality: 0x00200062,
  burnedInAnnotation: 0x00280301,
  viewCodeSequence: 0x00540220,
} as const;

/** Digital Mammography X-Ray Image Storage, PS3.4 B.5. */
const FOR_PRESENTATION_CLASS = '1.2.840.10008.5.1.4.1.1.1.2';
const FOR_PROCESSING_CLASS = '1.2.840.10008.5.1.4.1.1.1.2.1';

/** View codes of PS3.16 CID 4014, in SNOMED RT as written by most mammographs, and SNOMED CT. */
const VIEWS: Readonly<Record<string, string>> = {
  'R-10242': 'CC',
  '399162004': 'CC',
  'R-10226': 'MLO',
  '399368009': 'MLO',
  'R-10224': 'ML',
  '399260004': 'ML',
  'R-10228': 'LM',
  '399352003': 'LM',
  'R-10230': 'LMO',
  '399099002': 'LMO',
};

/**
 * Reads a mammogram from a DICOM file's bytes, in Node, Deno or a browser. Of several frames the first is read.
 *
 * @param decoder for compressed pixels; without one only uncompressed files are read
 * @throws UserError one line without the file's name and without anything from the file but numbers and codes
 */
export async function readDicom(bytes: Uint8Array, decoder: PixelDecoder | null): Promise<Mammogram> {
  const file = await readDicomFile(bytes);
  const { dataset } = file;
  const layout = pixelLayout(dataset);
  const { width, height } = layout;
  const problem = sizeProblem(width, height);
  if (problem !== null) throw new UserError(`${problem}.`);
  const warnings: string[] = [];
  if (layout.frames > 1) warnings.push(`The file holds ${layout.frames} frames; only the first is read.`);
  const domain = intensityDomain(dataset);
  warnings.push(...contentWarnings(dataset, domain));
  const stored = await framePixels(file, layout, 0, decoder);
  const data = displayIntensities(dataset, layout, stored, domain, warnings);
  return {
    image: { width, height, data },
    pixelSpacingMm: dicomPixelSpacing(dataset, warnings),
    bitDepth: layout.bitsStored,
    laterality: laterality(dataset),
    viewPosition: viewPosition(dataset),
    manufacturer: manufacturer(dataset),
    intensityDomain: domain,
    burnedIn: isBurnedIn(dataset),
    warnings,
  };
}

function isBurnedIn(dataset: DicomDataset): boolean {
  return dataset.string(TAG.burnedInAnnotation)?.toUpperCase() === 'YES';
}

function intensityDomain(dataset: DicomDataset): IntensityDomain {
  const intent = dataset.string(TAG.presentationIntent)?.toUpperCase();
  const sopClass = dataset.string(TAG.sopClass);
  if (intent === 'FOR PRESENTATION' || (!intent && sopClass === FOR_PRESENTATION_CLASS)) return 'for-presentation';
  if (intent === 'FOR PROCESSING' || (!intent && sopClass === FOR_PROCESSING_CLASS)) return 'for-processing';
  return 'unknown';
}

function contentWarnings(dataset: DicomDataset, domain: IntensityDomain): string[] {
  const warnings: string[] = [];
  const modality = dataset.string(TAG.modality)?.toUpperCase();
  if (modality !== 'MG') warnings.push('The modality is not MG: this may not be a mammogram.');
  if (domain === 'for-processing') {
    warnings.push(
      'The image is For Processing (raw detector readings); models are trained on For Presentation images: expect worse results.',
    );
  }
  if (isBurnedIn(dataset)) warnings.push('The pixels may show patient data (BurnedInAnnotation YES).');
  return warnings;
}

function laterality(dataset: DicomDataset): 'L' | 'R' | null {
  const side = (dataset.string(TAG.imageLaterality) ?? dataset.string(TAG.laterality))?.toUpperCase();
  return side === 'L' || side === 'R' ? side : null;
}

/** Free text in the file, so only names that are known are passed on. */
const MANUFACTURERS = [
  'GE',
  'Hologic',
  'Lorad',
  'Siemens',
  'Fuji',
  'Philips',
  'Sectra',
  'Planmed',
  'Giotto',
  'IMS',
  'Kodak',
  'Carestream',
  'Agfa',
  'Konica',
  'Metaltronica',
];

function manufacturer(dataset: DicomDataset): string | null {
  const text = dataset.string(TAG.manufacturer) ?? '';
  return MANUFACTURERS.find((name) => new RegExp(`\\b${name}${name === 'GE' || name === 'IMS' ? '\\b' : ''}`, 'i').test(text)) ?? null;
}

/** ViewPosition where it is a plain code; what free text stands there stays unread. */
function viewPosition(dataset: DicomDataset): string | null {
  const plain = dataset.string(TAG.viewPosition)?.toUpperCase() ?? '';
  if (/^[A-Z]{1,5}$/.test(plain)) return plain;
  const code = dataset.items(TAG.viewCodeSequence)[0]?.string(TAG.codeValue) ?? '';
  return VIEWS[code] ?? null;
}
