import { Detector } from '../detect/detector.js';
import type { DetectedMammogram } from '../detect/detector.js';
import { buildCompactTrainStep, buildInference, buildTrainStep } from './build-networks.js';
import { singleOperations } from './build-operations.js';
import { PHANTOM_SPACING_MM } from './inputs.js';
import type { BuildContext, Operation, Runnable } from './runnable.js';
import type { DetectionWorkload, Workload } from './workloads.js';

/** What is measured in a workload, in order. */
export function operationsOf(workload: Workload): Operation[] {
  switch (workload.kind) {
    case 'operations':
      return singleOperations(workload);
    case 'train':
      return [{ name: 'train-step', outputsOf: 'first step', build: (context) => buildTrainStep(workload, context) }];
    case 'train-compact':
      return [{ name: 'train-step', outputsOf: 'first step', build: (context) => buildCompactTrainStep(workload, context) }];
    case 'infer':
    case 'infer-compact':
      return [{ name: 'infer', outputsOf: 'last step', build: (context) => buildInference(workload, context) }];
    case 'detect':
      return [{ name: 'detect', outputsOf: 'last step', build: (context) => buildDetection(workload, context) }];
  }
}

/** `mcgpu detect` on pixels that lie in memory: breast mask, tiles, candidates, clusters, findings. */
async function buildDetection({ name, height, width }: DetectionWorkload, context: BuildContext): Promise<Runnable> {
  const { device, inputs, memoryBudgetBytes, modelFile, precision } = context;
  const x = inputs.get('x');
  if (!modelFile || !x) throw new Error(`bench: ${name} needs the image and the shipped model.`);
  const detector = Detector.open(device, await modelFile(), name, { memoryBudgetBytes, precision });
  const mammogram = {
    image: { width, height, data: x.data },
    pixelSpacingMm: [PHANTOM_SPACING_MM, PHANTOM_SPACING_MM],
    bitDepth: 12,
    laterality: null,
    viewPosition: null,
    intensityDomain: 'for-presentation',
    burnedIn: false,
    warnings: [],
  } as const;
  let running: Promise<DetectedMammogram> | undefined;
  return {
    program: null,
    plan: null,
    step: () => {
      running = detector.detect({ ...mammogram, warnings: [] }, name);
    },
    wait: async () => {
      await running;
    },
    outputs: async () => {
      const maps = (await running)?.maps;
      if (!maps) throw new Error(`bench: ${name} has not run yet.`);
      const shape = [1, 2, maps.height, maps.width];
      const data = new Float32Array(2 * maps.height * maps.width);
      data.set(maps.benignLike);
      data.set(maps.malignantLike, maps.height * maps.width);
      return new Map([['probabilities', { shape, data }]]);
    },
    destroy: () => {
      detector.destroy();
    },
  };
}
