import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { NOTICE } from '../detect/findings.js';
import { chosenThresholds, describeThresholds } from '../detect/marking.js';
import { UserError } from '../errors.js';
import { openNodeDevice } from '../runtime/gpu.node.js';
import { calibrateModel } from '../train/calibrate-model.node.js';
import { adapterOf } from './adapter-option.js';
import { parseCount, parseMillimetres, parseRate, parseSeed } from './values.js';

interface CalibrateCommandOptions {
  readonly data: string;
  readonly out: string;
  readonly patches: number;
  readonly falsePositives: number;
  readonly groupFalsePositives: number;
  readonly seed: number;
  readonly pixelSpacing?: number;
  readonly overwrite?: boolean;
}

/** `mcgpu calibrate MODEL --data DIR --out FILE`: what `mcgpu train` does at its end, for a model that is there already. */
export function registerCalibrate(program: Command): void {
  program
    .command('calibrate')
    .description('fit the scores and the threshold of a model anew, on calcifications drawn into held-back mammograms')
    .argument('<model>', 'model file (.safetensors)')
    .requiredOption('--data <dir>', "folder of unlabelled mammograms, of which the held-back fifth is used, or 'phantom'")
    .requiredOption('--out <file>', 'the calibrated model')
    .option('--patches <n>', 'samples to fit on', parseCount, 400)
    .option(
      '--false-positives <rate>',
      'threshold: the highest sensitivity with at most so many false positives per sample',
      parseRate,
      0.01,
    )
    .option(
      '--group-false-positives <rate>',
      'threshold in groups: the lowest at which all that is marked has at most so many false positives per sample',
      parseRate,
      0.25,
    )
    .option('--seed <n>', 'seed of the samples', parseSeed, 1)
    .option('--pixel-spacing <mm>', 'spacing of images that do not state theirs, mm', parseMillimetres)
    .option('--overwrite', 'replace a file of this name')
    .addHelpText('after', `\n${NOTICE}`)
    .action(async (model: string, options: CalibrateCommandOptions, command: Command) => {
      const { falsePositives, groupFalsePositives, pixelSpacing, overwrite, ...rest } = options;
      if (overwrite !== true && existsSync(options.out))
        throw new UserError(`${options.out} exists already, expected no file of this name. Choose another --out or add --overwrite.`);
      const device = await openNodeDevice(adapterOf(command));
      try {
        const { info, figures } = await calibrateModel(device, {
          ...rest,
          model,
          rates: { falsePositives, groupFalsePositives },
          pixelSpacingMm: pixelSpacing,
        });
        const { sensitivity, aucPresent, aucMalignant } = figures;
        process.stdout.write(
          `${options.out}: ${describeThresholds(chosenThresholds(info, {}))}; sensitivity ${sensitivity.toFixed(3)} at 0.5 false positives per sample, ` +
            `AUC present ${aucPresent.toFixed(3)}, malignant ${aucMalignant.toFixed(3)}. ${NOTICE}\n`,
        );
      } finally {
        device.destroy();
      }
    });
}
