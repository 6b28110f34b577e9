import { createHash } from 'node:crypto';
import type { Mammogram } from '../data/mammogram.js';
import { checkSpacingOption } from '../data/pixel-spacing.js';
import { decodeMammogram, readImageFile } from '../data/read.node.js';
import type { AnnotatedImage, AnnotatedSet } from '../data/sets/annotated-set.js';
import { UserError } from '../errors.js';

export const sha256Of = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

/** sha256 of every image's bytes by id; null where a file cannot be read (which its evaluation will say). */
export async function hashImages(images: readonly AnnotatedImage[]): Promise<Map<string, string | null>> {
  const hashes = new Map<string, string | null>();
  for (const { id, path } of images)
    hashes.set(
      id,
      await readImageFile(path).then(sha256Of, (error: unknown) => {
        if (error instanceof UserError) return null;
        throw error;
      }),
    );
  return hashes;
}

/** One hash over images, labels and marks: figures with the same one are of the same data. */
export function dataHashOf({ images }: AnnotatedSet, hashes: ReadonlyMap<string, string | null>): string {
  const lines = images.map(({ path: _path, ...said }) => `${hashes.get(said.id) ?? 'unreadable'} ${JSON.stringify(said)}`);
  return sha256Of(lines.sort().join('\n'));
}

/**
 * Reads an image with a pixel spacing: the file's, else the set's, else the option's.
 * @throws UserError where none is known though distances to marks have to be measured
 */
export async function readAnnotated(image: AnnotatedImage, optionMm: number | undefined): Promise<Mammogram> {
  const mammogram = await decodeMammogram(await readImageFile(image.path));
  if (mammogram.pixelSpacingMm !== null) return mammogram;
  const mm = image.pixelSpacingMm ?? optionMm;
  if (mm === undefined) {
    if (image.marks === null) return mammogram;
    throw new UserError(
      'no pixel spacing in the file, and marks are matched in mm. Give --pixel-spacing, or pixelSpacingMm in the annotations.',
    );
  }
  checkSpacingOption(mm);
  return { ...mammogram, pixelSpacingMm: [mm, mm] };
}
