import { NOTICE } from '../detect/findings.js';
import type { Figure } from '../evaluate/figures.js';
import type { SetFigures } from './evaluations.node.js';
import { setName, type Plan } from './plan.js';
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
  { key: 'energyOnMcs', title: 'energy on MCs' },
  { key: 'pointing', title: 'pointing game' },
];

type SetFigure = Exclude<keyof SetFigures, 'set' | 'dataHash'>;

const SET_FIGURES: readonly { readonly key: SetFigure; readonly title: string }[] = [
  { key: 'aucPresent', title: 'AUC present' },
  { key: 'aucMalignant', title: 'AUC malignant' },
  { key: 'aucMalignantBiopsied', title: 'biopsied only' },
  { key: 'aucMalignantWithinArea', title: 'within quintiles of area' },
  { key: 'sensitivityAt1', title: 'sensitivity at 1 FP/image' },
];

/** A row per setting: the mean of its seeds, the mean ends of their intervals over samples, and how far the seeds lie apart. */
export function resultsMarkdown(plan: Plan, records: readonly RunRecord[]): string {
  const { experiment, runs } = plan;
  const { title, seeds, test, data } = experiment;
  const header = ['run', 'seeds', 'parameters', 'steps', 'training', ...FIGURES.map((f) => f.title)];
  const lines = rowsOf(plan, records).map(([row, own]) => {
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

${table(header, lines)}${experiment.evaluate.map((set) => setTable(setName(set), rowsOf(plan, records))).join('')}`;
}

type RowRecords = readonly [row: string, own: readonly RunRecord[]];

function rowsOf({ experiment }: Plan, records: readonly RunRecord[]): RowRecords[] {
  return experiment.runs.map(({ name }) => [name, records.filter(({ row }) => row === name)]);
}

/** The same rows on an annotated set; intervals are over its patients. Columns that the set cannot fill are left out. */
function setTable(set: string, rows: readonly RowRecords[]): string {
  const measured = rows.map(([row, own]) => [row, own.flatMap(({ evaluations }) => evaluations.filter((e) => e.set === set))] as const);
  if (measured.every(([, own]) => own.length === 0)) return '';
  const columns = SET_FIGURES.filter(({ key }) => measured.some(([, own]) => own.some((e) => e[key] !== null)));
  const lines = measured.map(([row, own]) => [row, ...columns.map(({ key }) => figureCell(own.flatMap((e) => e[key] ?? [])))]);
  return `\nOn ${set}, intervals over patients:\n\n${table(['run', ...columns.map(({ title }) => title)], lines)}`;
}

function table(header: readonly string[], lines: readonly (readonly string[])[]): string {
  const rule = header.map((_, i) => (i === 0 ? '---' : '--:'));
  return [header, rule, ...lines].map((cells) => `| ${cells.join(' | ')} |\n`).join('');
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

/** A line per run; columns of a set have its name before theirs. */
export function resultsCsv({ experiment }: Plan, records: readonly RunRecord[]): string {
  const sets = experiment.evaluate.map(setName);
  const three = (name: string): string[] => [name, `${name}_low`, `${name}_high`];
  const cells = (figure: Figure | null | undefined): (string | number)[] =>
    figure && 'value' in figure ? [figure.value, figure.low ?? '', figure.high ?? ''] : ['', '', ''];
  const lines = records.map(({ row, seed, steps, parameters, trainingS, figures, evaluations }) => [
    `"${row.replaceAll('"', '""')}"`,
    ...[seed, steps, parameters, trainingS.toFixed(1)],
    ...FIGURES.flatMap(({ key }) => cells(figures[key])),
    ...sets.flatMap((set) => SET_FIGURES.flatMap(({ key }) => cells(evaluations.find((e) => e.set === set)?.[key]))),
  ]);
  const header = [
    ...['run', 'seed', 'steps', 'parameters', 'training_s'],
    ...FIGURES.flatMap(({ key }) => three(key)),
    ...sets.flatMap((set) => SET_FIGURES.flatMap(({ key }) => three(`${set}: ${key}`))),
  ];
  return [header, ...lines].map((line) => line.join(',')).join('\n') + '\n';
}
