import type { z } from 'zod';
import { UserError } from '../errors.js';
import type { PatchClassifier } from './classifier.js';
import type { UNet3PlusConfig } from './config.js';
import { convnextConfig, detectorConfig, resnet22Config } from './config-schema.js';
import { convnext, type ConvNeXtConfig } from './convnext.js';
import type { LayerSet } from './layers.js';
import { checkTensors, type ModelFile } from './model-file.js';
import { resnet22, type ResNet22Config } from './resnet22.js';
import { floatTensor, type StoredTensor } from './safetensors.js';
import { unet3plus, type UNet3Plus } from './unet3plus.js';

/** Networks that can be trained, and loaded from a model file. */
export type AnyNetwork = UNet3Plus | PatchClassifier<ResNet22Config> | PatchClassifier<ConvNeXtConfig>;

/** An architecture's name in model files and configurations, and its settings. */
export type ModelSettings =
  | { readonly architecture: 'unet3plus'; readonly config: UNet3PlusConfig }
  | { readonly architecture: 'resnet22'; readonly config: ResNet22Config }
  | { readonly architecture: 'convnext'; readonly config: ConvNeXtConfig };

const SCHEMAS = { unet3plus: detectorConfig, resnet22: resnet22Config, convnext: convnextConfig } satisfies Record<
  ModelSettings['architecture'],
  z.ZodType
>;

export function buildModel(settings: ModelSettings): AnyNetwork {
  if (settings.architecture === 'resnet22') return resnet22(settings.config);
  if (settings.architecture === 'convnext') return convnext(settings.config);
  return unet3plus(settings.config);
}

/** Whether a network says of a patch which class it is of, and no more. */
export function isClassifier(model: AnyNetwork): model is Exclude<AnyNetwork, UNet3Plus> {
  return 'mapStage' in model;
}

/**
 * The network of a model file and its arrays by name.
 * @throws UserError where the architecture is unknown, its config incomplete, or a tensor missing, superfluous or of another shape
 */
export function networkOf({ info, tensors }: ModelFile, file: string): { model: AnyNetwork; arrays: Map<string, Float32Array> } {
  const model = buildModel(settingsOf(info, file));
  if (isClassifier(model) && info.window === undefined)
    throw new UserError(
      `${file}: a classifier without window, expected the side of the patches it was trained on. The file is damaged or edited: export it again.`,
    );
  const { parameters, buffers } = model.layers;
  checkTensors(tensors, new Map([...parameters, ...buffers].map(({ name, shape }) => [name, shape])), file);
  const arrays = new Map([...tensors].map(([name, { data }]) => [name, data as Float32Array]));
  return { model, arrays };
}

function settingsOf({ architecture, config }: ModelFile['info'], file: string): ModelSettings {
  const names = Object.keys(SCHEMAS) as ModelSettings['architecture'][];
  const known = names.find((name) => name === architecture);
  if (!known) {
    const expected = names.map((name) => `'${name}'`).join(', ');
    throw new UserError(
      `${file}: architecture '${architecture}', this version knows ${expected}. Use the mcgpu version that wrote the model.`,
    );
  }
  const { data, error } = SCHEMAS[known].safeParse(config);
  if (!error) return { architecture: known, config: data } as ModelSettings;
  const [issue] = error.issues;
  throw new UserError(`${file}: config.${issue?.path.join('.')}: ${issue?.message}. The file is damaged or edited: export it again.`);
}

/** Settings as a model file stores them. */
export function storedSettings({ architecture, config }: ModelSettings): Pick<ModelFile['info'], 'architecture' | 'config'> {
  return { architecture, config: JSON.parse(JSON.stringify(config)) as ModelFile['info']['config'] };
}

/** The other way: the arrays of a network as a model file stores them. */
export function tensorsOf(
  { layers: { parameters, buffers } }: { readonly layers: LayerSet },
  arrays: ReadonlyMap<string, Float32Array>,
): Map<string, StoredTensor> {
  return new Map(
    [...parameters, ...buffers].map(({ name, shape }) => [name, floatTensor(shape, new Float32Array(arrays.get(name) ?? []))]),
  );
}
