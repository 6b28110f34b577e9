import { readWholeFile, writeFileAtomic } from '../files.node.js';
import { decodeCheckpoint, encodeCheckpoint, type Checkpoint } from './checkpoint.js';

/** @throws UserError where the file is missing, damaged or not a checkpoint of this version */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  return decodeCheckpoint(await readWholeFile(path), path);
}

/** Writes a checkpoint in one step. @throws UserError where it cannot; the one before it then still stands under this name */
export async function writeCheckpoint(path: string, checkpoint: Checkpoint): Promise<void> {
  await writeFileAtomic(path, encodeCheckpoint(checkpoint));
}
