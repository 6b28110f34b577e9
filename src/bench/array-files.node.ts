import type { ShapedArray } from '../autograd/parameters.js';
import { UserError } from '../errors.js';
import { readWholeFile, writeFileAtomic } from '../files.node.js';
import { floatTensor, readSafetensors, writeSafetensors } from '../model/safetensors.js';
import type { NamedArrays } from './runnable.js';

/** All tensors of a file; a `param.` in front of a name, as the fixtures have it, is dropped. @throws UserError */
export async function readArrays(path: string): Promise<Map<string, ShapedArray>> {
  const { tensors } = readSafetensors(await readWholeFile(path), path);
  return new Map(
    [...tensors].map(([name, { dtype, shape, data }]) => {
      if (dtype !== 'F32') throw new UserError(`${path}: '${name}' is ${dtype}, expected F32. Convert it.`);
      return [name.replace(/^param\./, ''), { shape, data }];
    }),
  );
}

export async function writeArrays(path: string, arrays: NamedArrays): Promise<void> {
  const tensors = [...arrays].map(([name, { shape, data }]) => [name, floatTensor(shape, Float32Array.from(data))] as const);
  await writeFileAtomic(path, writeSafetensors(new Map(tensors)));
}
