import { UserError } from '../errors.js';
import { detectorConfig } from './config-schema.js';
import { checkTensors, type ModelFile } from './model-file.js';
import { floatTensor, type StoredTensor } from './safetensors.js';
import { unet3plus, type UNet3Plus } from './unet3plus.js';

/**
 * The network of a model file and its arrays by name.
 * @throws UserError where the architecture is unknown, its config incomplete, or a tensor missing, superfluous or of another shape
 */
export function networkOf({ info, tensors }: ModelFile, file: string): { model: UNet3Plus; arrays: Map<string, Float32Array> } {
  if (info.architecture !== 'unet3plus') {
    throw new UserError(
      `${file}: architecture '${info.architecture}', this version knows 'unet3plus'. Use the mcgpu version that wrote the model.`,
    );
  }
  const { data: config, error } = detectorConfig.safeParse(info.config);
  if (!config) {
    const [issue] = error.issues;
    throw new UserError(`${file}: config.${issue?.path.join('.')}: ${issue?.message}. The file is damaged or edited: export it again.`);
  }
  const model = unet3plus(config);
  const { parameters, buffers } = model.layers;
  checkTensors(tensors, new Map([...parameters, ...buffers].map(({ name, shape }) => [name, shape])), file);
  const arrays = new Map([...tensors].map(([name, { data }]) => [name, data as Float32Array]));
  return { model, arrays };
}

/** The other way: the arrays of a network as a model file stores them. */
export function tensorsOf(
  { layers: { parameters, buffers } }: UNet3Plus,
  arrays: ReadonlyMap<string, Float32Array>,
): Map<string, StoredTensor> {
  return new Map(
    [...parameters, ...buffers].map(({ name, shape }) => [name, floatTensor(shape, new Float32Array(arrays.get(name) ?? []))]),
  );
}
