import { createHash } from 'node:crypto';
import { UserError } from '../errors.js';
import { readWholeFile } from '../files.node.js';
import { networkOf } from '../model/architecture.js';
import { decodeModelFile } from '../model/model-file.js';
import type { TrainConfig } from './config.js';
import { modelSettings } from './model-config.js';
import type { RunMode } from './run-directory.node.js';

/** Weights that a new run begins with. */
export interface InitialModel {
  /** Of the model file, hexadecimal. */
  readonly sha256: string;
  /** Parameters and running statistics by name. */
  readonly arrays: ReadonlyMap<string, Float32Array>;
}

/** @throws UserError where the file is no model, the model another network than that of the configuration, or the run a resumed one */
export async function readInitialModel(file: string, { mode, config }: { mode: RunMode; config: TrainConfig }): Promise<InitialModel> {
  if (mode === 'resume')
    throw new UserError(
      `--init ${file} on a run that is resumed, expected none: it goes on with its own weights. Drop --init, or begin a new run.`,
    );
  const bytes = await readWholeFile(file);
  const decoded = decodeModelFile(bytes, file);
  const { model, arrays } = networkOf(decoded, file);
  const wanted = modelSettings(config.model);
  if (decoded.info.architecture !== wanted.architecture)
    throw new UserError(
      `${file}: a network of the architecture ${decoded.info.architecture}, expected ${wanted.architecture} as in the configuration. Set model.architecture=${decoded.info.architecture}, or train without --init.`,
    );
  const differences = differing(model.config, wanted.config);
  if (differences)
    throw new UserError(
      `${file}: a network with other settings than the configuration's: ${differences}. Set model.* to those of the file (\`mcgpu info\` prints them), or train without --init.`,
    );
  return { sha256: createHash('sha256').update(bytes).digest('hex'), arrays };
}

/** Settings of the network that differ, the file's first; empty where none does. Both are as their schema orders them. */
function differing(file: object, wanted: object): string {
  const names = [...new Set([...Object.keys(file), ...Object.keys(wanted)])];
  const text = (settings: object, name: string): string => JSON.stringify((settings as Record<string, unknown>)[name] ?? null);
  return names
    .filter((name) => text(file, name) !== text(wanted, name))
    .map((name) => `${name} ${text(file, name)}, expected ${text(wanted, name)}`)
    .join('; ');
}
