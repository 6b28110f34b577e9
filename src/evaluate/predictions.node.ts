import { appendFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { UserError } from '../errors.js';
import { explainFileError, readWholeFile, writeFileAtomic } from '../files.node.js';
import { caseSchema, type CaseResult } from './case.js';

const SCHEMA = 'mcgpu.predictions/1';

/** What must be the same for two lines to belong to one evaluation. */
const headerSchema = z.strictObject({
  schema: z.literal(SCHEMA),
  notice: z.string(),
  dataset: z.string(),
  split: z.string(),
  dataHash: z.string(),
  modelSha256: z.string(),
  adapter: z.string(),
  pixelThreshold: z.number(),
  pixelSpacingMm: z.number().nullable(),
});

export type PredictionsHeader = Omit<z.infer<typeof headerSchema>, 'schema'>;

const failureSchema = z.strictObject({ id: z.string(), error: z.string() });
export type FailedImage = z.infer<typeof failureSchema>;
const lineSchema = z.union([caseSchema, failureSchema]);
export type PredictionLine = CaseResult | FailedImage;

export const isFailure = (line: PredictionLine): line is FailedImage => 'error' in line;

/** What one model said of each image, one line per image as soon as it is known: an interrupted evaluation goes on from here. */
export class PredictionsLog {
  private constructor(
    private readonly path: string,
    readonly lines: Map<string, PredictionLine>,
  ) {}

  /** `predictions-<first digits of the model's sha256>.ndjson` */
  static path(out: string, modelSha256: string): string {
    return join(out, `predictions-${modelSha256.slice(0, 12)}.ndjson`);
  }

  /**
   * Opens the log of an evaluation that was interrupted, or begins a new one.
   * @throws UserError where the log is of other data, another model, adapter or setting
   */
  static async open(out: string, header: PredictionsHeader, resume: boolean): Promise<PredictionsLog> {
    const path = PredictionsLog.path(out, header.modelSha256);
    const first = JSON.stringify({ schema: SCHEMA, ...header });
    const lines = resume && existsSync(path) ? await readLog(path, header) : new Map<string, PredictionLine>();
    // Written anew without what a kill left of a last line.
    await writeFileAtomic(path, `${[first, ...[...lines.values()].map((line) => JSON.stringify(line))].join('\n')}\n`);
    return new PredictionsLog(path, lines);
  }

  async add(line: PredictionLine): Promise<void> {
    if (this.lines.has(line.id)) throw new Error(`predictions: ${line.id} was added twice.`);
    this.lines.set(line.id, line);
    await appendFile(this.path, `${JSON.stringify(lineSchema.parse(line))}\n`).catch((error: unknown) => {
      throw explainFileError(error, this.path, 'write');
    });
  }
}

async function readLog(path: string, expected: PredictionsHeader): Promise<Map<string, PredictionLine>> {
  const [first = '', ...rest] = new TextDecoder().decode(await readWholeFile(path)).split('\n');
  const header = headerSchema.safeParse(parseLine(first)).data;
  if (!header) throw new UserError(`${path}: this is no log of predictions of this version. Start again with --overwrite.`);
  for (const key of Object.keys(expected) as (keyof PredictionsHeader)[])
    if (header[key] !== expected[key])
      throw new UserError(
        `${path}: it was begun with ${key} ${header[key] ?? 'none'}, now ${expected[key] ?? 'none'}: what is there must not be counted with what comes. ` +
          'Go back to the earlier setting or start again with --overwrite.',
      );
  const lines = new Map<string, PredictionLine>();
  for (const [i, text] of rest.entries()) {
    if (text === '') continue;
    const line = lineSchema.safeParse(parseLine(text)).data;
    const isLast = i === rest.length - 1; // no line break after it: the write was cut off
    if (!line && isLast) continue;
    if (!line) throw new UserError(`${path}: line ${i + 2} is damaged. Start again with --overwrite.`);
    lines.set(line.id, line);
  }
  return lines;
}

function parseLine(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
