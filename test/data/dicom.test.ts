import { describe, expect, test } from 'vitest';
import { readDicom } from '../../src/data/dicom.js';
import { storedValue } from '../../src/data/dicom-display.js';
import type { Mammogram } from '../../src/data/mammogram.js';
import { nativeCodecs } from '../../src/data/native-codecs.node.js';
import { decodeMammogram } from '../../src/data/read.node.js';
import { UserError } from '../../src/errors.js';
import { Random } from '../../src/random.js';
import type { DicomOptions } from './make-dicom.js';
import { CANARY, makeDicom, ramp } from './make-dicom.js';
import { largestDifference } from './naive.js';

const read = (options: DicomOptions = {}): Promise<Mammogram> => readDicom(makeDicom(options), nativeCodecs);
const attributes = (a: Readonly<Record<string, unknown>>): Promise<Mammogram> => read({ attributes: a });

/** Every stored value's display intensity by a formula, compared with the image; 2e-7 = two float32 roundings near 1. */
async function expectIntensities(a: Readonly<Record<string, unknown>>, formula: (stored: number) => number): Promise<void> {
  const { image } = await attributes(a);
  const expected = Array.from(ramp(32, 24), (v) => Math.min(1, Math.max(0, formula(v))));
  expect(largestDifference(image.data, expected)).toBeLessThan(2e-7);
}

describe('display intensities', () => {
  test('LINEAR: the window as PS3.3 C.11.2.1.2 writes it', () =>
    expectIntensities({ WindowCenter: 1000, WindowWidth: 500 }, (v) => (v - 999.5) / 499 + 0.5));

  test('LINEAR of width 1 is a threshold', () => expectIntensities({ WindowCenter: 1000, WindowWidth: 1 }, (v) => (v <= 999.5 ? 0 : 1)));

  test('LINEAR_EXACT', () =>
    expectIntensities({ WindowCenter: 1000, WindowWidth: 0.5, VOILUTFunction: 'LINEAR_EXACT' }, (v) => (v - 1000) / 0.5 + 0.5));

  test('SIGMOID', () =>
    expectIntensities(
      { WindowCenter: 1800, WindowWidth: 700, VOILUTFunction: 'SIGMOID' },
      (v) => 1 / (1 + Math.exp((-4 * (v - 1800)) / 700)),
    ));

  test('of several windows the one explained as NORMAL', () =>
    expectIntensities(
      { WindowCenter: [10, 2000], WindowWidth: [20, 1001], WindowCenterWidthExplanation: ['HARDER', 'NORMAL'] },
      (v) => (v - 1999.5) / 1000 + 0.5,
    ));

  test('of several windows the first usable one', () =>
    expectIntensities({ WindowCenter: [10, 2000], WindowWidth: [0, 1001] }, (v) => (v - 1999.5) / 1000 + 0.5));

  test('rescale comes before the window', () =>
    expectIntensities(
      { RescaleSlope: 2, RescaleIntercept: -100, WindowCenter: 1000, WindowWidth: 501 },
      (v) => (2 * v - 100 - 999.5) / 500 + 0.5,
    ));

  test('a VOI LUT comes before the window', () =>
    expectIntensities(
      { VOILUTSequence: [lut([3, 100, 12], [0, 1000, 4095])] },
      (v) => ([0, 1000, 4095][Math.min(2, Math.max(0, v - 100))] ?? NaN) / 4095,
    ));

  test('a VOI LUT of 8-bit entries packed two to a word', () =>
    expectIntensities(
      { VOILUTSequence: [lut([4, 100, 8], [0x1000, 0xff40])] },
      (v) => ([0, 16, 64, 255][Math.min(3, Math.max(0, v - 100))] ?? NaN) / 255,
    ));

  test('of several VOI LUTs the one explained as NORMAL', () =>
    expectIntensities(
      {
        VOILUTSequence: [
          { ...lut([2, 0, 12], [4095, 0]), LUTExplanation: 'HARDER' },
          { ...lut([2, 0, 12], [0, 4095]), LUTExplanation: 'NORMAL' },
        ],
      },
      (v) => Math.min(1, v),
    ));

  test('MONOCHROME1 is inverted, so that bright is dense', () =>
    expectIntensities(
      { PhotometricInterpretation: 'MONOCHROME1', WindowCenter: 1000, WindowWidth: 500 },
      (v) => 1 - Math.min(1, Math.max(0, (v - 999.5) / 499 + 0.5)),
    ));

  test('padding becomes background, in MONOCHROME1 too', () =>
    expectIntensities(
      {
        PhotometricInterpretation: 'MONOCHROME1',
        PixelPaddingValue: 0,
        PixelPaddingRangeLimit: 200,
        WindowCenter: 2048,
        WindowWidth: 4097,
      },
      (v) => (v <= 200 ? 0 : 1 - ((v - 2047.5) / 4096 + 0.5)),
    ));

  test.each([
    { WindowCenter: 0, WindowWidth: 0 },
    { WindowCenter: undefined, WindowWidth: undefined },
    { WindowCenter: 100, WindowWidth: undefined },
  ])('without a usable window (%j) the darkest to brightest pixel, with a warning', async (window) => {
    const { image, warnings } = await attributes(window);
    expect(Math.min(...image.data)).toBe(0);
    expect(Math.max(...image.data)).toBe(1);
    expect(warnings.join()).toMatch(/darkest to brightest/);
  });

  test('a damaged VOI LUT is not used, with a warning', async () => {
    const { warnings } = await attributes({ VOILUTSequence: [lut([1000, 0, 12], [0, 1])] });
    expect(warnings.join()).toMatch(/VOI LUT is damaged/);
  });
});

