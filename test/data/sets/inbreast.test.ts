import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { AnnotatedImage } from '../../../src/data/sets/annotated-set.js';
import { parseInbreastRois } from '../../../src/data/sets/inbreast-rois.js';
import { openAnnotatedSet } from '../../../src/data/sets/open-set.node.js';
import { centreOf, fitShapes } from '../../../src/data/shapes.js';
import { dicom, HEIGHT, makeInbreast, plist, temporaryFolder, WIDTH, write } from './look-alikes.js';

describe('INbreast', async () => {
  const folder = temporaryFolder();
  const specks = makeInbreast(folder);
  const set = await openAnnotatedSet('inbreast', folder);
  const image = (id: string): AnnotatedImage => set.images.find((one) => one.id.includes(id))!;

  it('takes patient, side and view from the file names, since the table has them removed', () => {
    expect(set.images.map(({ id, patient, groups }) => [id.slice(10, 18), patient, groups.side, groups.view])).toEqual([
      ['20000001', 'aaa111', 'L', 'CC'],
      ['20000002', 'aaa111', 'L', 'ML'],
      ['20000005', 'ccc333', 'R', 'ML'],
      ['50994300', 'bbb222', 'R', 'FB'],
      ['53582540', 'bbb222', 'R', 'CC'],
    ]);
  });

  it('takes calcifications of all names as marks, x the column, and neither masses nor clusters', () => {
    const marks = image('20000001').marks ?? [];
    expect(marks.map((mark) => centreOf(mark).map(Math.round))).toEqual([...specks, [500, 36]]);
    expect(marks.map(({ kind }) => kind)).toEqual(['polygon', 'point', 'point', 'point']);
    expect(fitShapes(marks, WIDTH, HEIGHT).outside).toBe(1);
  });

  it('excuses findings in a cluster only where none of its calcifications is marked', () => {
    expect(image('20000001').unmarked).toEqual([]);
    expect(image('53582540')).toMatchObject({ marks: [], hasMcs: true, unmarked: [{ kind: 'polygon' }] });
  });

  it('calls BI-RADS 4 to 6 malignant, and leaves a blank density out', () => {
    expect(set.images.map(({ isMalignant }) => isMalignant)).toEqual([true, false, false, false, true]);
    expect(image('20000001').groups.density).toBe('2');
    expect(image('53582540').groups).not.toHaveProperty('density');
  });

  it('takes an image without XML as one without marks, and says so where BI-RADS speaks against it', () => {
    expect(image('50994300')).toMatchObject({ hasMcs: false, marks: [] });
    expect(set.problems).toEqual([
      '20000002: BI-RADS 3 but no AllXML/20000002.xml; taken as an image without marks.',
      'Regions of unknown names, not used: Scribble.',
      'AllXML without an image: 20009999.',
      'In INbreast.csv but not in AllDICOMs: 20007777.',
    ]);
  });

  it('is found in a folder of the release’s own name too', async () => {
    const outer = temporaryFolder();
    makeInbreast(join(outer, 'INbreast Release 1.0'));
    const inner = await openAnnotatedSet('inbreast', `${outer}/`);
    expect(inner.images[0]?.id).toBe('INbreast Release 1.0/AllDICOMs/20000001_aaa111_MG_L_CC_ANON.dcm');
  });
});

describe('a damaged INbreast', () => {
  it.each([
    ['AllDICOMs', /no folder AllDICOMs, expected the INbreast release. Give the folder that holds AllDICOMs/],
    ['AllXML', /no AllXML beside AllDICOMs. Unpack the whole release/],
    ['INbreast.csv', /no INbreast.csv beside AllDICOMs/],
  ])('without %s is refused', async (part, message) => {
    const folder = temporaryFolder();
    makeInbreast(folder);
    rmSync(join(folder, part), { recursive: true });
    await expect(openAnnotatedSet('inbreast', folder)).rejects.toThrow(message);
  });

  it('loses the image whose XML is cut off, with a word about it', async () => {
    const folder = temporaryFolder();
    makeInbreast(folder);
    write(folder, 'AllXML/20000001.xml', plist([{ name: 'Calcification', points: ['(1, 2)'] }]).slice(0, 400));
    write(folder, 'AllDICOMs/notes.dcm', dicom(1));
    const { images, problems } = await openAnnotatedSet('inbreast', folder);
    expect(images.map(({ id }) => id.slice(10, 18))).not.toContain('20000001');
    expect(problems).toContain('AllXML/20000001.xml: the XML is damaged or cut off. Copy the file again. The image is left out.');
    expect(problems).toContain('AllDICOMs: a file is not named <id>_<hash>_MG_<L|R>_<view>_ANON.dcm; it is left out.');
  });

  it('is told apart from other files', () => {
    expect(() => parseInbreastRois('<html></html>')).toThrow(/no XML property list/);
    expect(() => parseInbreastRois('<?xml version="1.0"?><plist><dict></dict></plist>')).toThrow(/no 'Images'/);
    expect(() => parseInbreastRois(plist([{ name: 'Calcification', points: ['(1; 2)'] }]))).toThrow(/region 1: a point is not of the form/);
  });
});
