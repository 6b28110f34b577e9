// Which of several ways to run an op was measured to be the fastest here: the table that launchers ask, and its file.
import { z } from 'zod';
import { UserError } from '../errors.js';
import type { ElementType } from './storage.js';

/** Sizes by which a way to run an op is chosen. Height and width, in pixels, are those of the result. */
export interface OpShape {
  readonly images: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly height: number;
  readonly width: number;
}

/** An op that has several candidates, and the shape that somebody wants to run it on. */
export interface Ask {
  readonly op: string;
  readonly shape: OpShape;
  /** How its maps are stored; default f32. */
  readonly maps?: ElementType | undefined;
}

/** Shapes of one op that share a choice: the same channels and type of maps, and pixels of the whole batch to the nearest power of two. */
export function tuningKey({ op, shape: { images, inChannels, outChannels, height, width }, maps = 'f32' }: Ask): string {
  const pixels = 2 ** Math.round(Math.log2(images * height * width));
  return `${op} ${inChannels}->${outChannels} ${pixels}px ${maps}`;
}

/** Names of candidates by key. Empty: every op runs its first candidate. A device's table is set before anything is recorded. */
export class Tuning {
  /** What was asked for while this was the device's table; of each key the first shape. */
  readonly asked = new Map<string, Ask>();

  constructor(readonly choices: ReadonlyMap<string, string> = new Map()) {}

  /** One of `names`, which can run the shape: the one in the table, or else the first. */
  choose(ask: Ask, names: readonly [string, ...string[]]): string {
    const key = tuningKey(ask);
    if (!this.asked.has(key)) this.asked.set(key, ask);
    const choice = this.choices.get(key);
    return choice !== undefined && names.includes(choice) ? choice : names[0];
  }
}

/** Equal for equal tables: a few letters of their hash, and their length. Null for an empty one. */
export async function tuningId({ choices }: Tuning): Promise<string | null> {
  if (choices.size === 0) return null;
  const lines = [...choices].map(([key, choice]) => `${key}: ${choice}`).sort();
  return `${await shortHash(lines.join('\n'))} (${choices.size} ${choices.size === 1 ? 'choice' : 'choices'})`;
}

/** The first 64 bits of a text's sha256, hexadecimal. */
export async function shortHash(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest, 0, 8), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** On what a table was measured: on anything else, another candidate may be the fastest. */
export interface TuningOrigin {
  readonly adapter: string;
  readonly driver: string;
  /** Hash of the WGSL of all kernels. */
  readonly wgsl: string;
}

const SCHEMA = 'mcgpu.tuning/1';

/** The exported table. */
export const tuningFile = z.strictObject({
  schema: z.literal(SCHEMA),
  adapter: z.string(),
  driver: z.string(),
  wgsl: z.string(),
  choices: z.record(z.string(), z.string()),
});

export type TuningFile = z.infer<typeof tuningFile>;

/** Keys in alphabetical order, so that equal tables give equal files. */
export function exportTuning({ choices }: Tuning, { adapter, driver, wgsl }: TuningOrigin): TuningFile {
  const sorted = [...choices].sort(([a], [b]) => (a < b ? -1 : 1));
  return { schema: SCHEMA, adapter, driver, wgsl, choices: Object.fromEntries(sorted) };
}

/** @throws UserError for anything but the text of an exported table */
export function parseTuning(text: string, file: string): TuningFile {
  const repair = 'Write the file anew with `mcgpu bench --tune FILE`, or drop --tuning';
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UserError(`${file}: not JSON, expected a table of kernel choices. ${repair}.`);
  }
  const { data, error } = tuningFile.safeParse(value);
  if (data) return data;
  const [issue] = error.issues;
  const place = issue?.path.join('.');
  throw new UserError(`${file}: not a table of kernel choices${place ? `, at ${place}` : ''}: ${issue?.message}. ${repair}.`);
}

/** A table as it was stored, and how messages call it. */
export interface NamedTuning {
  readonly stored: TuningFile;
  readonly name: string;
}

export interface Imported {
  /** Empty where the table is ignored. */
  readonly tuning: Tuning;
  /** One line for all that was ignored, with the reason. */
  readonly warnings: readonly string[];
}

/** A table for `here`. One of another adapter, driver or WGSL is ignored, and so are single choices that `isKnown` does not know. */
export function importTuning(
  { stored, name }: NamedTuning,
  here: TuningOrigin,
  isKnown: (key: string, choice: string) => boolean,
): Imported {
  const other = (['adapter', 'driver', 'wgsl'] as const).find((field) => stored[field] !== here[field]);
  if (other !== undefined) {
    const what = other === 'wgsl' ? 'for other kernels (hash of their WGSL)' : `on another ${other}`;
    return {
      tuning: new Tuning(),
      warnings: [`${name} is ignored: it was measured ${what}, "${stored[other]}", here it is "${here[other]}".`],
    };
  }
  const entries = Object.entries(stored.choices);
  const unknown = entries.filter(([key, choice]) => !isKnown(key, choice));
  const list = unknown.map(([key, choice]) => `${key}: "${choice}"`).join('; ');
  return {
    tuning: new Tuning(new Map(entries.filter(([key, choice]) => isKnown(key, choice)))),
    warnings: unknown.length > 0 ? [`${name}: ignored what this version has no candidates for: ${list}.`] : [],
  };
}
