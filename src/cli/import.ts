import { existsSync } from 'node:fs';
import { InvalidArgumentError, type Command } from 'commander';
import { CLASSES } from '../data/classes.js';
import { NOTICE } from '../detect/findings.js';
import { UserError } from '../errors.js';
import { sha256Of } from '../evaluate/read-set.node.js';
import { readWholeFile } from '../files.node.js';
import { buildModel, isClassifier, storedSettings, tensorsOf } from '../model/architecture.js';
import { importWeights, type Renaming } from '../model/import-weights.js';
import type { ModelInfo } from '../model/model-file.js';
import { writeModelFile } from '../model/model-file.node.js';
import { readSafetensors } from '../model/safetensors.js';
import { readTrainConfig } from '../train/config.node.js';
import { modelSettings } from '../train/model-config.js';
import { synthConfig } from '../train/training-data.node.js';

interface ImportOptions {
  readonly out: string;
  readonly config?: string;
  readonly set: readonly string[];
  readonly rename: readonly Renaming[];
  readonly overwrite?: boolean;
}

/** `mcgpu import WEIGHTS --config FILE --out MODEL`: weights trained elsewhere become a model file. */
export function registerImport(program: Command): void {
  program
    .command('import')
    .description('make a model file of weights trained elsewhere (safetensors with the names of a PyTorch module built alike)')
    .argument('<weights>', 'safetensors file with one tensor per parameter and running statistic')
    .requiredOption('--out <file>', 'the model file')
    .option(
      '--config <file>',
      'YAML file that says what network they are of, at what spacing and normalisation: as of a run (default: the compact one)',
    )
    .option(
      '--set <key=value>',
      'change one setting, e.g. model.branch=16; may be repeated',
      (value: string, all: readonly string[]) => [...all, value],
      [],
    )
    .option('--rename <from=to>', 'names that begin with FROM begin with TO instead; may be repeated', parseRenaming, [])
    .option('--overwrite', 'replace a file of this name')
    .addHelpText('after', `\n${NOTICE}`)
    .action(importModel);
}

function parseRenaming(text: string, all: readonly Renaming[]): readonly Renaming[] {
  const [from = '', to, ...rest] = text.split('=');
  if (from === '' || to === undefined || rest.length > 0)
    throw new InvalidArgumentError(`'${text}' is no renaming; write it as encoder.=enc. (nothing after = removes it).`);
  return [...all, { from, to }];
}

async function importModel(weights: string, { out, config: file, set, rename, overwrite }: ImportOptions): Promise<void> {
  if (overwrite !== true && existsSync(out))
    throw new UserError(`${out} exists already, expected no file of this name. Choose another --out or add --overwrite.`);
  const config = await readTrainConfig(file, set);
  const settings = modelSettings(config.model);
  const model = buildModel(settings);
  const bytes = await readWholeFile(weights);
  const arrays = importWeights(readSafetensors(bytes, weights).tensors, model.layers, weights, rename);
  const { pixelSpacingMm, normalisation } = synthConfig(config, 'import');
  const sha256 = sha256Of(bytes);
  const info: ModelInfo = {
    schema: 'mcgpu.model/1',
    ...storedSettings(settings),
    pixelSpacingMm,
    normalisation,
    ...(isClassifier(model) && { window: config.train.patch }),
    classes: [...CLASSES],
    threshold: 0.5,
    training: { dataHash: 'unknown', seed: 0, steps: 0, commit: null, adapter: 'trained elsewhere', startedFrom: sha256 },
    card: `# Imported model\n\n${NOTICE}.\n\nWeights trained elsewhere, from the file with sha256 ${sha256}. Nothing is known of their training; scores are not calibrated.\n`,
  };
  await writeModelFile(out, { info, tensors: tensorsOf(model, arrays) });
  process.stdout.write(
    `${out}: ${arrays.size} arrays, threshold 0.5. Fit scores and thresholds with mcgpu calibrate, or train on with mcgpu train --init. ${NOTICE}\n`,
  );
}
