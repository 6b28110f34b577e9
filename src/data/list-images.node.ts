import { readdir, realpath, stat } from 'node:fs/promises';
import { extname, join, resolve } from 'node:path';
import { UserError } from '../errors.js';
import { fileError, looksLikeImage } from './read.node.js';

/** Files so named are listed even where their content is something else, so that reading them says what is wrong. */
const IMAGE_EXTENSIONS = new Set(['.png', '.jpg', '.jpeg', '.tif', '.tiff', '.dcm', '.dicom']);

/**
 * Image files: those given, as they are and in their order; of folders everything below that is named like an image or starts
 * like one (DICOM files often have no extension), sorted by path. Other files in folders, and hidden ones, are left out.
 *
 * @throws UserError for a path that is not there or cannot be opened, or where no image is left
 */
export async function listImages(paths: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const path of paths) {
    try {
      if ((await stat(path)).isDirectory()) found.push(...(await imagesBelow(path, new Set())));
      else found.push(path);
    } catch (error) {
      const explained = fileError(error);
      throw explained instanceof UserError ? new UserError(`${path}: ${explained.message}`) : explained;
    }
  }
  if (found.length === 0)
    throw new UserError(`${paths.join(', ')}: no image found. Give PNG, TIFF, JPEG or DICOM files, or folders of them.`);
  return distinct(found);
}

/** `visited` holds real paths, so that a link to a parent folder does not run in circles. */
async function imagesBelow(folder: string, visited: Set<string>): Promise<string[]> {
  const real = await realpath(folder);
  if (visited.has(real)) return [];
  visited.add(real);
  const names = (await readdir(folder)).filter((name) => !name.startsWith('.')).sort();
  const found: string[] = [];
  for (const name of names) {
    const path = join(folder, name);
    const info = await stat(path).catch(() => null); // a dangling link is no image
    if (info?.isDirectory() === true) found.push(...(await imagesBelow(path, visited)));
    else if (info?.isFile() === true && (IMAGE_EXTENSIONS.has(extname(name).toLowerCase()) || (await looksLikeImage(path))))
      found.push(path);
  }
  return found;
}

function distinct(paths: readonly string[]): string[] {
  const seen = new Set<string>();
  return paths.filter((path) => {
    const key = resolve(path);
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
