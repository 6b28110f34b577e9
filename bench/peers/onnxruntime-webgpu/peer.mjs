import { serveOnnxRuntime } from '../lib/onnxruntime.mjs';

await serveOnnxRuntime('webgpu');
