import { existsSync } from 'node:fs';
import { dirname, basename, join, resolve } from 'node:path';
import { z } from 'zod';
import { UserError } from '../errors.js';
import { readWholeFile, writeFileAtomic } from '../files.node.js';

const SCHEMA = 'mcgpu.test-ledger/1';

const lookSchema = z.strictObject({
  time: z.string(),
  dataset: z.string(),
  split: z.string(),
  dataHash: z.string(),
  models: z.array(z.string()),
});
const ledgerSchema = z.strictObject({ schema: z.literal(SCHEMA), looks: z.array(lookSchema) });

export type Look = z.infer<typeof lookSchema>;

/** Beside the data, not in it: `DIR.mcgpu-test-ledger.json`. */
export function ledgerPath(data: string): string {
  const whole = resolve(data);
  return join(dirname(whole), `${basename(whole)}.mcgpu-test-ledger.json`);
}

/**
 * Counts a look at a test set: every evaluation on it is another chance to choose by it. Once a ledger exists, every evaluation is
 * counted; `lock` starts one. A resumed evaluation is the same look.
 *
 * @param isSameLook the evaluation goes on with what was begun
 * @returns number of looks at this split so far, this one included; null where there is no ledger
 */
export async function countLook(data: string, look: Omit<Look, 'time'>, lock: boolean, isSameLook: boolean): Promise<number | null> {
  const path = ledgerPath(data);
  if (!lock && !existsSync(path)) return null;
  const looks = existsSync(path) ? await readLedger(path) : [];
  const isOfSplit = (other: Look): boolean => other.dataset === look.dataset && other.split === look.split;
  const last = looks.findLast(isOfSplit);
  const isCounted = isSameLook && last?.dataHash === look.dataHash && last.models.join() === look.models.join();
  if (!isCounted) {
    looks.push({ time: new Date().toISOString(), ...look });
    await writeFileAtomic(path, `${JSON.stringify({ schema: SCHEMA, looks }, null, 1)}\n`);
  }
  return looks.filter(isOfSplit).length;
}

async function readLedger(path: string): Promise<Look[]> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(await readWholeFile(path)));
  } catch (error) {
    if (error instanceof UserError) throw error;
  }
  const { data } = ledgerSchema.safeParse(value);
  if (!data)
    throw new UserError(
      `${path}: this is no ledger of mcgpu, or it is damaged. Restore it from a copy: the count of looks must not be lost.`,
    );
  return data.looks;
}
