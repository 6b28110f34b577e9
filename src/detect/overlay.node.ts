import sharp from 'sharp';
import type { GrayImage } from '../data/image.js';
import { writeFileAtomic } from '../files.node.js';
import type { Picture } from './canvas.js';

/** Writes a picture as 8-bit RGB PNG. @throws UserError where the place cannot be written */
export async function writePicture(path: string, { width, height, rgb }: Picture): Promise<void> {
  const png = await sharp(rgb, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
  await writeFileAtomic(path, png);
}

/** Writes a probability map as 16-bit grey PNG: 65535 = 1. @throws UserError where the place cannot be written */
export async function writeProbabilityMap(path: string, { width, height, data }: GrayImage): Promise<void> {
  const levels = Uint16Array.from(data, (p) => Math.round(65535 * Math.min(Math.max(p, 0), 1)));
  const png = await sharp(levels, { raw: { width, height, channels: 1 } })
    .toColourspace('grey16')
    .png()
    .toBuffer();
  await writeFileAtomic(path, png);
}
