// The section `model` of a training configuration: which network, and its settings.
import { z } from 'zod';
import { CLASSES, SEGMENTATION_CHANNELS } from '../data/classes.js';
import { buildModel, type AnyNetwork, type ModelSettings } from '../model/architecture.js';
import { COMPACT } from '../model/config.js';
import { convnextConfig, detectorConfig, resnet22Config } from '../model/config-schema.js';
import { CONVNEXT_FLAVOURS } from '../model/convnext.js';
import { LEVELS } from '../model/unet3plus.js';
import { isSection } from './config-errors.js';

const classes = z.literal(CLASSES.length).default(CLASSES.length);

/** As UNet3PlusConfig, which explains the names; the compact network by default. */
const { shape } = detectorConfig;
const unet3plusSection = z.strictObject({
  architecture: z.literal('unet3plus'),
  inputChannels: shape.inputChannels.default(1),
  encoder: shape.encoder.default([...COMPACT.encoder]),
  branch: shape.branch.default(COMPACT.branch),
  fusion: shape.fusion.default([...COMPACT.fusion]),
  segmentationChannels: shape.segmentationChannels.default(SEGMENTATION_CHANNELS.length),
  deepSupervision: shape.deepSupervision.default(COMPACT.deepSupervision),
  upsampling: shape.upsampling.default(COMPACT.upsampling),
  fusedHead: shape.fusedHead.default(COMPACT.fusedHead),
  imagePyramid: shape.imagePyramid.default(COMPACT.imagePyramid),
  context: shape.context.default(COMPACT.context && { ...COMPACT.context, dilations: [...COMPACT.context.dilations] }),
  classes,
  classGuided: shape.classGuided,
});

/** As ResNet22Config; the published width by default. */
const resnet22Section = z.strictObject({
  architecture: z.literal('resnet22'),
  inputChannels: resnet22Config.shape.inputChannels.default(1),
  width: resnet22Config.shape.width.default(16),
  classes,
});

const flavours = Object.keys(CONVNEXT_FLAVOURS) as [keyof typeof CONVNEXT_FLAVOURS];

/** As ConvNeXtConfig, with the blocks and channels of a flavour unless they are given. */
const convnextSection = z.strictObject({
  architecture: z.literal('convnext'),
  inputChannels: convnextConfig.shape.inputChannels.default(1),
  flavour: z.enum(flavours).default('atto'),
  depths: convnextConfig.shape.depths.optional(),
  widths: convnextConfig.shape.widths.optional(),
  stemStride: convnextConfig.shape.stemStride.default(2),
  stochasticDepth: convnextConfig.shape.stochasticDepth.default(0.1),
  classes,
});

const sections = [unet3plusSection, resnet22Section, convnextSection] as const;
const names = sections.map((section) => section.shape.architecture.value);
const USUAL = 'unet3plus';

/** A section that does not say which network is one of a UNet3+, as all were before there was a choice. */
export const modelConfig = z.preprocess(
  (section) => (isSection(section) && section.architecture === undefined ? { ...section, architecture: USUAL } : section),
  z.discriminatedUnion('architecture', sections, { error: () => `Expected one of ${names.join(', ')}` }),
);

export type ModelConfig = z.infer<typeof modelConfig>;

/** The architecture that a configuration names, as plain data may hold it; the usual one where it names none that exists. */
export function namedArchitecture(input: unknown): ModelConfig['architecture'] {
  const model = isSection(input) && isSection(input.model) ? input.model : {};
  return names.find((name) => name === model.architecture) ?? USUAL;
}

/** What a model file keeps of the section. */
export function modelSettings(model: ModelConfig): ModelSettings {
  if (model.architecture === 'convnext') {
    const {
      architecture,
      flavour,
      depths = CONVNEXT_FLAVOURS[flavour].depths,
      widths = CONVNEXT_FLAVOURS[flavour].widths,
      ...rest
    } = model;
    return { architecture, config: { ...rest, depths: [...depths], widths: [...widths] } };
  }
  if (model.architecture === 'resnet22') {
    const { architecture, ...config } = model;
    return { architecture, config };
  }
  const { architecture, classGuided, ...config } = model;
  return { architecture, config: { ...config, ...(classGuided && { classGuided }) } };
}

/** The network of a configuration. */
export function configuredModel(model: ModelConfig): AnyNetwork {
  return buildModel(modelSettings(model));
}

interface StepSettings {
  readonly batch: number;
  readonly patch: number;
  readonly recompute: 'none' | 'decoder';
}

/** Side of the largest patch of which one pixel is left at the coarsest scale of a ResNet-22. */
const SINGLE_PIXEL_PATCH = 64;

/** A training setting that the network cannot be trained with, and what is expected of it; null where there is none. */
export function unfitSetting(
  { architecture }: ModelConfig,
  { batch, patch, recompute }: StepSettings,
): { readonly name: keyof StepSettings; readonly message: string } | null {
  if (architecture !== USUAL && recompute === 'decoder')
    return { name: 'recompute', message: `Expected "none" for ${architecture}, which has no decoder` };
  if (architecture === 'resnet22' && batch === 1 && patch <= SINGLE_PIXEL_PATCH)
    return {
      name: 'batch',
      message: `Expected at least 2 patches of ${patch}x${patch} px for ${architecture}: its coarsest map has one pixel of each, too few for a batch norm`,
    };
  return null;
}

/** Scales at which a network is taught where calcifications lie; 0: only the class of a patch. */
export function taughtLevels(model: ModelConfig): number {
  if (model.architecture !== 'unet3plus') return 0;
  return model.deepSupervision ? LEVELS : 1;
}

/** What counts for the hash of a configuration: as runs were hashed before there was a choice of networks. */
export function countedModel({ architecture, ...model }: ModelConfig): object {
  return architecture === USUAL ? model : { architecture, ...model };
}
