import { z } from 'zod';
import { DATASET_NAMES } from '../data/sets/annotated-set.js';
import { UserError } from '../errors.js';
import { parseTrainConfig, type TrainConfig } from '../train/config.js';
import { explainConfigIssue, isSection } from '../train/config-errors.js';

const name = z.string().min(1).max(60);
const section = z.record(z.string(), z.json());

/** What `mcgpu experiment FILE.yaml` reads; docs/experiments.md explains every key. */
const experimentSchema = z.strictObject({
  title: z.string().min(1).default('experiment'),
  /** A folder of unlabelled mammograms, relative to the file, or 'phantom'. */
  data: z.string().min(1).default('phantom'),
  seeds: z.array(z.int().min(0)).min(1).default([1]),
  /** Settings of every run, as in a training configuration. */
  config: section.default({}),
  /** The rows of the table: what each changes. */
  runs: z.array(z.strictObject({ name, config: section.default({}) })).min(1),
  /** Samples of the held-back backgrounds, the same for all rows: drawn with the settings of all runs, not with those of a row. */
  test: z.strictObject({ patches: z.int().min(2).default(256), seed: z.int().min(0).default(1) }).prefault({}),
  /** Annotated sets that every model is measured on besides, as by `mcgpu evaluate`; folders relative to the file. */
  evaluate: z
    .array(z.strictObject({ dataset: z.enum(DATASET_NAMES), data: z.string().min(1).optional(), split: z.string().min(1).optional() }))
    .default([]),
});

export type EvaluationSet = Experiment['evaluate'][number];

export type Experiment = z.infer<typeof experimentSchema>;

export const setName = ({ dataset, split }: EvaluationSet): string => (split === undefined ? dataset : `${dataset} ${split}`);

/** One training. */
export interface PlannedRun {
  readonly row: string;
  readonly seed: number;
  /** Relative to the folder of the experiment. */
  readonly folder: string;
  readonly config: TrainConfig;
}

export interface Plan {
  readonly experiment: Experiment;
  /** Settings of all runs, with nothing of a row: what test samples are drawn with. */
  readonly shared: TrainConfig;
  /** Row by row within a seed, so that an interrupted experiment has whole tables of fewer seeds. */
  readonly runs: readonly PlannedRun[];
}

/**
 * @param input plain data, as read from YAML
 * @param source how error messages call its origin
 * @throws UserError naming the key, what was found and what was expected; for two rows of one name; for a row's configuration
 */
export function planExperiment(input: unknown, source: string): Plan {
  const { data: experiment, error } = experimentSchema.safeParse(input ?? {});
  if (!experiment) {
    const [issue] = error.issues;
    throw issue ? explainConfigIssue(issue, input, EXAMPLE, source) : error;
  }
  refuseRepeated(experiment, source);
  const runs = experiment.seeds.flatMap((seed) =>
    experiment.runs.map(({ name: row, config }) => ({
      row,
      seed,
      folder: `${slug(row)}/seed-${seed}`,
      config: parseTrainConfig(merged(merged(experiment.config, config), { train: { seed } }), `${source}, run '${row}'`),
    })),
  );
  return { experiment, shared: parseTrainConfig(experiment.config, `${source}, config`), runs };
}

/** Knows the names, for messages. */
const EXAMPLE: Experiment = {
  title: 'experiment',
  data: 'phantom',
  seeds: [1],
  config: {},
  runs: [{ name: 'as it is', config: {} }],
  test: { patches: 256, seed: 1 },
  evaluate: [{ dataset: 'cbis-crops', data: 'folder', split: 'select' }],
};

function refuseRepeated({ runs, seeds }: Experiment, source: string): void {
  const names = runs.map((run) => slug(run.name));
  const twice = names.find((n, i) => names.indexOf(n) !== i);
  if (twice !== undefined)
    throw new UserError(
      `${source}: two runs are called '${twice}', expected a name for each row. Rename one; only letters and digits count.`,
    );
  if (new Set(seeds).size !== seeds.length)
    throw new UserError(`${source}: seeds are ${seeds.join(', ')}, expected each once. Leave the repeated one out.`);
}

/** A folder's name: lower case, digits, single hyphens. */
export function slug(text: string): string {
  return (
    text
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-|-$/g, '') || 'run'
  );
}

/** Sections are merged, anything else is replaced. */
function merged(base: Record<string, unknown>, changes: Record<string, unknown>): Record<string, unknown> {
  const result: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(changes)) {
    const before = result[key];
    result[key] = isSection(before) && isSection(value) ? merged(before, value) : value;
  }
  return result;
}
