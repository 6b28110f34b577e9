import { readWholeFile, writeFileAtomic } from '../files.node.js';
import { parseTuning, type NamedTuning, type TuningFile } from './tuning.js';

/** @throws UserError where the file is missing or no exported table */
export async function readTuningFile(path: string): Promise<NamedTuning> {
  return { stored: parseTuning(new TextDecoder().decode(await readWholeFile(path)), path), name: path };
}

export async function writeTuningFile(path: string, table: TuningFile): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(table, null, 2)}\n`);
}
