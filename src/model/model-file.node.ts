import { readWholeFile, writeFileAtomic } from '../files.node.js';
import { decodeModelFile, encodeModelFile, type ModelFile } from './model-file.js';

/** @throws UserError where the file is missing, damaged or not a model of this version */
export async function readModelFile(path: string): Promise<ModelFile> {
  return decodeModelFile(await readWholeFile(path), path);
}

/** Writes the model in one step (see writeFileAtomic). @throws UserError */
export async function writeModelFile(path: string, model: ModelFile): Promise<void> {
  await writeFileAtomic(path, encodeModelFile(model));
}
