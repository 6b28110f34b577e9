import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { AnnotatedImage } from '../../../src/data/sets/annotated-set.js';
import { openAnnotatedSet } from '../../../src/data/sets/open-set.node.js';
import { Ranking } from '../../../src/evaluate/ranking.js';
import { dataPath } from '../fixtures.js';
import { dicom, temporaryFolder, write } from './look-alikes.js';

const HEADER = 'file,patient_id,view,abnormality_type,calc_type,calc_distribution,pathology,breast_density,width,height';

describe('CBIS-DDSM crops', () => {
  it('reads labels, splits by patient and ranks calcification crops by area within their split', async () => {
    const folder = temporaryFolder();
    const rows = Array.from(
      { length: 40 },
      (_, i) => `c${i}.jpg,P_${i},CC,calcification,PUNCTATE,N/A,${i % 2 ? 'MALIGNANT' : 'BENIGN_WITHOUT_CALLBACK'},2,${100 + i},10`,
    );
    write(
      folder,
      'labels.csv',
      [HEADER, ...rows, 'm.jpg,P_m,MLO,mass,,,BENIGN,3,50,50', 'gone.jpg,P_g,MLO,mass,,,BENIGN,3,50,50'].join('\n'),
    );
    for (const row of rows) write(folder, row.slice(0, row.indexOf(',')), dicom(1));
    write(folder, 'm.jpg', dicom(1));
    const { images, problems } = await openAnnotatedSet('cbis-crops', folder);
    expect(problems).toEqual(['1 of 42 files of labels.csv are missing; they are left out.']);
    const mass = images.find(({ id }) => id === 'm.jpg');
    expect(mass).toMatchObject({
      hasMcs: false,
      isMalignant: false,
      marks: null,
      pixelSpacingMm: 0.045,
      groups: { view: 'MLO', density: '3' },
    });
    expect(mass?.groups).not.toHaveProperty('calcificationType');
    const first = images.find(({ id }) => id === 'c0.jpg');
    expect(first).toMatchObject({
      hasMcs: true,
      isMalignant: false,
      groups: { biopsied: 'no', calcificationType: 'PUNCTATE', distribution: 'N/A', areaQuintile: '1' },
    });
    for (const split of ['select', 'report']) {
      const own = images.filter((image) => image.split === split && image.hasMcs);
      const sizes = [1, 2, 3, 4, 5].map((q) => own.filter(({ groups }) => groups.areaQuintile === String(q)).length);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    }
  });

  it('refuses other tables and folders without the files', async () => {
    const folder = temporaryFolder();
    write(folder, 'labels.csv', 'file,label\na,b');
    await expect(openAnnotatedSet('cbis-crops', folder)).rejects.toThrow(/no column 'patient_id'/);
    write(folder, 'labels.csv', `${HEADER}\na.jpg,P,CC,mass,,,BENIGN,1,9,9`);
    await expect(openAnnotatedSet('cbis-crops', folder)).rejects.toThrow(/none of the 1 files of labels.csv is here/);
    await expect(openAnnotatedSet('cbis-crops', temporaryFolder())).rejects.toThrow(/labels.csv: could not read it: no such file/);
  });
});

const shared = dataPath('cbis-crops');
describe.skipIf(!existsSync(shared))('the CBIS-DDSM crops at hand (skipped without ../shared/data)', async () => {
  const { images } = existsSync(shared) ? await openAnnotatedSet('cbis-crops', shared) : { images: [] };
  it('are all there, and no patient is in both splits', () => {
    expect([images.length, images.filter(({ hasMcs }) => hasMcs).length, new Set(images.map(({ patient }) => patient)).size]).toEqual([
      1955, 1512, 916,
    ]);
    const splits = new Map<string, Set<string | null>>();
    for (const { patient, split } of images) splits.set(patient, (splits.get(patient) ?? new Set()).add(split));
    expect([...splits.values()].every((own) => own.size === 1)).toBe(true);
  });

  it('tell malignant from benign by the area of the crop alone, which the quintiles take away', () => {
    const area = new Ranking(...scored(images, ({ groups }) => Number(groups.areaQuintile)));
    expect(area.auc(new Float64Array(images.length).fill(1))).toBeGreaterThan(0.65);
  });
});

function scored(images: readonly AnnotatedImage[], score: (image: AnnotatedImage) => number): [number[], number[]] {
  const own = images.filter(({ hasMcs }) => hasMcs);
  return [own.map(score), own.map(({ isMalignant }) => (isMalignant ? 1 : 0))];
}
