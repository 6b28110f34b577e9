// Classifiers of seconds, for tests.
import { parseTrainConfig, type TrainConfig } from '../../src/train/config.js';
import { smallConfig } from './small-run.js';

/** By architecture: the published topology with a few channels. */
export const SMALL_CLASSIFIERS = {
  resnet22: { architecture: 'resnet22', width: 2 },
  convnext: { architecture: 'convnext', depths: [1, 1, 1, 1], widths: [4, 4, 8, 8], stochasticDepth: 0.5 },
} as const;

export type ClassifierName = keyof typeof SMALL_CLASSIFIERS;

export function smallClassifier(name: ClassifierName, train: Partial<TrainConfig['train']> = {}, model: object = {}): TrainConfig {
  const { synth, train: usual } = smallConfig();
  return parseTrainConfig({ synth, train: { ...usual, ...train }, model: { ...SMALL_CLASSIFIERS[name], ...model } }, 'test');
}
