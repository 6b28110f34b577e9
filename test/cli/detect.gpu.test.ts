import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createImage, type GrayImage } from '../../src/data/image.js';
import { findingsSchema, NOTICE, type FindingsFile, type ImageFindings } from '../../src/detect/findings.js';
import { tuningOrigin } from '../../src/kernels/tune.js';
import { writeSafetensors } from '../../src/model/safetensors.js';
import { Random } from '../../src/random.js';
import { openNodeDevice } from '../../src/runtime/gpu.node.js';
import { exportTuning, Tuning, type TuningOrigin } from '../../src/runtime/tuning.js';
import { makeDicom } from '../data/make-dicom.js';
import { runCommand, type CommandResult } from '../support/command-line.js';
import { modelBytes } from '../support/model.js';

/** A part of every patient attribute that makeDicom writes. */
const CANARY = 'CANARY';
const [WIDTH, HEIGHT] = [130, 100];

let folder = '';
let model = '';
let inputs = '';

/** A half ellipse of noisy tissue with bright specks on black, 0 .. 1. */
function breast(seed: number): GrayImage {
  const random = new Random(seed);
  const image = createImage(WIDTH, HEIGHT);
  for (let i = 0; i < image.data.length; i++) {
    const [x, y] = [i % WIDTH, Math.floor(i / WIDTH)];
    const inside = Math.hypot(x / 100, (y - HEIGHT / 2) / 46) < 1;
    image.data[i] = inside ? Math.min(1, Math.max(0, random.normal(0.4, 0.03) + (random.next() < 0.004 ? 0.4 : 0))) : 0;
  }
  return image;
}

const levels = (image: GrayImage, max: number): Uint16Array => Uint16Array.from(image.data, (v) => Math.round(v * max));

function write(path: string, content: Uint8Array | string): string {
  const whole = join(folder, path);
  mkdirSync(join(whole, '..'), { recursive: true });
  writeFileSync(whole, content);
  return whole;
}

function png(image: GrayImage, channels: 1 | 3 = 1): Promise<Buffer> {
  const grey = levels(image, 255);
  const raw = { width: image.width, height: image.height, channels };
  if (channels === 1) return sharp(Uint8Array.from(grey), { raw }).toColourspace('b-w').png().toBuffer();
  const tinted = Uint8Array.from({ length: 3 * grey.length }, (_, i) => (grey[Math.floor(i / 3)] ?? 0) * (i % 3 === 0 ? 1 : 0.7));
  return sharp(tinted, { raw }).png().toBuffer();
}

function dicom(seed: number, attributes: Readonly<Record<string, unknown>> = {}): Uint8Array {
  return makeDicom({ width: WIDTH, height: HEIGHT, pixels: levels(breast(seed), 4095), attributes });
}

const readFindings = (out: string): FindingsFile => findingsSchema.parse(JSON.parse(readFileSync(join(out, 'findings.json'), 'utf8')));