function lut(descriptor: number[], data: number[]): Record<string, unknown> {
  return { _vrMap: { LUTDescriptor: 'US', LUTData: 'OW' }, LUTDescriptor: descriptor, LUTData: [Uint16Array.from(data).buffer] };
}

test('storedValue drops what lies above HighBit and extends the sign', () => {
  expect(storedValue(0xf123, { bitsStored: 12, highBit: 11, signed: false })).toBe(0x123);
  expect(storedValue(0x0fff, { bitsStored: 12, highBit: 11, signed: true })).toBe(-1);
  expect(storedValue(0x07ff, { bitsStored: 12, highBit: 11, signed: true })).toBe(2047);
  expect(storedValue(0x1234, { bitsStored: 12, highBit: 15, signed: false })).toBe(0x123);
  expect(storedValue(0x8000, { bitsStored: 16, highBit: 15, signed: true })).toBe(-32768);
});

describe('what the file says about the image', () => {
  test('bit depth, side, view, domain; no warnings for a proper mammogram', async () => {
    const { image, ...rest } = await read();
    expect([image.width, image.height]).toEqual([32, 24]);
    expect(rest).toEqual({
      pixelSpacingMm: [0.1, 0.1],
      bitDepth: 12,
      laterality: 'L',
      viewPosition: 'CC',
      manufacturer: null,
      intensityDomain: 'for-presentation',
      burnedIn: false,
      warnings: [],
    });
  });

  test.each([
    ['GE MEDICAL SYSTEMS', 'GE'],
    ['HOLOGIC, Inc.', 'Hologic'],
    ['SIEMENS', 'Siemens'],
    ['FUJIFILM Corporation', 'Fuji'],
    ['IMS s.r.l.', 'IMS'],
    ['Hospital of GEneva', null],
    ['Dr. Canary', null],
    [undefined, null],
  ])('who made the mammograph, of known names only: %s is %s', async (text, name) => {
    expect((await read({ attributes: { Manufacturer: text } })).manufacturer).toBe(name);
  });

  test('an 8-bit file with odd sizes', async () => {
    const m = await read({
      width: 17,
      height: 19,
      pixels: new Uint8Array(17 * 19).fill(51),
      attributes: { WindowCenter: 128, WindowWidth: 256 },
    });
    expect(m.bitDepth).toBe(8);
    expect(m.image.data[0]).toBeCloseTo(51 / 255, 6);
  });

  test('the view from its code where ViewPosition is absent', async () => {
    const m = await attributes({ ViewPosition: undefined, ViewCodeSequence: [{ CodeValue: 'R-10226', CodingSchemeDesignator: 'SRT' }] });
    expect(m.viewPosition).toBe('MLO');
  });

  test('For Processing: logarithm of linear readings, with a warning', async () => {
    const m = await attributes({
      PresentationIntentType: 'FOR PROCESSING',
      PixelIntensityRelationship: 'LIN',
      PhotometricInterpretation: 'MONOCHROME1',
    });
    expect(m.intensityDomain).toBe('for-processing');
    expect(m.warnings.join()).toMatch(/For Processing/);
    const stored = ramp(32, 24);
    const [low, high] = [Math.min(...stored), Math.max(...stored)].map((v) => Math.log(Math.max(1, v))) as [number, number];
    const expected = Array.from(stored, (v) => 1 - (Math.log(Math.max(1, v)) - low) / (high - low));
    expect(largestDifference(m.image.data, expected)).toBeLessThan(2e-7);
  });

  test('burned-in patient data, several frames and another modality are said', async () => {
    const m = await read({ pixels: ramp(32, 48), attributes: { BurnedInAnnotation: 'YES', NumberOfFrames: 2, Modality: 'CT' } });
    expect(m.burnedIn).toBe(true);
    expect(m.warnings.join()).toMatch(/2 frames.*not MG.*may show patient data/);
    expect(m.image.data).toHaveLength(32 * 24);
  });
});

