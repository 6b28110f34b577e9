import { describe, expect, it } from 'vitest';
import { checkSplits, selectSplit } from '../../../src/data/sets/annotated-set.js';
import { openAnnotatedSet } from '../../../src/data/sets/open-set.node.js';
import { dicom, temporaryFolder, write } from './look-alikes.js';

const json = (images: readonly object[], more: object = {}): string => JSON.stringify({ schema: 'mcgpu.annotations/1', ...more, images });

function folderWith(name: string, text: string, files: readonly string[] = ['a.dcm', 'deep/b.dcm']): string {
  const folder = temporaryFolder();
  for (const file of files) write(folder, file, dicom(1));
  write(folder, name, text);
  return folder;
}

const ENTRY = {
  file: 'a.dcm',
  patient: 'p1',
  split: 'test',
  malignant: true,
  groups: { density: '3' },
  marks: [
    { point: [3, 4] },
    { circle: [10, 12, 2.5] },
    { box: [20, 21, 24, 26] },
    {
      polygon: [
        [30, 30],
        [34, 30],
        [32, 35],
      ],
    },
    {
      contrast: 0.25,
      runs: [
        [50, 10, 12],
        [51, 11, 11],
      ],
    },
    { role: 'cluster', box: [40, 40, 60, 60] },
    { role: 'other', point: [70, 70] },
  ],
};

