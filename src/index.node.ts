// The public surface in Node: everything of index.ts, and what touches files or opens Dawn.
export * from './index.js'; // the one place where a list would only repeat a list
export { readMammogram } from './data/read.node.js';
export { writePicture, writeProbabilityMap } from './detect/overlay.node.js';
export { SHIPPED_MODEL } from './detect/shipped-model.node.js';
export { readModelFile } from './model/model-file.node.js';
export { openNodeDevice } from './runtime/gpu.node.js';