describe('pixel spacing', () => {
  const spacing = async (a: Readonly<Record<string, unknown>>, option?: number): Promise<unknown> => {
    const m = await decodeMammogram(makeDicom({ attributes: a }), { pixelSpacingMm: option });
    return [m.pixelSpacingMm, m.warnings.length];
  };

  test.each([
    ['the detector spacing', {}, [[0.1, 0.1], 0]],
    ['divided by the magnification', { EstimatedRadiographicMagnificationFactor: 1.25 }, [[0.08, 0.08], 0]],
    ['a magnification below 1 is not used, with a warning', { EstimatedRadiographicMagnificationFactor: 0.5 }, [[0.1, 0.1], 1]],
    ['rows before columns', { ImagerPixelSpacing: [0.07, 0.08] }, [[0.07, 0.08], 0]],
    ['PixelSpacing where it is alone', { ImagerPixelSpacing: undefined, PixelSpacing: [0.07, 0.07] }, [[0.07, 0.07], 0]],
    [
      'an equal PixelSpacing says nothing new',
      { PixelSpacing: [0.1, 0.1], EstimatedRadiographicMagnificationFactor: 1.25 },
      [[0.08, 0.08], 0],
    ],
    [
      'a calibrated PixelSpacing is preferred, with a warning',
      { PixelSpacing: [0.09, 0.09], PixelSpacingCalibrationType: 'GEOMETRY' },
      [[0.09, 0.09], 1],
    ],
    ['a different uncalibrated PixelSpacing is not, with a warning', { PixelSpacing: [0.09, 0.09] }, [[0.1, 0.1], 1]],
    ['zero is not used, with a warning', { ImagerPixelSpacing: [0, 0] }, [null, 1]],
    ['a negative one neither', { ImagerPixelSpacing: [-0.1, 0.1] }, [null, 1]],
    ['nothing is null', { ImagerPixelSpacing: undefined }, [null, 0]],
  ])('%s', async (_, a, expected) => {
    expect(await spacing(a)).toEqual(expected);
  });

  test('the option holds where the file says nothing', async () => {
    expect(await spacing({ ImagerPixelSpacing: undefined }, 0.05)).toEqual([[0.05, 0.05], 0]);
  });

  test('the option does not override the file, and that is said', async () => {
    expect(await spacing({}, 0.05)).toEqual([[0.1, 0.1], 1]);
    expect(await spacing({}, 0.1)).toEqual([[0.1, 0.1], 0]);
  });

  test.each([0, -0.1, NaN, Infinity, 70])('the option %d is refused', async (mm) => {
    await expect(decodeMammogram(makeDicom(), { pixelSpacingMm: mm })).rejects.toThrow(/expected 0.001 to 10 mm. Give --pixel-spacing/);
  });
});

describe('DICOM files that are refused, each with a reason', () => {
  test.each([
    ['no pixels', { PixelData: undefined }, /holds no pixels/],
    ['colour', { SamplesPerPixel: 3, PhotometricInterpretation: 'RGB' }, /3 samples per pixel, expected one grey/],
    ['a palette', { PhotometricInterpretation: 'PALETTE COLOR' }, /PALETTE COLOR/],
    ['32 bits', { BitsAllocated: 32 }, /32 bits per pixel, expected 8 or 16/],
    ['more bits stored than allocated', { BitsStored: 17 }, /17 bits/],
    ['no rows', { Rows: 0 }, /32x0 pixels/],
    ['more rows than bytes', { Rows: 60000 }, /cut off: 1536 bytes of pixels, 3840000 expected/],
    ['a giant size', { Rows: 65535, Columns: 65535 }, /65535x65535 pixels/],
    ['a tiny size', { Rows: 1, Columns: 1 }, /1x1 pixels are too few/],
  ])('%s', async (_, a, message) => {
    await expect(attributes(a)).rejects.toThrow(UserError);
    await expect(attributes(a)).rejects.toThrow(message);
  });
});

describe('damaged files', () => {
  const whole = makeDicom({ attributes: { VOILUTSequence: [lut([3, 100, 12], [0, 1000, 4095])] } });

  /** A message must be one line, for the user, and hold nothing of the patient. */
  function expectClear(error: unknown): void {
    expect(error).toBeInstanceOf(UserError);
    const { message } = error as UserError;
    expect(message).toMatch(/^[^\n]{20,250}\.$/);
    expect(message).not.toContain('CANARY');
  }

  test('cut off anywhere', async () => {
    for (let length = 0; length < whole.length; length += 3) {
      expectClear(
        await decodeMammogram(whole.slice(0, length)).then(
          () => 'it was read',
          (error: unknown) => error,
        ),
      );
    }
  });

  test('with bytes changed anywhere: read, or refused clearly', async () => {
    const random = new Random(11);
    let refused = 0;
    for (let trial = 0; trial < 400; trial++) {
      const bytes = whole.slice();
      for (let k = 0; k < 4; k++) bytes[132 + random.int(bytes.length - 132 - 1536)] = random.int(256);
      await decodeMammogram(bytes).catch((error: unknown) => {
        refused++;
        expectClear(error);
      });
    }
    expect(refused).toBeGreaterThan(20);
  });

  test('no patient data in what is read', async () => {
    const { image, ...rest } = await decodeMammogram(whole);
    expect(image.data).toHaveLength(768);
    expect(JSON.stringify(rest)).not.toContain(CANARY);
  });
});
