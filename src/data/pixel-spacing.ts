import { UserError } from '../errors.js';
import type { DicomDataset } from './dicom-dataset.js';

type Spacing = readonly [row: number, column: number];

const TAG = {
  magnification: 0x00181114,
  imagerPixelSpacing: 0x00181164,
  nominalScannedPixelSpacing: 0x00182010,
  pixelSpacing: 0x00280030,
  calibrationType: 0x00280a02,
} as const;

/** Spacings that differ by less than this part are the same number written twice. */
const SAME_PART = 0.001;

/**
 * Distance of pixel centres in the breast, mm, from what a DICOM file says; null where it says nothing usable. The detector's
 * spacing (ImagerPixelSpacing) is divided by the magnification; a PixelSpacing that differs from it is preferred only where the
 * file says how it was calibrated (PS3.3 10.7), and never without a warning.
 */
export function dicomPixelSpacing(dataset: DicomDataset, warnings: string[]): Spacing | null {
  const imager = spacing(dataset, TAG.imagerPixelSpacing, 'ImagerPixelSpacing', warnings);
  const plain = spacing(dataset, TAG.pixelSpacing, 'PixelSpacing', warnings);
  if (imager === null) return plain ?? scannedSpacing(dataset, warnings);
  const inBreast = demagnified(dataset, imager, warnings);
  if (plain === null || isSame(plain, imager) || isSame(plain, inBreast)) return inBreast;
  const isCalibrated = ['GEOMETRY', 'FIDUCIAL'].includes(dataset.string(TAG.calibrationType) ?? '');
  const chosen = isCalibrated ? plain : inBreast;
  warnings.push(
    `PixelSpacing (${text(plain)} mm) and ImagerPixelSpacing over magnification (${text(inBreast)} mm) differ; ${text(chosen)} mm is used, ` +
      `because PixelSpacing ${isCalibrated ? 'is' : 'is not'} said to be calibrated.`,
  );
  return chosen;
}

function demagnified(dataset: DicomDataset, imager: Spacing, warnings: string[]): Spacing {
  const magnification = dataset.decimals(TAG.magnification)[0];
  if (magnification === undefined) return imager;
  if (magnification >= 1 && Number.isFinite(magnification)) return [imager[0] / magnification, imager[1] / magnification];
  warnings.push('EstimatedRadiographicMagnificationFactor is no number of at least 1 and is not used.');
  return imager;
}

function scannedSpacing(dataset: DicomDataset, warnings: string[]): Spacing | null {
  const scanned = spacing(dataset, TAG.nominalScannedPixelSpacing, 'NominalScannedPixelSpacing', warnings);
  if (scanned !== null) warnings.push(`The pixel spacing is the film scanner's (${text(scanned)} mm).`);
  return scanned;
}

function spacing(dataset: DicomDataset, tag: number, name: string, warnings: string[]): Spacing | null {
  if (!dataset.has(tag)) return null;
  const [row = NaN, column = NaN] = dataset.decimals(tag);
  if (isSpacing(row) && isSpacing(column)) return [row, column];
  warnings.push(`${name} is not two positive numbers and is not used.`);
  return null;
}

/** From a micrometre to a centimetre. */
function isSpacing(mm: number): boolean {
  return mm >= 0.001 && mm <= 10;
}

function isSame(a: Spacing, b: Spacing): boolean {
  return a.every((mm, i) => Math.abs(mm / b[i]! - 1) < SAME_PART);
}

function text([row, column]: Spacing): string {
  const round = (mm: number): string => String(Number(mm.toPrecision(4)));
  return row === column ? round(row) : `${round(row)}x${round(column)}`;
}

/** @throws UserError unless the option `--pixel-spacing` is a length between a micrometre and a centimetre */
export function checkSpacingOption(mm: number): void {
  if (!isSpacing(mm)) throw new UserError(`pixel spacing ${mm} mm, expected 0.001 to 10 mm. Give --pixel-spacing in mm, for example 0.07.`);
}

/**
 * The spacing of one image: the file's own, else the option; null where neither is there. An option that contradicts the file is
 * not used, and said so.
 */
export function resolveSpacing(own: Spacing | null, optionMm: number | undefined, warnings: string[]): Spacing | null {
  if (optionMm === undefined) return own;
  checkSpacingOption(optionMm);
  if (own === null) return [optionMm, optionMm];
  if (!isSame(own, [optionMm, optionMm])) warnings.push(`--pixel-spacing ${optionMm} is not used: the file says ${text(own)} mm.`);
  return own;
}
