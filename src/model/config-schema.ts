import { z } from 'zod';
import { CLASSES, SEGMENTATION_CHANNELS } from '../data/classes.js';
import type { UNet3PlusConfig } from './config.js';
import type { ConvNeXtConfig } from './convnext.js';
import type { ResNet22Config } from './resnet22.js';

const width = z.int().min(1).max(4096);

/** A detector's network, in a model file and in a training configuration alike: what can be trained can be loaded. */
export const detectorConfig = z.strictObject({
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
    .strictObject({
      channels: width,
      dilations: z.array(z.int().min(1).max(16)).min(1).max(8),
      window: z
        .int()
        .min(1)
        .max(33)
        .refine((side) => side % 2 === 1, 'expected an odd number'),
    })
    .nullable(),
  classes: z.literal(CLASSES.length),
  classGuided: z.boolean().optional(),
}) satisfies z.ZodType<UNet3PlusConfig>;

/** A classifier's, likewise. */
export const resnet22Config = z.strictObject({
  inputChannels: z.literal(1),
  width,
  classes: z.literal(CLASSES.length),
}) satisfies z.ZodType<ResNet22Config>;

export const convnextConfig = z.strictObject({
  inputChannels: z.literal(1),
  depths: z.array(z.int().min(1).max(64)).length(4),
  widths: z.array(width).length(4),
  stemStride: z.literal([2, 4]),
  stochasticDepth: z.number().min(0).lt(1),
  classes: z.literal(CLASSES.length),
}) satisfies z.ZodType<ConvNeXtConfig>;
