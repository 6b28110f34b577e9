/**
 * `npx tsx scripts/ship-model.ts RUN`: makes RUN/model.safetensors the model of the package. Its card gains the attributions and limits of
 * models/attributions.md and is written beside it as models/README.md.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { SHIPPED_MODEL } from '../src/detect/shipped-model.node.js';
import { readModelFile, writeModelFile } from '../src/model/model-file.node.js';

const [run] = process.argv.slice(2);
if (run === undefined) throw new Error('Give the folder of a training run.');
const folder = path.dirname(SHIPPED_MODEL);
const { info, tensors } = await readModelFile(path.join(run, 'model.safetensors'));
const card = `${info.card.trim()}\n\n${readFileSync(path.join(folder, 'attributions.md'), 'utf8').trim()}\n`;
await writeModelFile(SHIPPED_MODEL, { info: { ...info, card }, tensors });
writeFileSync(path.join(folder, 'README.md'), card);
console.log(`${SHIPPED_MODEL}: step ${info.training.steps}, threshold ${info.threshold}`);
