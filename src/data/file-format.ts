/** What the first bytes of a file say it is; names and extensions are not believed. */
export type FileFormat = 'png' | 'jpeg' | 'tiff' | 'dicom' | 'dicom-without-header';

const SIGNATURES: readonly (readonly [FileFormat, offset: number, bytes: readonly number[]])[] = [
  ['png', 0, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]],
  ['jpeg', 0, [0xff, 0xd8, 0xff]],
  ['tiff', 0, [0x49, 0x49, 0x2a, 0x00]],
  ['tiff', 0, [0x4d, 0x4d, 0x00, 0x2a]],
  ['tiff', 0, [0x49, 0x49, 0x2b, 0x00]], // BigTIFF
  ['tiff', 0, [0x4d, 0x4d, 0x00, 0x2b]],
  ['dicom', 128, [0x44, 0x49, 0x43, 0x4d]], // 'DICM'
  // A data set that starts right away, with group 0002 or 0008, little or big endian.
  ['dicom-without-header', 0, [0x02, 0x00, 0x00, 0x00]],
  ['dicom-without-header', 0, [0x08, 0x00]],
  ['dicom-without-header', 0, [0x00, 0x08, 0x00]],
];

/** Bytes that `sniffFormat` looks at. */
export const SNIFF_BYTES = 132;

/** The format of a file from its first bytes; null for anything mcgpu does not read. DICOM is looked for first: its preamble may be a TIFF header. */
export function sniffFormat(bytes: Uint8Array): FileFormat | null {
  const matches = SIGNATURES.filter(([, offset, magic]) => magic.every((byte, i) => bytes[offset + i] === byte)).map(([format]) => format);
  return matches.find((format) => format === 'dicom') ?? matches[0] ?? null;
}
