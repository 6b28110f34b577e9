import type { Command } from 'commander';
import { checkSpacingOption } from '../data/pixel-spacing.js';
import type { DatasetName } from '../data/sets/annotated-set.js';
import { openAnnotatedSet } from '../data/sets/open-set.node.js';
import { NOTICE } from '../detect/findings.js';
import { checkSet, type SetReport } from '../evaluate/check-set.node.js';
import { datasetOption } from './dataset-option.js';
import { parseMillimetres } from './values.js';

interface DataCheckOptions {
  readonly dataset: DatasetName;
  readonly data: string;
  readonly pixelSpacing?: number;
  readonly json?: boolean;
}

/** `mcgpu data check --dataset NAME --data DIR`: reads every image and annotation and says what is there and what is wrong. No GPU. */
export function registerData(program: Command): void {
  program
    .command('data')
    .description('check an annotated data set before it is used')
    .command('check')
    .description('read every image and its annotations; exit code 1 where something is wrong')
    .addOption(datasetOption())
    .requiredOption('--data <dir>', 'folder of the data set')
    .option('--pixel-spacing <mm>', 'spacing of images that do not state theirs, mm', parseMillimetres)
    .option('--json', 'print JSON')
    .addHelpText('after', `\n${NOTICE}`)
    .action(async (options: DataCheckOptions) => {
      process.exitCode = await check(options);
    });
}

async function check({ dataset, data, pixelSpacing, json }: DataCheckOptions): Promise<number> {
  if (pixelSpacing !== undefined) checkSpacingOption(pixelSpacing);
  const set = await openAnnotatedSet(dataset, data);
  const report = await checkSet(set, pixelSpacing, (done) => {
    if (process.stderr.isTTY) process.stderr.write(done < set.images.length ? `\rimage ${done}/${set.images.length}` : '\r\u001b[K');
  });
  process.stdout.write(json ? `${JSON.stringify({ notice: NOTICE, ...report }, null, 1)}\n` : asText(report));
  return report.problems.length > 0 ? 1 : 0;
}

function asText(report: SetReport): string {
  const { splits, problems, notes } = report;
  const lines = [
    `${report.dataset}: ${report.images} images of ${report.patients} patients, ${report.marks} marks`,
    `with microcalcifications ${report.withMcs} (malignant ${report.malignant}, not ${report.notMalignant}), without ${report.withoutMcs}`,
    `splits: ${Object.entries(splits)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')}`,
    `data hash ${report.dataHash}`,
    ...notes,
    problems.length === 0 ? 'no problem found' : `${problems.length} problem(s):`,
    ...problems.map((problem) => `  ${problem}`),
    NOTICE,
  ];
  return `${lines.join('\n')}\n`;
}
