// Small folders that look like published data sets, quirks included; nothing in them comes from these sets.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import sharp from 'sharp';
import { afterAll } from 'vitest';
import { Random } from '../../../src/random.js';
import { makeDicom } from '../make-dicom.js';

/** A folder that is removed after the file's tests. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mcgpu-sets-'));
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

export function write(folder: string, path: string, content: Uint8Array | string): string {
  const whole = join(folder, path);
  mkdirSync(dirname(whole), { recursive: true });
  writeFileSync(whole, content);
  return whole;
}

export const [WIDTH, HEIGHT] = [96, 80];

/** Noisy tissue on the left, black on the right, bright specks of 3x3 px at the given places. */
export function tissue(seed: number, specks: readonly (readonly [x: number, y: number])[] = [], max = 4095): Uint16Array {
  const random = new Random(seed);
  const inBreast = (x: number, y: number): boolean => Math.hypot(x / 80, (y - HEIGHT / 2) / 38) < 1;
  const pixels = Uint16Array.from({ length: WIDTH * HEIGHT }, (_, i) => {
    const [x, y] = [i % WIDTH, Math.floor(i / WIDTH)];
    return inBreast(x, y) ? Math.round(max * Math.min(1, Math.max(0, random.normal(0.4, 0.02)))) : 0;
  });
  for (const [x, y] of specks)
    for (let dy = -1; dy <= 1; dy++) for (let dx = -1; dx <= 1; dx++) pixels[(y + dy) * WIDTH + x + dx] = Math.round(0.9 * max);
  return pixels;
}

export function dicom(
  seed: number,
  specks: readonly (readonly [number, number])[] = [],
  attributes: Readonly<Record<string, unknown>> = {},
): Uint8Array {
  return makeDicom({ width: WIDTH, height: HEIGHT, pixels: tissue(seed, specks), attributes });
}

export interface PlistRoi {
  readonly name: string;
  readonly points: readonly string[];
}

/** What OsiriX writes, less what no one reads. */
export function plist(rois: readonly PlistRoi[]): string {
  const one = ({ name, points }: PlistRoi): string =>
    `<dict><key>Area</key><real>0.0</real><key>IndexInImage</key><integer>0</integer><key>Name</key><string>${name}</string>` +
    `<key>NumberOfPoints</key><integer>${points.length}</integer>` +
    `<key>Point_px</key><array>${points.map((p) => `<string>${p}</string>`).join('\n')}</array><key>Type</key><integer>15</integer></dict>`;
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0"><dict><key>Images</key><array><dict><key>ImageIndex</key><integer>0</integer>
<key>NumberOfROIs</key><integer>${rois.length}</integer><key>ROIs</key><array>${rois.map(one).join('\n')}</array></dict></array></dict></plist>`;
}

/** A workbook of text cells with several sheets: a ZIP without compression. */
export function xlsx(sheets: Readonly<Record<string, readonly (readonly (string | number | null)[])[]>>): Uint8Array {
  const names = Object.keys(sheets);
  const column = (i: number): string => String.fromCharCode(65 + i);
  const cell = (value: string | number | null, ref: string): string =>
    value === null
      ? ''
      : typeof value === 'number'
        ? `<c r="${ref}"><v>${value}</v></c>`
        : `<c r="${ref}" t="inlineStr"><is><t>${value}</t></is></c>`;
  const rows = (table: readonly (readonly (string | number | null)[])[]): string =>
    table.map((row, r) => `<row r="${r + 1}">${row.map((value, c) => cell(value, `${column(c)}${r + 1}`)).join('')}</row>`).join('');
  const main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
  const relation = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
  const packaged = 'http://schemas.openxmlformats.org/package/2006';
  const sheetType = 'application/vnd.openxmlformats-officedocument.spreadsheetml';
  const files: Record<string, string> = {
    '[Content_Types].xml': `<Types xmlns="${packaged}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="${sheetType}.sheet.main+xml"/>${names.map((_, i) => `<Override PartName="/xl/worksheets/sheet${i + 1}.xml" ContentType="${sheetType}.worksheet+xml"/>`).join('')}</Types>`,
    '_rels/.rels': `<Relationships xmlns="${packaged}/relationships"><Relationship Id="rId1" Type="${relation}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
    'xl/workbook.xml': `<workbook xmlns="${main}" xmlns:r="${relation}"><sheets>${names.map((name, i) => `<sheet name="${name}" sheetId="${i + 1}" r:id="rId${i + 1}"/>`).join('')}</sheets></workbook>`,
    'xl/_rels/workbook.xml.rels': `<Relationships xmlns="${packaged}/relationships">${names.map((_, i) => `<Relationship Id="rId${i + 1}" Type="${relation}/worksheet" Target="worksheets/sheet${i + 1}.xml"/>`).join('')}</Relationships>`,
    ...Object.fromEntries(
      names.map((name, i) => [
        `xl/worksheets/sheet${i + 1}.xml`,
        `<worksheet xmlns="${main}"><sheetData>${rows(sheets[name] ?? [])}</sheetData></worksheet>`,
      ]),
    ),
  };
  return storedZip(files);
}

/** PKZIP, method 0. */
function storedZip(files: Readonly<Record<string, string>>): Uint8Array {
  const [parts, directory]: Buffer[][] = [[], []];
  let offset = 0;
  for (const [name, text] of Object.entries(files)) {
    const [path, data] = [Buffer.from(name), Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>${text}`)];
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt32LE(crc32(data), 10);
    fields.writeUInt32LE(data.length, 14);
    fields.writeUInt32LE(data.length, 18);
    fields.writeUInt16LE(path.length, 22);
    parts?.push(Buffer.from('PK\u0003\u0004', 'latin1'), fields, path, data);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    directory?.push(Buffer.from('PK\u0001\u0002', 'latin1'), Buffer.from([20, 0]), fields, tail, path);
    offset += 30 + path.length + data.length;
  }
  const central = Buffer.concat(directory ?? []);
  const end = Buffer.alloc(22);
  end.write('PK\u0005\u0006', 'latin1');
  end.writeUInt16LE(Object.keys(files).length, 8);
  end.writeUInt16LE(Object.keys(files).length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...(parts ?? []), central, end]);
}

