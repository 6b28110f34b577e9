import { parseDocument } from 'yaml';
import { UserError } from '../errors.js';
import { readWholeFile } from '../files.node.js';
import { parseTrainConfig, type TrainConfig } from './config.js';
import { applySettings } from './config-overrides.js';

/**
 * The configuration of a run: defaults, changed by a YAML file, changed by `--set` settings.
 *
 * @param path of the YAML file; undefined for defaults only
 * @param settings each `key=value`
 * @throws UserError
 */
export async function readTrainConfig(path: string | undefined, settings: readonly string[] = []): Promise<TrainConfig> {
  const fromFile = path === undefined ? {} : await readYamlFile(path);
  if (path !== undefined) parseTrainConfig(fromFile, path); // its own mistakes are reported under its own name
  return parseTrainConfig(applySettings(fromFile, settings), path === undefined || settings.length > 0 ? '--set' : path);
}

/** Plain data. @throws UserError naming the line that is not YAML */
export async function readYamlFile(path: string): Promise<unknown> {
  const document = parseDocument(new TextDecoder().decode(await readWholeFile(path)));
  const [error] = document.errors;
  if (error) {
    const line = error.linePos?.[0].line ?? '?';
    throw new UserError(`${path}: line ${line} is not valid YAML (${error.code}). Write it as in the config.yaml of a run.`);
  }
  return document.toJS({ maxAliasCount: 100 }) as unknown;
}
