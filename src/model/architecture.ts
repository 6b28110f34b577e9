import { z } from 'zod';
import { CLASSES, SEGMENTATION_CHANNELS } from '../data/classes.js';
import { UserError } from '../errors.js';
import type { UNet3PlusConfig } from './config.js';
import type { ModelFile } from './model-file.js';
import { checkTensors } from './model-file.js';
import { unet3plus, type UNet3Plus } from './unet3plus.js';

const width = z.int().min(1).max(4096);

/** A detector's network, as a model file describes it. */
export const detectorConfig: z.ZodType<UNet3PlusConfig> = z.strictObject({
  inputChannels: z.literal(1),
  encoder: z.array(width).length(5),
  branch: width,
  fusion: z.array(width).length(4),
  segmentationChannels: z.literal(SEGMENTATION_CHANNELS.length),
  deepSupervision: z.boolean(),
  upsampling: z.enum(['before-conv', 'after-conv']),
  fusedHead: z.boolean(),
  imagePyramid: z.boolean(),
  context: z
    .strictObject({ channels: width, dilations: z.array(z.int().min(1).max(16)).min(1).max(8), window: z.int().min(1).max(33) })
    .nullable(),
  classes: z.literal(CLASSES.length),
});

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