/** Runs detect with the random model into a folder that is not there yet. */
async function detect(out: string, ...argv: string[]): Promise<CommandResult & { out: string }> {
  const path = join(folder, out);
  return { ...(await runCommand('detect', ...argv, '--out', path, '--model', model)), out: path };
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mcgpu-detect-'));
  model = write('model.safetensors', modelBytes(3, { change: { threshold: 0.88 } }));
  inputs = join(folder, 'in');
  write('in/a.png', await png(breast(1)));
  write('in/deep/er/b', dicom(2, { ImagerPixelSpacing: [0.05, 0.08] }));
  write('in/deep/burned.dcm', dicom(3, { BurnedInAnnotation: 'YES' }));
  write('in/bad/text.png', 'This is not an image.');
  write('in/bad/truncated.dcm', dicom(4).subarray(0, 9000));
  write('in/bad/no-pixels.dcm', dicom(4, { PixelData: undefined }));
  write('in/bad/one.png', await png({ width: 1, height: 1, data: new Float32Array([0.5]) }));
  write('in/odd/black.png', await png(createImage(WIDTH, HEIGHT)));
  write('in/odd/colour.png', await png(breast(5), 3));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('mcgpu detect on a folder of good and bad images', () => {
  let result: CommandResult & { out: string };
  let findings: FindingsFile;
  const imageOf = (name: string): ImageFindings => {
    const found = findings.images.find(({ file }) => basename(file) === name);
    if (!found) throw new Error(`${name} is not among ${findings.images.map(({ file }) => file).join(', ')}.`);
    return found;
  };
  beforeAll(async () => {
    result = await detect('out', inputs, '--maps');
    findings = readFindings(result.out);
  });

  it('does all that can be read, lists the others and ends with code 1', () => {
    expect(result.code).toBe(1);
    expect(findings.images.map(({ file }) => file.slice(inputs.length + 1))).toEqual([
      'a.png',
      'deep/burned.dcm',
      'deep/er/b',
      'odd/black.png',
      'odd/colour.png',
    ]);
    expect(findings).toMatchObject({ schema: 'mcgpu.findings/1', notice: NOTICE, threshold: 0.88, minScore: 0.01 });
  });

  it.each([
    ['text.png', /the content is no image, whatever the name says/],
    ['truncated.dcm', /cut off|truncated|ends|incomplete|too short/],
    ['no-pixels.dcm', /pixel/i],
    ['one.png', /1x1 pixels are too few/],
  ])('says of %s what is wrong with it, once', (name, message) => {
    const [failure, ...more] = findings.failures.filter(({ file }) => basename(file) === name);
    expect(more).toEqual([]);
    expect(failure?.error).toMatch(message);
    expect(failure?.error).not.toContain(folder);
    expect(result.stderr).toContain(`${failure?.file ?? ''}: ${failure?.error ?? ''}\n`);
  });

  it('finds something, inside the image, and marks what reaches the threshold', () => {
    const { findings: found, width, height } = imageOf('a.png');
    expect([width, height]).toEqual([WIDTH, HEIGHT]);
    expect(found.some(({ marked }) => marked)).toBe(true);
    expect(found.some(({ marked }) => !marked)).toBe(true);
    for (const { x, y, score, marked } of found) {
      expect(marked).toBe(score >= findings.threshold);
      expect(Math.min(x, y)).toBeGreaterThanOrEqual(0);
      expect([x <= WIDTH - 1, y <= HEIGHT - 1]).toEqual([true, true]);
    }
  });

  it('takes the spacing from the DICOM file, else the model’s with a warning', () => {
    expect(imageOf('b').pixelSpacingMm).toEqual([0.05, 0.08]);
    expect(imageOf('b').warnings.join()).not.toMatch(/spacing/i);
    expect(imageOf('a.png').pixelSpacingMm).toEqual([0.1, 0.1]);
    expect(imageOf('a.png').warnings.join()).toMatch(/No pixel spacing in the file.*--pixel-spacing/);
    expect(result.stdout).toContain('  warning: No pixel spacing');
  });

  it('writes 16-bit maps on the original grid, 65535 = 1, that hold the findings', async () => {
    for (const name of ['1-a', '7-b', '9-colour']) {
      const maps = ['benign-like', 'malignant-like'].map((channel) => sharp(join(result.out, `${name}-${channel}.png`)));
      for (const map of maps)
        expect(await map.metadata()).toMatchObject({ width: WIDTH, height: HEIGHT, depth: 'ushort', channels: 1, format: 'png' });
    }
    const pixels = async (channel: string): Promise<Uint16Array> => {
      const { buffer, byteOffset, length } = await sharp(join(result.out, `1-a-${channel}.png`))
        .toColourspace('grey16')
        .raw({ depth: 'ushort' })
        .toBuffer();
      return new Uint16Array(buffer, byteOffset, length / 2);
    };
    const [benign, malignant] = [await pixels('benign-like'), await pixels('malignant-like')];
    const either = benign.reduce((top, b, i) => Math.max(top, 1 - (1 - b / 65535) * (1 - (malignant[i] ?? 0) / 65535)), 0);
    expect(either).toBeCloseTo(imageOf('a.png').findings[0]?.score ?? NaN, 4);
  });

  it('writes an overlay for each, but no picture where the pixels may show a name', async () => {
    expect(await sharp(join(result.out, '1-a-overlay.png')).metadata()).toMatchObject({ format: 'png', channels: 3 });
    expect(readdirSync(result.out).filter((name) => name.includes('burned'))).toEqual([]);
    expect(imageOf('burned.dcm').warnings.join()).toMatch(/No pictures were written.*--force-overlay/);
    expect(imageOf('burned.dcm').findings.length).toBeGreaterThan(0);
  });

  it('finds nothing on an image that is black all over, and says why', () => {
    expect(imageOf('black.png')).toMatchObject({ mcScore: 0, malignancyScore: 0, findings: [], clusters: [] });
    expect(imageOf('black.png').warnings.join()).toMatch(/No breast was found/);
  });

  it('takes the luminance of a colour image with a warning', () => {
    expect(imageOf('colour.png').warnings.join()).toMatch(/in colour/);
    expect(imageOf('colour.png').findings.length).toBeGreaterThan(0);
  });

  it('lets no patient attribute into any output or message', () => {
    expect(Buffer.from(dicom(2)).includes(CANARY)).toBe(true);
    expect(result.stdout + result.stderr).not.toContain(CANARY);
    for (const name of readdirSync(result.out)) expect(readFileSync(join(result.out, name)).includes(CANARY)).toBe(false);
  });

  it('leaves no temporary file', () => {
    const expected = ['1-a', '7-b', '8-black', '9-colour'].flatMap((n) =>
      ['benign-like', 'malignant-like', 'overlay'].map((what) => `${n}-${what}.png`),
    );
    expect(readdirSync(result.out).sort()).toEqual([...expected, 'findings.json'].sort());
  });
});

describe('mcgpu detect with options', () => {
  it('ends with code 0 where all is well, takes --pixel-spacing, --threshold and --min-score, and forces a picture', async () => {
    const argv = [join(inputs, 'a.png'), join(inputs, 'deep', 'burned.dcm'), '--pixel-spacing', '0.07'];
    const { code, out, stderr } = await detect('options', ...argv, '--threshold', '0.92', '--min-score', '0.85', '--force-overlay');
    expect([code, stderr]).toEqual([0, '']);
    const { images, threshold, groupThreshold, minScore } = readFindings(out);
    expect([threshold, groupThreshold, minScore]).toEqual([0.92, 0.92, 0.85]);
    expect(images[0]).toMatchObject({ pixelSpacingMm: [0.07, 0.07], warnings: [] });
    expect(images[1]?.pixelSpacingMm).toEqual([0.1, 0.1]);
    const found = images.flatMap((image) => image.findings);
    expect(found.length).toBeGreaterThan(0);
    expect(found.filter(({ score, marked }) => score < 0.85 || marked !== score >= 0.92)).toEqual([]);
    expect(readdirSync(out).sort()).toEqual(['1-a-overlay.png', '2-burned-overlay.png', 'findings.json']);
  });

  it('gives the same findings from any path and with little memory', async () => {
    const [whole, tiled] = [
      await detect('whole', join(inputs, 'a.png')),
      await detect('tiled', join(inputs, 'a.png'), '--memory-budget', '40MB'),
    ];
    expect([whole.code, tiled.code]).toEqual([0, 0]);
    expect(readFindings(tiled.out).images).toEqual(readFindings(whole.out).images);
  });

  it('stores maps in half precision where asked to and able, and says so', async (context) => {
    const device = await openNodeDevice();
    const { halfPrecision } = device;
    device.destroy();
    if (!halfPrecision) context.skip('no shader-f16 here');
    const [full, half] = [await detect('full', join(inputs, 'a.png')), await detect('half', join(inputs, 'a.png'), '--precision', 'f16')];
    expect([full.code, half.code]).toEqual([0, 0]);
    expect([full, half].map(({ out }) => readFindings(out).model.precision)).toEqual(['f32', 'f16']);
    const [exact = [], rounded = []] = [full, half].map(({ out }) => readFindings(out).images.flatMap(({ findings }) => findings));
    expect(rounded).not.toEqual(exact);
    const best = (findings: typeof exact): number => Math.max(...findings.map(({ score }) => score));
    expect(best(rounded)).toBeCloseTo(best(exact), 2);
  });

  it('prints nothing but errors under --quiet', async () => {
    const { stdout, stderr } = await detect('quiet', join(inputs, 'a.png'), join(inputs, 'bad', 'text.png'), '--quiet');
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^\[2\/2\] .*text\.png: the content is no image.*\n$/);
  });

  it('keeps earlier results unless told otherwise, and does not take them for input', async () => {
    const image = write('again/scan.png', await png(breast(6)));
    const [first, out] = [await detect('again', join(folder, 'again')), join(folder, 'again')];
    expect(first.code).toBe(0);
    const before = readFileSync(join(out, 'findings.json'), 'utf8');
    const refused = await detect('again', image);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/findings\.json exists already.*--overwrite/);
    expect(readFileSync(join(out, 'findings.json'), 'utf8')).toBe(before);
    const replaced = await detect('again', out, '--overwrite', '--threshold', '0.8');
    expect(replaced.code).toBe(0);
    expect(readFindings(out).threshold).toBe(0.8);
    expect(readFindings(out).images.map(({ file }) => basename(file))).toEqual(['scan.png']);
  });

  it('leaves no picture of the replaced run beside the new ones, and takes none away that is an input', async () => {
    const first = await detect('replaced', join(inputs, 'odd', 'colour.png'), join(inputs, 'a.png'), '--maps');
    writeFileSync(join(first.out, 'notes.png'), 'not ours');
    const { code, out } = await detect('replaced', join(first.out, '2-a-overlay.png'), '--overwrite');
    expect(code).toBe(0);
    expect(readdirSync(out).sort()).toEqual(['1-2-a-overlay-overlay.png', '2-a-overlay.png', 'findings.json', 'notes.png']);
  });

  it('goes on after a path that leads nowhere', async () => {
    const { code, out } = await detect('gap', join(folder, 'absent.png'), join(inputs, 'a.png'));
    expect(code).toBe(1);
    expect(readFindings(out).failures).toEqual([{ file: join(folder, 'absent.png'), error: 'no such file or folder. Check the path.' }]);
    expect(readFindings(out).images).toHaveLength(1);
  });
});

