import dcmjs from 'dcmjs';

/** Stands in every patient attribute of the files made here; no output may ever hold it. */
export const CANARY = 'CANARY^PATIENT';

export interface DicomOptions {
  readonly width?: number;
  readonly height?: number;
  /** Stored values, row-major; default a ramp over 12 bits. */
  readonly pixels?: Uint16Array | Uint8Array | Int16Array;
  /** DICOM keywords to values, over the defaults; undefined leaves an attribute out. */
  readonly attributes?: Readonly<Record<string, unknown>>;
}

export function ramp(width: number, height: number): Uint16Array {
  return Uint16Array.from({ length: width * height }, (_, i) => (i * 37) % 4096);
}

/** A small For Presentation mammogram, Explicit VR Little Endian, written by dcmjs. */
export function makeDicom({ width = 32, height = 24, pixels = ramp(width, height), attributes = {} }: DicomOptions = {}): Uint8Array {
  const bits = pixels.BYTES_PER_ELEMENT * 8;
  const dataset: Record<string, unknown> = {
    _meta: {
      FileMetaInformationVersion: { Value: [new Uint8Array([0, 1]).buffer], vr: 'OB' },
      TransferSyntaxUID: { Value: ['1.2.840.10008.1.2.1'], vr: 'UI' },
      MediaStorageSOPClassUID: { Value: ['1.2.840.10008.5.1.4.1.1.1.2'], vr: 'UI' },
      MediaStorageSOPInstanceUID: { Value: ['2.25.1'], vr: 'UI' },
      ImplementationClassUID: { Value: ['2.25.2'], vr: 'UI' },
    },
    _vrMap: { PixelData: 'OW', PixelPaddingValue: 'US', LUTDescriptor: 'US', LUTData: 'OW' },
    SOPClassUID: '1.2.840.10008.5.1.4.1.1.1.2',
    SOPInstanceUID: '2.25.1',
    Modality: 'MG',
    PresentationIntentType: 'FOR PRESENTATION',
    PatientName: CANARY,
    PatientID: CANARY,
    InstitutionName: CANARY,
    ImageComments: CANARY,
    StudyDescription: CANARY,
    ImageLaterality: 'L',
    ViewPosition: 'CC',
    SamplesPerPixel: 1,
    PhotometricInterpretation: 'MONOCHROME2',
    Rows: height,
    Columns: width,
    BitsAllocated: bits,
    BitsStored: bits === 8 ? 8 : 12,
    HighBit: bits === 8 ? 7 : 11,
    PixelRepresentation: 0,
    ImagerPixelSpacing: [0.1, 0.1],
    WindowCenter: 2048,
    WindowWidth: 4096,
    PixelData: pixels.buffer.slice(pixels.byteOffset, pixels.byteOffset + pixels.byteLength),
    ...attributes,
  };
  const present = Object.fromEntries(Object.entries(dataset).filter(([, value]) => value !== undefined));
  return new Uint8Array(dcmjs.data.datasetToBuffer(present));
}
