import { join } from 'node:path';
import type { Command } from 'commander';
import { checkSpacingOption } from '../data/pixel-spacing.js';
import type { DatasetName } from '../data/sets/annotated-set.js';
import { NOTICE } from '../detect/findings.js';
import { SHIPPED_MODEL } from '../detect/shipped-model.node.js';
import { describeThresholds } from '../detect/marking.js';
import { UserError } from '../errors.js';
import { REPLICATES } from '../evaluate/bootstrap.js';
import type { Figure } from '../evaluate/figures.js';
import { PIXEL_THRESHOLD } from '../evaluate/make-case.js';
import type { MetricsFile, ModelResult } from '../evaluate/metrics-file.js';
import type { ObjectFigures } from '../evaluate/object-figures.js';
import { evaluateSet } from '../evaluate/run.node.js';
import { openNodeDevice } from '../runtime/gpu.node.js';
import { currentCommit } from '../train/run-directory.node.js';
import { adapterOf } from './adapter-option.js';
import { datasetOption } from './dataset-option.js';
import { parseCount, parseMillimetres, parseProbability, parseSeed } from './values.js';

interface EvaluateCommandOptions {
  readonly dataset: DatasetName;
  readonly data: string;
  readonly out: string;
  readonly model: string;
  readonly compare?: string;
  readonly split?: string;
  readonly seed: number;
  readonly replicates: number;
  readonly threshold?: number;
  readonly groupThreshold?: number;
  readonly pixelThreshold: number;
  readonly pixelSpacing?: number;
  readonly lockTest?: boolean;
  readonly resume?: boolean;
  readonly overwrite?: boolean;
  readonly quiet?: boolean;
}

/** `mcgpu evaluate --dataset NAME --data DIR --out DIR`: predictions, metrics.json, report.html. Exit code 0 all read, 1 some images failed. */
export function registerEvaluate(program: Command): void {
  program
    .command('evaluate')
    .description('measure a model on annotated mammograms: FROC, AUC, segmentation, calibration, sub-groups; metrics.json and report.html')
    .addOption(datasetOption())
    .requiredOption('--data <dir>', 'folder of the data set')
    .requiredOption('--out <dir>', 'folder for the results')
    .option('--model <file>', 'model file', SHIPPED_MODEL)
    .option('--compare <file>', 'a second model file, compared with the first on the same images')
    .option('--split <name>', 'only this part of the set (cbis-crops: select, report)')
    .option('--seed <n>', 'seed of the bootstrap', parseSeed, 1)
    .option('--replicates <n>', 'draws of the bootstrap over patients', parseCount, REPLICATES)
    .option('--threshold <p>', 'mark findings with at least this score (default: those of the model)', parseProbability)
    .option('--group-threshold <p>', 'mark those in groups of three and more from this lower score on', parseProbability)
    .option('--pixel-threshold <p>', 'threshold on probabilities for the segmentation figures', parseProbability, PIXEL_THRESHOLD)
    .option('--pixel-spacing <mm>', 'spacing of images that do not state theirs, mm', parseMillimetres)
    .option('--lock-test', 'this is a test set: count every look at it in a ledger beside the data, from now on')
    .option('--resume', 'go on with an interrupted evaluation in the same folder')
    .option('--overwrite', 'replace an earlier evaluation in the same folder')
    .option('--quiet', 'print nothing but errors')
    .addHelpText('after', `\n${NOTICE}`)
    .action(async (options: EvaluateCommandOptions, command: Command) => {
      process.exitCode = await evaluate(options, adapterOf(command));
    });
}

