// TensorFlow.js on WebGPU as a peer of `mcgpu bench` (../lib/protocol.mjs), in NHWC, for which its kernels are written.
import { createRequire } from 'node:module';
import { foldedConvolutions, tensorOf } from '../lib/fold.mjs';
import { CHANNELS, forwardS, parameterNames } from '../lib/network-s.mjs';
import { servePeer } from '../lib/protocol.mjs';
import { ADAM, BATCH_NORM_EPS } from '../lib/workloads.mjs';

const TO_NHWC = [0, 2, 3, 1];
const FROM_NHWC = [0, 3, 1, 2];
const TO_HWIO = [2, 3, 1, 0];
const FROM_HWIO = [3, 2, 0, 1];

await servePeer(process.argv.slice(2), async ({ adapter }) => {
  const { openDawn, adapterName } = await import('../lib/dawn.mjs');
  const gpu = openDawn(adapter);
  // By require, so that the backend registers itself with the same copy of the core; gradients come with the whole package only.
  const require = createRequire(import.meta.url);
  const tf = require('@tensorflow/tfjs');
  require('@tensorflow/tfjs-backend-webgpu');
  if (!(await tf.setBackend('webgpu'))) throw new Error("tf.setBackend('webgpu') returned false.");
  await tf.ready();
  return { ...gpu, version: tf.version_core, adapter: await adapterName(), prepare: (op, input) => prepare(tf, op, input) };
});
process.exit();

function prepare(tf, op, input) {
  if (op === 'train-step') return trainStep(tf, input);
  return op === 'infer' ? inference(tf, input) : kernel(tf, op, input);
}

/** An op that computes one array; `order` turns its axes into the file's. */
function single(tf, resultName, compute, order = FROM_NHWC) {
  let first;
  const run = async () => {
    const y = tf.tidy(compute);
    await finish(tf);
    if (first) y.dispose();
    else first = y;
  };
  return { run, output: async () => new Map([[resultName, await download(tf, first, order)]]) };
}

async function finish(tf) {
  const backend = tf.backend();
  backend.ensureCommandEncoderReady();
  backend.endComputePassEncoder();
  backend.submitQueue();
  await backend.queue.onSubmittedWorkDone();
}

/** A file's tensor on the device: maps and filters in TensorFlow's order of axes, vectors as they are. */
function upload(tf, { shape, data }, order) {
  return tf.tidy(() => (order ? tf.transpose(tf.tensor(data, shape), order) : tf.tensor(data, shape)));
}

async function download(tf, tensor, order) {
  const turned = order ? tf.transpose(tensor, order) : tensor;
  return { shape: turned.shape, data: new Float32Array(await turned.data()) };
}

function layerOrder(tensor) {
  return tensor.shape.length === 4 ? TO_HWIO : undefined;
}

function kernel(tf, op, input) {
  const map = (name) => upload(tf, tensorOf(input, name), TO_NHWC);
  if (op === 'bilinear-x4') {
    const small = map('small');
    return single(tf, 'y', () => upsample(tf, small, 4));
  }
  const x = map('x');
  if (op === 'max-pool-2') return single(tf, 'y', () => tf.maxPool(x, 2, 2, 'valid'));
  const filter = upload(tf, tensorOf(input, 'weight'), TO_HWIO);
  const bias = upload(tf, tensorOf(input, 'bias'));
  const dy = map('dy');
  const attributes = { strides: 1, pad: 'same', dataFormat: 'NHWC', dimRoundingMode: undefined };
  const computations = {
    conv3x3: () => tf.fused.conv2d({ x, filter, bias, strides: 1, pad: 'same' }),
    'conv3x3-grad-input': () => tf.engine().runKernel('Conv2DBackpropInput', { dy, filter }, { ...attributes, inputShape: x.shape }),
    'conv3x3-grad-weight': () => tf.engine().runKernel('Conv2DBackpropFilter', { x, dy }, { ...attributes, filterShape: filter.shape }),
  };
  return single(tf, 'y', computations[op], op === 'conv3x3-grad-weight' ? FROM_HWIO : FROM_NHWC);
}

function upsample(tf, x, factor) {
  const [, height, width] = x.shape;
  return tf.image.resizeBilinear(x, [height * factor, width * factor], false, true);
}

function networkOps(tf, arrays, { fold }) {
  const conv = (x, name, activation = 'linear') => {
    const [filter, bias] = [arrays[`${name}.weight`], arrays[`${name}.bias`]];
    return tf.fused.conv2d({ x, filter, bias, strides: 1, pad: 'same', activation });
  };
  const batchNorm = (z, name) => {
    const { mean, variance } = tf.moments(z, [0, 1, 2]);
    return tf.batchNorm(z, mean, variance, arrays[`${name}.bias`], arrays[`${name}.weight`], BATCH_NORM_EPS);
  };
  return {
    convBnRelu: (x, name, bn) => (fold ? conv(x, name, 'relu') : tf.relu(batchNorm(conv(x, name), bn))),
    conv,
    maxPool: (x, size) => tf.maxPool(x, size, size, 'valid'),
    upsample: (x, factor) => upsample(tf, x, factor),
    concat: (maps) => tf.concat(maps, 3),
  };
}

function inference(tf, input) {
  const arrays = Object.fromEntries([...foldedConvolutions(input)].map(([name, t]) => [name, upload(tf, t, layerOrder(t))]));
  const x = upload(tf, tensorOf(input, 'x'), TO_NHWC);
  const ops = networkOps(tf, arrays, { fold: true });
  return single(tf, 'logits', () => forwardS(ops, x, 1)[0]);
}

function trainStep(tf, input) {
  const names = parameterNames();
  const variables = Object.fromEntries(
    names.map((name) => [name, tf.variable(upload(tf, tensorOf(input, name), layerOrder(tensorOf(input, name))), true, name)]),
  );
  const x = upload(tf, tensorOf(input, 'x'), TO_NHWC);
  const target = upload(tf, tensorOf(input, 'target'), TO_NHWC);
  if (target.shape[3] !== CHANNELS) throw new Error(`target has ${target.shape[3]} channels, expected ${CHANNELS}.`);
  const { learningRate, beta1, beta2, epsilon } = ADAM;
  const optimizer = tf.train.adam(learningRate, beta1, beta2, epsilon);
  const ops = networkOps(tf, variables, { fold: false });
  const lossOf = () => {
    const heads = forwardS(ops, x, 5);
    return tf.div(tf.addN(heads.map((logits) => tf.losses.sigmoidCrossEntropy(target, logits))), heads.length);
  };
  const results = new Map();
  const run = async () => {
    const { value, grads } = tf.variableGrads(lossOf);
    optimizer.applyGradients(grads);
    await finish(tf);
    if (results.size > 0) return void tf.dispose([value, grads]);
    results.set('loss', value);
    for (const name of names) results.set(`grad.${name}`, grads[name]);
  };
  const output = async () => {
    const tensors = new Map();
    for (const [name, t] of results) tensors.set(name, await download(tf, t, t.shape.length === 4 ? FROM_HWIO : undefined));
    return tensors.set('loss', { shape: [1], data: tensors.get('loss').data });
  };
  return { run, output };
}
