import { openAnnotatedFolder } from './annotated-folder.node.js';
import type { AnnotatedSet, DatasetName } from './annotated-set.js';
import { openBmcd } from './bmcd.node.js';
import { openCbisCrops } from './cbis-crops.node.js';
import { openInbreast } from './inbreast.node.js';

const OPENERS: Readonly<Record<DatasetName, (folder: string) => Promise<AnnotatedSet>>> = {
  inbreast: openInbreast,
  bmcd: openBmcd,
  'cbis-crops': openCbisCrops,
  folder: openAnnotatedFolder,
};

/** Reads a set's labels and marks; pixels are read when they are needed. @throws UserError for what is missing or damaged */
export function openAnnotatedSet(name: DatasetName, folder: string): Promise<AnnotatedSet> {
  return OPENERS[name](folder.replace(/[\\/]+$/, '') || folder);
}