describe('mcgpu detect with a tuning table', () => {
  const key = 'conv3x3 1->8 16384px f32';
  const withTable = (out: string, origin: TuningOrigin): ReturnType<typeof detect> => {
    const table = exportTuning(new Tuning(new Map([[key, 'strip wg32']])), origin);
    return detect(out, join(inputs, 'a.png'), '--tuning', write(`${out}.json`, JSON.stringify(table)));
  };
  let here: TuningOrigin;
  beforeAll(async () => {
    const device = await openNodeDevice();
    here = await tuningOrigin(device);
    device.destroy();
  });

  it('says in findings.json which', async () => {
    const { code, out, stderr } = await withTable('tuned', here);
    expect([code, stderr]).toEqual([0, '']);
    expect(readFindings(out).model.tuning).toMatch(/^[0-9a-f]{16} \(1 choice\)$/);
  });

  it('of other kernels does without it, and says so once', async () => {
    const { code, out, stderr } = await withTable('stale', { ...here, wgsl: 'other' });
    expect(code).toBe(0);
    expect(stderr).toMatch(/^warning: .*stale\.json is ignored: .*"other", here it is "[0-9a-f]{16}"\.\n$/);
    expect(readFindings(out).model.tuning).toBeNull();
  });
});

describe('mcgpu detect refuses', () => {
  /** Nothing done: code, one message on stderr without a stack, and no folder. */
  async function refused(code: number, argv: readonly string[]): Promise<string> {
    const out = join(folder, 'refused');
    const result = await runCommand('detect', ...argv, '--out', out);
    expect(result.code).toBe(code);
    expect(result.stdout).toBe('');
    expect(result.stderr).not.toMatch(/^ {4}at /m);
    expect(existsSync(out)).toBe(false);
    return result.stderr;
  }
  const withModel = (path: string): string[] => [join(inputs, 'a.png'), '--model', path];

  it('a file that is not there, and an empty folder', async () => {
    expect(await refused(1, [join(folder, 'absent.png')])).toMatch(/absent\.png: no such file or folder/);
    mkdirSync(join(folder, 'empty'));
    expect(await refused(1, [join(folder, 'empty')])).toMatch(/empty: .*no image found/);
  });

  it('wrong usage, with code 2', async () => {
    const image = join(inputs, 'a.png');
    for (const spacing of ['0', '-0.1', 'NaN', 'wide'])
      expect(await refused(2, [image, '--pixel-spacing', spacing])).toMatch(/not a distance in mm/);
    expect(await refused(1, [image, '--threshold', '0.5', '--group-threshold', '0.6'])).toMatch(/in groups is 0.6, expected at most/);
    expect(await refused(2, [image, '--threshold', '1.5'])).toMatch(/not a number from 0 to 1/);
    expect(await refused(2, [image, '--memory-budget', 'much'])).toMatch(/not an amount of memory/);
    expect(await refused(2, [image, '--precision', 'f8'])).toMatch(/Allowed choices are f32, f16/);
    expect(await refused(2, [image, '--treshold', '0.5'])).toMatch(/Did you mean --threshold/);
    expect((await runCommand('detect', image)).code).toBe(2);
  });

  it('a tuning table that is none', async () => {
    const broken = write('broken.json', '{"schema": "mcgpu.tuning/1"}');
    expect(await refused(1, [join(inputs, 'a.png'), '--tuning', broken])).toMatch(
      /broken\.json: not a table of kernel choices, at adapter/,
    );
  });

  it('a pixel spacing that no detector has', async () => {
    expect(await refused(1, [join(inputs, 'a.png'), '--pixel-spacing', '70'])).toMatch(/pixel spacing 70 mm, expected 0.001 to 10 mm/);
  });

  it('model files that are missing, foreign, cut off, of another architecture, or hold NaN', async () => {
    const whole = modelBytes(3);
    const bad: [string, Uint8Array, RegExp][] = [
      ['foreign', writeSafetensors(new Map()), /of another program/],
      ['text', new TextEncoder().encode('no model at all'), /safetensors/],
      ['cut', whole.subarray(0, whole.length - 100), /cut short/],
      ['other', modelBytes(3, { change: { architecture: 'resnet' } }), /architecture 'resnet'/],
      ['odd', modelBytes(3, { change: { config: { encoder: [1] } } }), /config\./],
    ];
    for (const [name, bytes, message] of bad) expect(await refused(1, withModel(write(`${name}.safetensors`, bytes)))).toMatch(message);
    const nan = whole.slice();
    new DataView(nan.buffer).setFloat32(nan.length - 4, NaN, true);
    expect(await refused(1, withModel(write('nan.safetensors', nan)))).toMatch(/NaN/);
    expect(await refused(1, withModel(join(folder, 'absent.safetensors')))).toMatch(/absent\.safetensors: .*no such file/);
  });

  it('to work without an adapter', async () => {
    const script = `import { run } from './src/cli/main.ts'; process.exitCode = await run(process.argv.slice(1));`;
    const out = join(folder, 'no-adapter');
    const argv = ['detect', join(inputs, 'a.png'), '--model', model, '--out', out];
    const env = { ...process.env, VK_ICD_FILENAMES: '/nonexistent', VK_DRIVER_FILES: '/nonexistent', MCGPU_ADAPTER: '' };
    const [code, stderr] = await new Promise<[number | null, string]>((resolve) => {
      const child = execFile(
        process.execPath,
        ['--import', 'tsx', '--input-type=module', '-e', script, '--', ...argv],
        { env },
        (_e, _o, text) => {
          resolve([child.exitCode, text]);
        },
      );
    });
    // Where the system brings an adapter besides Vulkan (Metal, D3D12), there is nothing to refuse.
    if (process.platform === 'linux') {
      expect(code).toBe(1);
      expect(stderr).toMatch(/No WebGPU adapter was found/);
      expect(existsSync(out)).toBe(false);
    }
  });
});

describe('mcgpu detect that cannot write', () => {
  it('says so where the output folder is a file, or lies below one', async () => {
    write('file', 'x');
    expect(await detect('file', join(inputs, 'a.png'))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Choose another path') as string,
    });
    expect(await detect('file/below', join(inputs, 'a.png'))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Check the path') as string,
    });
    expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('x');
  });

  it('stops at the first picture that is refused, and leaves neither half of it nor a findings.json', async () => {
    write('blocked/1-a-overlay.png/in-the-way', 'x');
    const { code, stderr, out } = await detect('blocked', join(inputs, 'a.png'), join(inputs, 'odd', 'colour.png'));
    expect(code).toBe(1);
    expect(stderr).toMatch(/1-a-overlay\.png: could not write it/);
    expect(readdirSync(out)).toEqual(['1-a-overlay.png']);
  });
});

describe('a memory budget that is too small', () => {
  it('fails every image with the least that would do', async () => {
    const { code, out } = await detect('budget', join(inputs, 'a.png'), '--memory-budget', '64KB');
    expect(code).toBe(1);
    expect(readFindings(out).failures[0]?.error).toMatch(/too small.*Use --memory-budget \d+MB or more/);
  });
});
