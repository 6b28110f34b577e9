import { NOTICE } from '../detect/findings.js';
import type { Figure } from '../evaluate/figures.js';
import type { Plan } from './plan.js';
import type { RunRecord } from './run.node.js';
import type { TestFigures } from './test-figures.js';

const FIGURES: readonly { readonly key: keyof TestFigures; readonly title: string }[] = [
  { key: 'sensitivity', title: 'sensitivity at 0.5 FP/sample' },
  { key: 'sensitivityAt1', title: 'at 1 FP/sample' },
  { key: 'aucPresent', title: 'AUC present' },
  { key: 'aucMalignant', title: 'AUC malignant' },
  { key: 'precision', title: 'pixel precision' },
  { key: 'recall', title: 'pixel recall' },
  { key: 'dice', title: 'Dice' },
];

/** A row per setting: the mean of its seeds, the mean ends of their intervals over samples, and how far the seeds lie apart. */
export function resultsMarkdown({ experiment, runs }: Plan, records: readonly RunRecord[]): string {
  const { title, seeds, test, data } = experiment;
  const rows = experiment.runs.map(({ name }) => name);
  const header = ['run', 'seeds', 'parameters', 'steps', 'training', ...FIGURES.map((f) => f.title)];
  const lines = rows.map((row) => {
    const own = records.filter((record) => record.row === row);
    const [first] = own;
    if (!first) return [row, '0', ...header.slice(2).map(() => '')];
    const minutes = mean(own.map(({ trainingS }) => trainingS)) / 60;
    const figures = FIGURES.map(({ key }) => figureCell(own.map(({ figures }) => figures[key])));
    return [row, String(own.length), first.parameters.toLocaleString('en'), String(first.steps), `${minutes.toFixed(1)} min`, ...figures];
  });
  const adapters = [...new Set(records.map(({ adapter }) => adapter))];
  const commits = [...new Set(records.map(({ commit }) => commit?.slice(0, 10) ?? 'unknown'))];
  return `# ${title}

${NOTICE}. ${records.length} of ${runs.length} runs done. Trained on ${data === 'phantom' ? 'generated phantoms' : 'the given folder'}, tested on ${test.patches} synthetic
samples (seed ${test.seed}) in held-back backgrounds, the same for all rows. Mean of the seeds ${seeds.join(', ')}; in brackets the 95 %
interval over samples, after ± half the range of the seeds. Adapter: ${adapters.join(', ') || '-'}; commit ${commits.join(', ') || '-'}.

| ${header.join(' | ')} |
| --- | ${header
    .slice(1)
    .map(() => '--:')
    .join(' | ')} |
${lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')}
`;
}

function figureCell(figures: readonly Figure[]): string {
  const known = figures.filter((f) => 'value' in f);
  if (known.length < figures.length || known.length === 0) return figures.flatMap((f) => ('undefined' in f ? [f.undefined] : []))[0] ?? '';
  const values = known.map(({ value }) => value);
  const spread = values.length > 1 ? ` ± ${((Math.max(...values) - Math.min(...values)) / 2).toFixed(3)}` : '';
  const bound = (end: 'low' | 'high'): string => {
    const ends = known.map((f) => f[end]).filter((v) => v !== null);
    return ends.length === known.length ? mean(ends).toFixed(3) : '?';
  };
  return `${mean(values).toFixed(3)}${spread} (${bound('low')}-${bound('high')})`;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, v) => sum + v, 0) / values.length;
}

/** A line per run. */
export function resultsCsv(records: readonly RunRecord[]): string {
  const figures = FIGURES.flatMap(({ key }) => [key, `${key}_low`, `${key}_high`]);
  const lines = records.map(({ row, seed, steps, parameters, trainingS, figures: all }) => [
    `"${row.replaceAll('"', '""')}"`,
    ...[seed, steps, parameters, trainingS.toFixed(1)],
    ...FIGURES.flatMap(({ key }) => {
      const figure = all[key];
      return 'value' in figure ? [figure.value, figure.low ?? '', figure.high ?? ''] : ['', '', ''];
    }),
  ]);
  return [['run', 'seed', 'steps', 'parameters', 'training_s', ...figures], ...lines].map((cells) => cells.join(',')).join('\n') + '\n';
}
