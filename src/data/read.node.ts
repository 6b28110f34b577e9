import { open, readFile, stat } from 'node:fs/promises';
import { UserError } from '../errors.js';
import { readDicom } from './dicom.js';
import { SNIFF_BYTES, sniffFormat } from './file-format.js';
import type { Mammogram } from './mammogram.js';
import { nativeCodecs } from './native-codecs.node.js';
import { checkSpacingOption, resolveSpacing } from './pixel-spacing.js';
import { readRaster } from './read-raster.node.js';

export interface ReadOptions {
  /** Of files that do not say theirs, mm. */
  readonly pixelSpacingMm?: number | undefined;
}

/** A tomosynthesis series in one file stays below this; more is no single mammogram. */
const MAX_FILE_BYTES = 1024 ** 3;

/**
 * Reads one mammogram: PNG, TIFF or JPEG of 8 or 16 bits, or DICOM. What a file is stands in its first bytes, not in its name.
 * The pixel spacing is the DICOM file's, else the option's, else null.
 *
 * @throws UserError `PATH: what is wrong. What to do.`, one line
 */
export async function readMammogram(path: string, options: ReadOptions = {}): Promise<Mammogram> {
  try {
    return await decodeMammogram(await readImageFile(path), options);
  } catch (error) {
    throw error instanceof UserError ? new UserError(`${path}: ${error.message}`) : error;
  }
}

/** The file's bytes. Messages leave out the path, which the caller puts before them. */
export async function readImageFile(path: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path);
    if (size > MAX_FILE_BYTES) throw new UserError(`${size} bytes are more than the ${MAX_FILE_BYTES} that are read. Give a single image.`);
    return await readFile(path);
  } catch (error) {
    throw fileError(error);
  }
}

/** Like `readMammogram`, from bytes. */
export async function decodeMammogram(bytes: Uint8Array, { pixelSpacingMm }: ReadOptions = {}): Promise<Mammogram> {
  if (pixelSpacingMm !== undefined) checkSpacingOption(pixelSpacingMm);
  const read = await decode(bytes);
  const warnings = [...read.warnings];
  const spacing = resolveSpacing(read.pixelSpacingMm, pixelSpacingMm, warnings);
  if (read.image.data.every((v) => v === read.image.data[0])) warnings.push('All pixels have the same value: there is nothing to find.');
  return { ...read, pixelSpacingMm: spacing, warnings };
}

async function decode(bytes: Uint8Array): Promise<Mammogram> {
  const format = sniffFormat(bytes);
  if (format === 'dicom') return readDicom(bytes, nativeCodecs);
  if (format === 'dicom-without-header') {
    throw new UserError(
      "this looks like a DICOM data set without its file header ('DICM'). Convert it to a DICOM file (dcmconv of dcmtk).",
    );
  }
  if (format === null) {
    const found = bytes.length === 0 ? 'the file is empty' : 'the content is no image, whatever the name says';
    throw new UserError(`${found}. Give a PNG, TIFF, JPEG or DICOM file.`);
  }
  return {
    ...(await readRaster(bytes)),
    pixelSpacingMm: null,
    laterality: null,
    viewPosition: null,
    intensityDomain: 'unknown',
    burnedIn: false,
  };
}

/** Whether the file's first bytes are an image's; false for what cannot be opened. */
export async function looksLikeImage(path: string): Promise<boolean> {
  const file = await open(path).catch(() => null);
  if (file === null) return false;
  try {
    const { buffer, bytesRead } = await file.read(new Uint8Array(SNIFF_BYTES), 0, SNIFF_BYTES, 0);
    const format = sniffFormat(buffer.subarray(0, bytesRead));
    return format !== null && format !== 'dicom-without-header';
  } catch {
    return false;
  } finally {
    await file.close();
  }
}

const FILE_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or folder. Check the path',
  EACCES: 'no permission to read it. Change its mode or owner',
  EPERM: 'no permission to read it. Change its mode or owner',
  EISDIR: 'this is a folder, expected a file. Give the file',
};

/** An error of the file system as the user's; anything else as it is. */
export function fileError(error: unknown): unknown {
  if (!(error instanceof Error && 'code' in error && typeof error.code === 'string')) return error;
  return new UserError(`${FILE_ERRORS[error.code] ?? `it cannot be read (${error.code}). Check the disk`}.`);
}
