// Turns what zod found wrong with a configuration into one sentence: key, what was found, what was expected, repair.
import type { z } from 'zod';
import { UserError } from '../errors.js';

/**
 * @param defaults a complete configuration, which knows all names
 * @param source how the message calls the origin of the configuration
 */
export function explainConfigIssue(issue: z.core.$ZodIssue, input: unknown, defaults: object, source: string): UserError {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') return unknownKey(path, issue.keys[0] ?? '', defaults, source);
  const found = show(valueAt(input, path));
  const name = path.join('.') || 'the configuration';
  if (issue.code === 'not_multiple_of') return new UserError(`${source}: ${name} is ${issue.message}.`);
  return new UserError(
    `${source}: ${name} is ${found}: ${lowerFirst(issue.message)}. Change the value or leave it out (default: ${show(valueAt(defaults, path))}).`,
  );
}

/** An error for a name that `defaults` does not have at `path`, with the nearest that it has. */
export function unknownKey(path: readonly string[], key: string, defaults: object, source: string): UserError {
  const full = [...path, key].join('.');
  const nearest = suggest(path, key, defaults);
  const known = Object.keys(Object(valueAt(defaults, path)) as object).join(', ');
  const repair = nearest === undefined ? `Known here: ${known || 'nothing'}.` : `Did you mean '${nearest}'?`;
  return new UserError(`${source}: unknown key '${full}', expected a known setting. ${repair}`);
}

/** The same name elsewhere (a forgotten or wrong section), else a similar name in this section, else a similar one anywhere. */
function suggest(path: readonly string[], key: string, defaults: object): string | undefined {
  const all = [...dottedNames(defaults)];
  const lastOf = (name: string): string => name.slice(name.lastIndexOf('.') + 1);
  const elsewhere = all.find((name) => lastOf(name) === key);
  if (elsewhere !== undefined) return elsewhere;
  const siblings = Object.keys(Object(valueAt(defaults, path)) as object);
  const sibling = nearestName(key, siblings);
  if (sibling !== undefined) return [...path, sibling].join('.');
  const last = nearestName(key, all.map(lastOf));
  return all.find((name) => lastOf(name) === last);
}

function* dottedNames(value: object, prefix = ''): Generator<string> {
  for (const [key, part] of Object.entries(value) as [string, unknown][]) {
    yield prefix + key;
    if (isSection(part)) yield* dottedNames(part, `${prefix}${key}.`);
  }
}

export function isSection(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The candidate fewest edits away, when that is at most a third of the name (rounded up); else undefined. */
export function nearestName(name: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.ceil(name.length / 3) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/** Levenshtein distance: insertions, deletions and replacements of one character. */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replace, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  let at: unknown = value;
  for (const key of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<string, unknown>)[key];
  }
  return at;
}

/** A configuration value in a message. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  return typeof value === 'number' ? String(value) : JSON.stringify(value);
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
