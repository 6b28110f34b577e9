import type { Command } from 'commander';
import { chosenThresholds, describeThresholds } from '../detect/marking.js';
import { NOTICE } from '../detect/findings.js';
import { findingCalibration } from '../detect/score-calibration.js';
import { readModelFile } from '../model/model-file.node.js';
import type { ModelFile } from '../model/model-file.js';

/** `mcgpu info FILE [--json]`: what a model file says of itself. */
export function registerInfo(program: Command): void {
  program
    .command('info')
    .description('print what a model file holds: architecture, working pixel spacing, threshold, training, model card')
    .argument('<file>', 'model file (.safetensors)')
    .option('--json', 'print JSON')
    .action(async (file: string, options: { json?: boolean }) => {
      const model = await readModelFile(file);
      process.stdout.write(options.json ? `${JSON.stringify(asJson(file, model), null, 2)}\n` : asText(file, model));
    });
}

function countValues(model: ModelFile): number {
  return [...model.tensors.values()].reduce((sum, { data }) => sum + data.length, 0);
}

function asJson(file: string, model: ModelFile): object {
  return { notice: NOTICE, file, ...model.info, tensors: model.tensors.size, values: countValues(model) };
}

function asText(file: string, model: ModelFile): string {
  const { architecture, config, pixelSpacingMm, normalisation, window, classes, training, card } = model.info;
  const { kind, ...settings } = normalisation;
  const rows: [string, string][] = [
    ['file', file],
    ['architecture', architecture],
    ['config', JSON.stringify(config)],
    ['tensors', `${model.tensors.size}, ${countValues(model).toLocaleString('en')} values`],
    ['pixel spacing', `${pixelSpacingMm} mm`],
    ['normalisation', `${kind} ${JSON.stringify(settings)}`],
    ...(window === undefined ? [] : [['window', `${window}x${window} px`] as [string, string]]),
    ['classes', classes.join(', ')],
    ['marks', describeThresholds(chosenThresholds(model.info, {}))],
    ['scores', findingCalibration(model.info) ? 'calibrated' : 'not calibrated'],
    ['trained', `${training.steps} steps, seed ${training.seed}, on ${training.adapter}`],
    ...(training.startedFrom === null ? [] : [['began with', `the model with sha256 ${training.startedFrom}`] as [string, string]]),
    ['training data', training.dataHash],
    ['commit', training.commit ?? 'unknown'],
  ];
  const table = rows.map(([name, value]) => `${name.padEnd(14)} ${value}`).join('\n');
  return `${table}\n\n${card.trim()}\n\n${NOTICE}\n`;
}
