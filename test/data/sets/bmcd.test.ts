import { rmSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { AnnotatedImage } from '../../../src/data/sets/annotated-set.js';
import { openAnnotatedSet } from '../../../src/data/sets/open-set.node.js';
import { redMarks } from '../../../src/data/sets/red-marks.js';
import { centreOf, fitShapes, pixelsOf } from '../../../src/data/shapes.js';
import { HEIGHT, makeBmcd, redMarked, temporaryFolder, WIDTH, write, xlsx } from './look-alikes.js';

describe('BMCD', async () => {
  const folder = temporaryFolder();
  await makeBmcd(folder);
  const set = await openAnnotatedSet('bmcd', folder);
  const image = (id: string): AnnotatedImage => set.images.find((one) => one.id === id)!;

  it('finds four images of each case, whatever the case of .dcm', () => {
    expect(set.images.map(({ id }) => id)).toHaveLength(12);
    expect(image('Suspicious_cases/2/MLO_recent.DCM')).toMatchObject({
      patient: 'Suspicious_cases/2',
      groups: { view: 'MLO', round: 'recent', density: 'D' },
    });
    expect(set.problems).toEqual([]);
  });

  it('finds the red marks of a JPEG of half the size at their places in the mammogram', () => {
    const { inside } = fitShapes(image('Suspicious_cases/1/CC_recent.dcm').marks ?? [], WIDTH, HEIGHT);
    const centres = inside.map((mark) => centreOf(mark));
    expect(centres).toHaveLength(2);
    for (const [i, [x, y]] of (
      [
        [20, 30],
        [40, 50],
      ] as const
    ).entries())
      expect(Math.hypot((centres[i]?.[0] ?? NaN) - x, (centres[i]?.[1] ?? NaN) - y)).toBeLessThan(1.5);
    expect(image('Suspicious_cases/1/CC_prior.dcm')).toMatchObject({ marks: [], hasMcs: false });
  });

  it('takes malignancy from the biopsy, else from BI-RADS; prior images were not malignant then', () => {
    expect(image('Suspicious_cases/1/CC_recent.dcm')).toMatchObject({ isMalignant: false, groups: { biopsied: 'yes' } });
    expect(image('Suspicious_cases/2/CC_recent.DCM').isMalignant).toBe(true);
    expect(image('Suspicious_cases/2/CC_recent.DCM').groups).not.toHaveProperty('biopsied');
    expect(image('Suspicious_cases/2/CC_prior.DCM').isMalignant).toBe(false);
    expect(image('Normal_cases/1/CC_recent.dcm').isMalignant).toBe(false);
  });
});

describe('an incomplete BMCD', async () => {
  const folder = temporaryFolder();
  await makeBmcd(folder);
  rmSync(join(folder, 'Normal_cases'), { recursive: true });
  rmSync(join(folder, 'Suspicious_cases/1/CC_recent_GT.jpg'));
  rmSync(join(folder, 'Suspicious_cases/1/MLO_recent.dcm'));
  write(folder, 'Suspicious_cases/2/CC_prior_GT.jpg', 'no picture');
  write(
    folder,
    'Description.xlsx',
    xlsx({
      Suspicious_cases: [
        ['Folder #', 'BI-RADS categories for classification'],
        [1, '4a'],
      ],
    }),
  );

  it('names every missing or damaged part, and uses the rest', async () => {
    const { images, problems } = await openAnnotatedSet('bmcd', folder);
    expect(images).toHaveLength(5);
    expect(problems).toEqual([
      'Normal_cases is missing; only Suspicious_cases is used.',
      "Description.xlsx: no sheet Normal_cases with the columns 'Folder #' and 'BI-RADS ...'; its labels are unknown.",
      'Suspicious_cases/1/CC_recent.dcm: no CC_recent_GT.jpg; its marks are unknown and it is left out.',
      'Suspicious_cases/1: no MLO_recent.dcm.',
      'Suspicious_cases/2: not in Description.xlsx; BI-RADS, density and biopsy are unknown.',
      'Suspicious_cases/2/CC_prior_GT.jpg: the picture is damaged or cut off; copy it again. Suspicious_cases/2/CC_prior.DCM is left out.',
    ]);
  });

  it('refuses another folder, and a workbook that is none', async () => {
    await expect(openAnnotatedSet('bmcd', temporaryFolder())).rejects.toThrow(/neither Normal_cases nor Suspicious_cases is here/);
    write(folder, 'Description.xlsx', 'text');
    await expect(openAnnotatedSet('bmcd', folder)).rejects.toThrow(/no readable workbook/);
  });
});

describe('red marks', () => {
  const paint = (red: readonly (readonly [number, number])[], colour: readonly [number, number, number]): Uint8Array => {
    const rgb = new Uint8Array(3 * 100).fill(90);
    for (const [x, y] of red) rgb.set(colour, 3 * (10 * y + x));
    return rgb;
  };
  const pair = [
    [3, 3],
    [4, 3],
  ] as const;
  it.each([
    ['pure red', [255, 0, 0], 1],
    ['crimson, hue 348', [220, 20, 60], 1],
    ['orange, hue 39', [255, 165, 0], 0],
    ['pink-grey, hardly coloured', [150, 110, 110], 0],
    ['nearly black', [40, 0, 0], 0],
    ['blue', [0, 0, 255], 0],
    ['white', [255, 255, 255], 0],
  ] as const)('%s: %j', (_, colour, count) => {
    expect(redMarks({ width: 10, height: 10, rgb: paint(pair, colour) })).toHaveLength(count);
  });

  it('an outline is one mark with all that it encloses; a single pixel is noise', () => {
    const ring = Array.from({ length: 9 }, (_, i) => [2 + (i % 3), 2 + Math.floor(i / 3)] as const).filter(([x, y]) => x !== 3 || y !== 3);
    const [mark, ...more] = redMarks({ width: 10, height: 10, rgb: paint([...ring, [8, 8]], [255, 0, 0]) });
    expect(more).toEqual([]);
    expect(mark && pixelsOf(mark, 10, 10)).toHaveLength(9);
  });

  it('survives JPEG with coarse colour', async () => {
    const { data } = await sharp(
      await redMarked(60, 40, [
        [10, 10, 2],
        [40, 25, 3],
      ]),
    )
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect(redMarks({ width: 60, height: 40, rgb: data }).map((mark) => centreOf(mark).map(Math.round))).toEqual([
      [10, 10],
      [40, 25],
    ]);
  });
});
