// ONNX Runtime for Node as a peer of `mcgpu bench` (protocol.mjs), on one of its execution providers. It does not train.
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { foldedConvolutions, tensorOf } from './fold.mjs';
import { forwardS } from './network-s.mjs';
import { OnnxGraph } from './onnx-model.mjs';
import { servePeer } from './protocol.mjs';

/** @param {'webgpu' | 'cpu'} provider */
export async function serveOnnxRuntime(provider) {
  await servePeer(process.argv.slice(2), async () => {
    const { default: ort } = await import('onnxruntime-node');
    const version = JSON.parse(readFileSync(new URL('../node_modules/onnxruntime-node/package.json', import.meta.url), 'utf8')).version;
    return {
      version,
      // Its own copy of Dawn picks the adapter and names it nowhere.
      adapter: provider === 'cpu' ? `CPU (${cpus()[0]?.model ?? process.arch})` : 'chosen by ONNX Runtime',
      gpuBytesPeak: () => null,
      prepare: (op, input) => prepare(ort, provider, op, input),
    };
  });
  process.exit();
}

async function prepare(ort, provider, op, input) {
  if (op === 'train-step' || op.includes('-grad-')) throw new Error('onnxruntime-node has no gradients: inference only.');
  const { graph, inputName, resultName } = op === 'infer' ? inferenceGraph(input) : kernelGraph(op, input);
  const onGpu = provider === 'webgpu';
  // On the GPU the result stays there; one number of it is read back, which waits for the rest.
  if (onGpu) graph.output(graph.node('Slice', ['y', graph.integers([0, 0, 0, 0]), graph.integers([1, 1, 1, 1])], {}, 'probe'));
  const locations = onGpu ? { y: 'gpu-buffer', probe: 'cpu' } : undefined;
  const session = await ort.InferenceSession.create(graph.model(), options(provider, locations));
  const { data, shape } = tensorOf(input, inputName);
  const cpuTensor = new ort.Tensor('float32', data, shape);
  const x = onGpu ? await copied(ort, cpuTensor, 'gpu-buffer') : cpuTensor;
  let first;
  const run = async () => {
    const { y } = await session.run({ x });
    if (first) y.dispose();
    else first = y;
  };
  const output = async () => {
    const { dims, data } = onGpu ? await copied(ort, first, 'cpu') : first;
    return new Map([[resultName, { shape: [...dims], data: Float32Array.from(data) }]]);
  };
  return { run, output };
}

function options(provider, preferredOutputLocation) {
  return { executionProviders: [provider], logSeverityLevel: 3, ...(preferredOutputLocation && { preferredOutputLocation }) };
}

/**
 * A copy in GPU or CPU memory, made by a graph that does nothing else: onnxruntime-node cannot upload ahead of a run, and `getData` of a
 * tensor on the GPU aborts the process.
 */
async function copied(ort, tensor, location) {
  const graph = new OnnxGraph();
  graph.input('x', tensor.dims);
  graph.node('Identity', ['x'], {}, 'y');
  graph.output('y');
  const session = await ort.InferenceSession.create(graph.model(), options('webgpu', location));
  return (await session.run({ x: tensor })).y;
}

function kernelGraph(op, input) {
  const graph = new OnnxGraph();
  const inputName = op === 'bilinear-x4' ? 'small' : 'x';
  const x = graph.input('x', tensorOf(input, inputName).shape);
  const { conv, maxPool, upsample } = networkOps(graph, input, 'y');
  if (op === 'conv3x3') conv(x, '');
  else if (op === 'bilinear-x4') upsample(x, 4);
  else maxPool(x, 2);
  graph.output('y');
  return { graph, inputName, resultName: 'y' };
}

function inferenceGraph(input) {
  const graph = new OnnxGraph();
  const x = graph.input('x', tensorOf(input, 'x').shape);
  const [logits] = forwardS(networkOps(graph, foldedConvolutions(input)), x, 1);
  graph.node('Identity', [logits], {}, 'y');
  graph.output('y');
  return { graph, inputName: 'x', resultName: 'logits' };
}

/** Network S over names of values in a graph. `result` names the result of every op, for graphs of one op. */
function networkOps(graph, tensors, result) {
  const conv = (x, name) => {
    const [weight, bias] = ['weight', 'bias'].map((part) => (name === '' ? part : `${name}.${part}`));
    const inputs = [x, ...[weight, bias].map((key) => graph.constant(key, tensorOf(tensors, key)))];
    return graph.node('Conv', inputs, { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }, result);
  };
  let scales = 0;
  const upsample = (x, factor) => {
    const data = Float32Array.of(1, 1, factor, factor);
    const scale = graph.constant(`scale.${scales++}`, { shape: [4], data });
    return graph.node('Resize', [x, '', scale], { mode: 'linear', coordinate_transformation_mode: 'half_pixel' }, result);
  };
  return {
    conv,
    upsample,
    convBnRelu: (x, name) => graph.node('Relu', [conv(x, name)]),
    maxPool: (x, size) => graph.node('MaxPool', [x], { kernel_shape: [size, size], strides: [size, size] }, result),
    concat: (maps) => graph.node('Concat', maps, { axis: 1 }),
  };
}
