// Changes to a configuration from outside: `--set a.b=1` on the command line, and sections checked against an example.
import { parse } from 'yaml';
import { UserError } from '../errors.js';
import { isSection, show, unknownKey } from './config-errors.js';

/**
 * A copy of `base` with each `key=value` applied in order; the key is a dotted path, the value is YAML (`train.patch=64`,
 * `model.encoder=[8,16,32,48,64]`). Names and values are checked later, by parseTrainConfig.
 *
 * @throws UserError where there is no `=` or the value is not YAML
 */
export function applySettings(base: unknown, settings: readonly string[]): Record<string, unknown> {
  const result = isSection(base) ? structuredClone(base) : {};
  for (const setting of settings) {
    const [, key, value] = /^([^=]+)=(.*)$/s.exec(setting) ?? [];
    if (key === undefined || value === undefined) {
      throw new UserError(`--set ${setting}: expected key=value. Write for example --set train.patch=64.`);
    }
    place(result, key.trim().split('.'), readValue(value, setting), setting);
  }
  return result;
}

function readValue(text: string, setting: string): unknown {
  try {
    return parse(text) as unknown;
  } catch {
    throw new UserError(`--set ${setting}: the value is not YAML. Quote it, for example --set 'key="text"' or --set 'key=[1,2]'.`);
  }
}

function place(root: Record<string, unknown>, path: readonly string[], value: unknown, setting: string): void {
  if (path.some((name) => name === '' || name === '__proto__')) {
    throw new UserError(`--set ${setting}: '${path.join('.')}' is not a dotted name. Write for example --set train.patch=64.`);
  }
  let section = root;
  for (const name of path.slice(0, -1)) {
    const inner = Object.hasOwn(section, name) ? section[name] : undefined;
    const next = isSection(inner) ? inner : {};
    section[name] = next;
    section = next;
  }
  section[path.at(-1) ?? ''] = value;
}

/**
 * A copy of `defaults` with the values of `overrides` in their places. The defaults are the schema: only their names exist, numbers
 * replace numbers, lists keep their length, sections are merged.
 *
 * @param source how error messages call the origin
 * @param path dotted name of this section in the whole configuration
 * @throws UserError for an unknown name (with the nearest) or a value of another type
 */
export function applyOverrides<T extends object>(
  defaults: T,
  overrides: Readonly<Record<string, unknown>>,
  source: string,
  path: string,
): T {
  const result = { ...defaults } as Record<string, unknown>;
  for (const [key, value] of Object.entries(overrides)) {
    if (!Object.hasOwn(defaults, key)) throw misplaced(defaults, key, source, path);
    result[key] = merged(result[key], value, source, `${path}.${key}`);
  }
  return result as T;
}

function merged(standard: unknown, value: unknown, source: string, path: string): unknown {
  if (isSection(standard) && isSection(value)) return applyOverrides(standard, value, source, path);
  if (!sameKind(standard, value)) {
    throw new UserError(
      `${source}: ${path} is ${show(value)}, expected ${describeKind(standard)}, for example the default ${show(standard)}.`,
    );
  }
  return value;
}

function sameKind(standard: unknown, value: unknown): boolean {
  if (Array.isArray(standard)) {
    return Array.isArray(value) && value.length === standard.length && standard.every((part, i) => sameKind(part, value[i]));
  }
  if (isSection(standard)) {
    return (
      isSection(value) &&
      Object.keys(value).length === Object.keys(standard).length &&
      Object.keys(standard).every((k) => sameKind(standard[k], value[k]))
    );
  }
  if (typeof standard === 'number') return typeof value === 'number' && Number.isFinite(value);
  return typeof standard === typeof value && (standard === null) === (value === null);
}

function describeKind(standard: unknown): string {
  if (Array.isArray(standard)) return `a list of ${standard.length} such values`;
  if (isSection(standard)) return 'a section of settings';
  return standard === null ? 'nothing' : `a ${typeof standard}`;
}

function misplaced(defaults: object, key: string, source: string, path: string): UserError {
  const sections = path.split('.');
  const whole = sections.reduceRight<object>((inner, name) => ({ [name]: inner }), defaults);
  return unknownKey(sections, key, whole, source);
}