async function evaluate(options: EvaluateCommandOptions, adapter: { adapter?: string }): Promise<number> {
  const { resume, overwrite, lockTest, pixelSpacing, model, quiet, ...rest } = options;
  if (resume && overwrite) throw new UserError('Both --resume and --overwrite were given, expected one of them: drop the other.');
  if (pixelSpacing !== undefined) checkSpacingOption(pixelSpacing);
  const device = await openNodeDevice(adapter);
  try {
    const metrics = await evaluateSet(device, {
      ...rest,
      model,
      modelName: model === SHIPPED_MODEL ? 'mcgpu-compact' : model,
      pixelSpacingMm: pixelSpacing,
      mode: resume ? 'resume' : overwrite ? 'overwrite' : 'new',
      lockTest: lockTest === true,
      commit: await currentCommit(),
      say: (line) => process.stderr.write(`${line}\n`),
      onImage: (name, done, total) => {
        if (quiet || !process.stderr.isTTY) return;
        process.stderr.write(done < total ? `\r${name}: image ${done}/${total}` : '\r\u001b[K');
      },
    });
    if (!quiet) process.stdout.write(summary(metrics, options.out));
    return metrics.models.some(({ failures }) => failures.length > 0) ? 1 : 0;
  } finally {
    device.destroy();
  }
}

function show(figure: Figure): string {
  if ('undefined' in figure) return `undefined: ${figure.undefined}`;
  const { value, low, high } = figure;
  return `${value.toFixed(3)}${low === null || high === null ? '' : ` (${low.toFixed(3)} to ${high.toFixed(3)})`}`;
}

function sensitivities(rows: ObjectFigures['perImage']): string {
  const undefinedOnes = rows.filter(({ sensitivity }) => 'undefined' in sensitivity);
  if (undefinedOnes.length === rows.length && rows[0]) return `sensitivity ${show(rows[0].sensitivity)}`;
  return `sensitivity at ${rows.map(({ falsePositives, sensitivity }) => `${falsePositives} FP/image ${show(sensitivity)}`).join('; ')}`;
}

function linesOf({ file, evaluation, failures }: ModelResult): string[] {
  const { images, patients, present, malignant, malignantBiopsied, malignantWithinAreaQuintiles: within, objects, pixels } = evaluation;
  return [
    `${file}: ${images} images of ${patients} patients${failures.length > 0 ? `, ${failures.length} left out` : ''}`,
    `  AUC ${present.question}: ${show(present.auc)}`,
    `  AUC ${malignant.question}: ${show(malignant.auc)}`,
    ...(malignantBiopsied ? [`  the same, biopsied only: ${show(malignantBiopsied.auc)}`] : []),
    ...(within ? [`  the same, mean within quintiles of crop area: ${show(within)}`] : []),
    ...objects.flatMap(({ rule, perImage, atThreshold }) => [
      `  rule ${rule}: ${sensitivities(perImage)}`,
      `  rule ${rule}, ${describeThresholds(atThreshold)}: sensitivity ${show(atThreshold.sensitivity)} at ${show(atThreshold.falsePositivesPerImage)} FP/image, ${show(atThreshold.falsePositivesPerCm2)} FP/cm2`,
    ]),
    ...(pixels && 'value' in pixels.recall
      ? [
          `  pixels: precision ${show(pixels.precision)}, recall ${show(pixels.recall)}, Dice ${show(pixels.dice)}, object IoU ${show(pixels.objects.iou)}`,
        ]
      : []),
  ];
}

function summary(metrics: MetricsFile, out: string): string {
  const { models, comparison, bootstrap, data } = metrics;
  const lines = [
    ...models.flatMap(linesOf),
    ...comparison
      .filter(({ name }) => /AUC$|at 1 FP/.test(name))
      .map(
        ({ name, difference: d }) =>
          `difference, ${name}: ${d.value.toFixed(3)} (${d.low.toFixed(3)} to ${d.high.toFixed(3)}), p ${d.p.toFixed(4)}`,
      ),
    `95 % intervals over patients, ${bootstrap.replicates} replicates, seed ${bootstrap.seed}; data ${data.dataHash.slice(0, 12)}`,
    `${join(out, 'report.html')} and metrics.json. ${metrics.notice}`,
  ];
  return `${lines.join('\n')}\n`;
}
