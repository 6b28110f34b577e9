import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../src/random.js';
import { runCommand } from '../support/command-line.js';
import { temporaryFolder } from '../train/small-run.js';

const folder = temporaryFolder();
const image = join(folder, 'image.png');
const [WIDTH, HEIGHT] = [96, 80];
/** A bright spot of a few pixels. */
const SPOT = { x: 40, y: 24 };

beforeAll(async () => {
  const random = new Random(2);
  const pixels = Uint16Array.from({ length: WIDTH * HEIGHT }, (_, i) => {
    const distance = Math.hypot((i % WIDTH) - SPOT.x, Math.floor(i / WIDTH) - SPOT.y);
    return 20000 + 500 * random.normal() + (distance < 2.2 ? 12000 : 0);
  });
  await sharp(pixels, { raw: { width: WIDTH, height: HEIGHT, channels: 1 } })
    .toColourspace('grey16')
    .png()
    .toFile(image);
});

const explain = (...argv: string[]) => runCommand('explain', image, '--pixel-spacing', '0.1', ...argv);

describe('mcgpu explain', () => {
  it('writes a heat map with its peak at the spot, an overlay, and what was explained', async () => {
    const out = join(folder, 'whole');
    const { code, stdout } = await explain('--class', 'benign', '--layer', 'dec.1', '--out', out);
    expect(code).toBe(0);
    expect(stdout).toMatch(/benign-like at dec\.1 in 0,0,96,80: p \d\.\d{3}/);
    const { data, info } = await sharp(join(out, 'heat-map.png'))
      .toColourspace('grey16')
      .raw({ depth: 'ushort' })
      .toBuffer({ resolveWithObject: true });
    expect([info.width, info.height]).toEqual([WIDTH, HEIGHT]);
    const heat = new Uint16Array(data.buffer, data.byteOffset, WIDTH * HEIGHT);
    const at = heat.indexOf(Math.max(...heat));
    expect(Math.hypot((at % WIDTH) - SPOT.x, Math.floor(at / WIDTH) - SPOT.y)).toBeLessThan(4);
    expect((await sharp(join(out, 'overlay.png')).metadata()).channels).toBe(3);
    const said = JSON.parse(readFileSync(join(out, 'explanation.json'), 'utf8')) as { classes: Record<string, number> };
    expect(said).toMatchObject({ schema: 'mcgpu.explanation/1', className: 'benign-like', layer: 'dec.1' });
    expect(Object.values(said.classes).reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
    expect(readFileSync(join(out, 'explanation.json'), 'utf8')).toContain('Research use only');
  });

  it('does not replace earlier results unless told to', async () => {
    const again = await explain('--out', join(folder, 'whole'));
    expect(again.code).toBe(1);
    expect(again.stderr).toMatch(/explanation\.json exists already.*--overwrite/);
    expect((await explain('--out', join(folder, 'whole'), '--overwrite', '--region', '16,8,64,48')).code).toBe(0);
  });

  it.each([
    [['--class', 'mass'], /no class 'mass', expected one of none, benign-like, malignant-like/],
    [['--layer', 'conv9'], /no layer 'conv9' to explain by, expected one of enc\.0, .*dec\.0/],
    [['--region', '60,0,64,64'], /region 60,0,64,64 is not inside the image of 96x80 px/],
    [['--region', '0,0,8,8'], /region is 8x8 px at the model's spacing, expected sides of at least 32/],
  ])('explains %j and writes nothing', async (argv, message) => {
    const out = join(folder, 'none');
    const { code, stderr } = await explain('--out', out, ...argv);
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
    expect(existsSync(out)).toBe(false);
  });

  it('refuses what is no region', async () => {
    const { code, stderr } = await explain('--out', join(folder, 'none'), '--region', '1,2,3');
    expect(code).toBe(2);
    expect(stderr).toMatch(/'1,2,3' is not a region; write left,top,width,height/);
  });
});