describe('a folder with annotations', () => {
  it('gives every shape and label, from JSON and from the same table as CSV', async () => {
    const csv = [
      'file,patient,split,mcs,malignant,density,role,shape,coordinates,pixelSpacingMm,contrast',
      'a.dcm,p1,test,,yes,3,,point,3 4,0.05',
      'a.dcm,p1,test,,yes,3,mc,circle,10 12 2.5,0.05',
      'a.dcm,p1,test,,yes,3,,box,"20, 21, 24, 26",0.05',
      'a.dcm,p1,test,,yes,3,,polygon,30 30 34 30 32 35,0.05',
      'a.dcm,p1,test,,yes,3,,runs,50 10 12 51 11 11,0.05,0.25',
      'a.dcm,p1,test,,yes,3,cluster,box,40 40 60 60,0.05',
      'a.dcm,p1,test,,yes,3,other,point,70 70,0.05',
      'deep/b.dcm,p2,,no,,,,,,',
    ].join('\n');
    const fromJson = await openAnnotatedSet(
      'folder',
      folderWith(
        'annotations.json',
        json([
          { ...ENTRY, pixelSpacingMm: 0.05 },
          { file: 'deep/b.dcm', patient: 'p2', mcs: false, marks: [] },
        ]),
      ),
    );
    const fromCsv = await openAnnotatedSet('folder', folderWith('annotations.csv', csv));
    const withoutPath = ({ images }: typeof fromCsv): object[] => images.map(({ path: _path, ...rest }) => rest);
    expect(withoutPath(fromCsv)).toEqual(withoutPath(fromJson));
    expect(fromJson.problems).toEqual([]);
    expect(fromJson.images[0]).toMatchObject({
      id: 'a.dcm',
      hasMcs: true,
      isMalignant: true,
      split: 'test',
      pixelSpacingMm: 0.05,
      marks: [{ kind: 'point' }, { kind: 'circle', radius: 2.5 }, { kind: 'box' }, { kind: 'polygon' }, { kind: 'runs', contrast: 0.25 }],
      unmarked: [{ kind: 'box', edges: [40, 40, 60, 60] }],
      groups: { density: '3' },
    });
    expect(fromJson.images[1]).toMatchObject({ id: 'deep/b.dcm', hasMcs: false, isMalignant: null, marks: [] });
  });

  it('an image without marks but with a label is known as a whole only; the spacing of the file holds for all', async () => {
    const folder = folderWith('annotations.json', json([{ file: 'a.dcm', patient: 'p', mcs: true }], { pixelSpacingMm: 0.07 }), ['a.dcm']);
    expect((await openAnnotatedSet('folder', folder)).images[0]).toMatchObject({ marks: null, hasMcs: true, pixelSpacingMm: 0.07 });
  });

  it('in a table, microcalcifications that no row marks were not marked one by one', async () => {
    const text = 'file,patient,mcs,shape,coordinates\na.dcm,p,yes,,\ndeep/b.dcm,q,,,\n';
    const { images } = await openAnnotatedSet('folder', folderWith('annotations.csv', text));
    expect(images.map(({ hasMcs, marks }) => [hasMcs, marks])).toEqual([
      [true, null],
      [false, []],
    ]);
  });

  it('names images without an entry and entries without an image', async () => {
    const folder = folderWith('annotations.json', json([ENTRY, { file: 'gone.dcm', patient: 'p' }]));
    expect((await openAnnotatedSet('folder', folder)).problems).toEqual([
      '1 annotated files are missing and left out: gone.dcm.',
      '1 images have no entry and are left out: deep/b.dcm.',
    ]);
  });

  it.each([
    ['annotations.json', '{', /annotations.json: it is no JSON/],
    ['annotations.json', json([]), /images: Too small/],
    ['annotations.json', json([{ ...ENTRY, mark: [] }]), /images.0: Unrecognized key: "mark"/],
    ['annotations.json', json([{ file: 'a.dcm' }]), /images.0.patient/],
    ['annotations.json', json([{ ...ENTRY, marks: [{ circle: [1, 2, -3] }] }]), /images.0.marks.0/],
    ['annotations.json', json([{ ...ENTRY, marks: [{ box: [5, 5, 5, 9] }] }]), /a box \[5, 5, 5, 9\] has no area/],
    ['annotations.json', json([{ ...ENTRY, marks: [{ runs: [[1, 5, 4]] }] }]), /a run \[1, 5, 4\] ends before it begins/],
    ['annotations.json', json([ENTRY, ENTRY]), /a.dcm has two entries/],
    ['annotations.json', json([{ ...ENTRY, file: '../a.dcm' }]), /leads out of the folder/],
    ['annotations.json', json([{ ...ENTRY, mcs: false }]), /a.dcm: marks, but mcs is false/],
    ['annotations.json', json([{ ...ENTRY, mcs: true, marks: [] }]), /a.dcm: mcs is true, but marks is empty/],
    ['annotations.json', json([{ ...ENTRY, file: 'z.dcm' }]), /none of its 1 files is in .*, e.g. z.dcm/],
    ['annotations.csv', 'file,patient\na.dcm,p', /no column 'shape'/],
    ['annotations.csv', 'file,patient,shape,coordinates\na.dcm,p,point,3 x', /record 1: coordinates '3 x', expected numbers/],
    ['annotations.csv', 'file,patient,shape,coordinates\na.dcm,p,star,3 4', /record 1, marks.0/],
    ['annotations.csv', 'file,patient,shape,coordinates\na.dcm,p,polygon,1 2 3 4 5', /polygon of 5 numbers, expected a multiple of 2/],
    ['annotations.csv', 'file,patient,mcs,shape,coordinates\na.dcm,p,maybe,,', /record 1: 'maybe', expected yes, no or nothing/],
    [
      'annotations.csv',
      'file,patient,shape,coordinates\na.dcm,p,point,1 2\na.dcm,q,point,3 4',
      /record 2 says of a.dcm other than an earlier one/,
    ],
  ])('%s: %s is refused', async (name, text, message) => {
    await expect(openAnnotatedSet('folder', folderWith(name, text))).rejects.toThrow(message);
  });

  it('is refused without annotations, and with both forms of them', async () => {
    await expect(openAnnotatedSet('folder', folderWith('a.txt', ''))).rejects.toThrow(
      /neither annotations.json nor annotations.csv is here/,
    );
    const both = folderWith('annotations.json', json([ENTRY]));
    write(both, 'annotations.csv', 'file');
    await expect(openAnnotatedSet('folder', both)).rejects.toThrow(/both annotations.json and annotations.csv/);
  });
});

describe('splits', async () => {
  const entries = (second: string): object[] => [ENTRY, { file: 'deep/b.dcm', patient: second, split: 'tuning', marks: [] }];
  const set = await openAnnotatedSet('folder', folderWith('annotations.json', json(entries('p2'))));

  it('are chosen by name', () => {
    expect(selectSplit(set, 'tuning').images.map(({ id }) => id)).toEqual(['deep/b.dcm']);
    expect(selectSplit(set, undefined).images).toHaveLength(2);
    expect(() => selectSplit(set, 'other')).toThrow(/No image is in the split 'other'; the splits here are test, tuning/);
  });

  it('never share a patient', async () => {
    const shared = await openAnnotatedSet('folder', folderWith('annotations.json', json(entries('p1'))));
    expect(() => checkSplits(shared.images)).toThrow(/a.dcm and deep\/b.dcm are of one patient but in the splits 'test' and 'tuning'/);
    expect(() => selectSplit(shared, 'test')).toThrow(/of one patient/);
  });
});