/** A grey picture with red blots, as JPEG: centre and radius in its own px. */
export function redMarked(
  width: number,
  height: number,
  blots: readonly (readonly [x: number, y: number, radius: number])[],
): Promise<Buffer> {
  const rgb = new Uint8Array(3 * width * height).fill(110);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      if (blots.some(([bx, by, radius]) => Math.hypot(x - bx, y - by) <= radius)) rgb.set([235, 20, 25], 3 * (y * width + x));
  return sharp(rgb, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 92, chromaSubsampling: '4:2:0' })
    .toBuffer();
}

/** An INbreast of five images of three patients; returns the specks of the first. */
export function makeInbreast(folder: string): readonly (readonly [number, number])[] {
  const specks = [
    [20, 30],
    [30, 40],
    [44, 36],
  ] as const;
  const name = (id: string, hash: string, side: string, view: string): string => `AllDICOMs/${id}_${hash}_MG_${side}_${view}_ANON.dcm`;
  write(folder, name('20000001', 'aaa111', 'L', 'CC'), dicom(1, specks));
  write(folder, name('20000002', 'aaa111', 'L', 'ML'), dicom(2));
  write(folder, name('50994300', 'bbb222', 'R', 'FB'), dicom(3));
  write(folder, name('53582540', 'bbb222', 'R', 'CC'), dicom(4, [[40, 40]]));
  write(folder, name('20000005', 'ccc333', 'R', 'ML'), dicom(5));
  write(
    folder,
    'AllXML/20000001.xml',
    plist([
      { name: 'Calcification', points: ['(19, 29)', '(21, 29)', '(21, 31)', '(19, 31)'] },
      { name: 'Point 1', points: ['(30.000000, 40.000000)'] },
      { name: 'Unnamed', points: ['(44, 36)'] },
      { name: 'Calcifications', points: ['(500, 36)'] },
      { name: 'Cluster', points: ['(10, 20)', '(50, 20)', '(50, 50)', '(10, 50)'] },
      { name: 'Mass', points: ['(60, 20)', '(70, 20)', '(70, 30)'] },
      { name: 'Asymmetry', points: [] },
      { name: 'Scribble', points: ['(1, 1)'] },
    ]),
  );
  write(folder, 'AllXML/53582540.xml', plist([{ name: 'cluster ', points: ['(35, 35)', '(45, 35)', '(45, 45)', '(35, 45)'] }]));
  write(folder, 'AllXML/20009999.xml', plist([]));
  write(
    folder,
    'INbreast.csv',
    [
      'Patient ID;Patient age;Laterality;View;Acquisition date;File Name;ACR;Bi-Rads',
      'removed;removed;L;CC;201001;20000001;2;5',
      'removed;removed;L;MLO;201001;20000002;2;3',
      'removed;removed;R;FB;200911;50994300;1;1',
      'removed;removed;R;CC;200911;53582540;;4a',
      'removed;removed;R;MLO;200911;20000005;4;1',
      'removed;removed;R;MLO;200911;20007777;4;1',
    ].join('\r\n'),
  );
  return specks;
}

/** A BMCD of three cases; the GT pictures are half as large as the mammograms. */
export async function makeBmcd(folder: string): Promise<void> {
  const head = [
    'Folder #',
    'Age (at the time of the recent mammogram)',
    'Breast (Right/Left)',
    'BI-RADS categories for breast density',
    'BI-RADS categories for classification ',
  ];
  const title = [['Description of the cases'], [null]];
  write(
    folder,
    'Description.xlsx',
    xlsx({
      Normal_cases: [...title, head, [1, 55, 'Right', 'b', 1]],
      Suspicious_cases: [...title, [...head, 'Biopsy'], [1, 61, 'Left', 'c', '4a', 'Benign'], [2, 48, 'Left', 'd', 5, 'NOT AVAILABLE']],
    }),
  );
  const specks = [
    [20, 30],
    [40, 50],
  ] as const;
  const blots = specks.map(([x, y]) => [(x + 0.5) / 2 - 0.5, (y + 0.5) / 2 - 0.5, 1.5] as const);
  let seed = 10;
  for (const [place, isMarked] of [
    ['Normal_cases/1', false],
    ['Suspicious_cases/1', true],
    ['Suspicious_cases/2', true],
  ] as const)
    for (const name of ['CC_prior', 'CC_recent', 'MLO_prior', 'MLO_recent']) {
      const marked = isMarked && name.endsWith('recent');
      write(folder, `${place}/${name}.${place.endsWith('2') ? 'DCM' : 'dcm'}`, dicom(seed++, marked ? specks : []));
      write(folder, `${place}/${name}_GT.jpg`, await redMarked(WIDTH / 2, HEIGHT / 2, marked ? blots : []));
    }
}
