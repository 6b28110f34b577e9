// jax-js as a peer of `mcgpu bench` (../lib/protocol.mjs): one jitted function per op, the whole training step one of them.
import { readFileSync } from 'node:fs';
import { foldedConvolutions, tensorOf } from '../lib/fold.mjs';
import { forwardS, parameterNames } from '../lib/network-s.mjs';
import { servePeer } from '../lib/protocol.mjs';
import { ADAM, BATCH_NORM_EPS } from '../lib/workloads.mjs';

const PADDING = [[1, 1], [1, 1]]; // prettier-ignore

await servePeer(process.argv.slice(2), async ({ adapter }) => {
  const { openDawn, adapterName } = await import('../lib/dawn.mjs');
  const gpu = openDawn(adapter);
  const jax = await import('@jax-js/jax');
  const devices = await jax.init('webgpu');
  if (!devices.includes('webgpu')) throw new Error(`jax.init: devices ${devices.join(', ')}.`);
  jax.defaultDevice('webgpu');
  return { ...gpu, version: packageVersion(), adapter: await adapterName(), prepare: (op, input) => prepare(jax, op, input) };
});
process.exit();

function packageVersion() {
  return JSON.parse(readFileSync(new URL('../node_modules/@jax-js/jax/package.json', import.meta.url), 'utf8')).version;
}

function prepare(jax, op, input) {
  if (op === 'train-step') return trainStep(jax, input);
  const { names, compute } = op === 'infer' ? inference(jax, input) : kernel(jax, op);
  const tensors = op === 'infer' ? new Map([...foldedConvolutions(input), ['x', tensorOf(input, 'x')]]) : input;
  return single(jax, tensors, names, compute, op === 'infer' ? 'logits' : 'y');
}

/** An array on the device; `shape` is the tensor's own. */
function upload(jax, { shape, data }) {
  return jax.numpy.array(data, { shape });
}

async function download(array) {
  const { shape } = array;
  return { shape, data: new Float32Array(await array.data()) };
}

/** An op that computes one array from named inputs; like every jax-js function, `compute` consumes its arguments. */
async function single(jax, tensors, names, compute, resultName) {
  const inputs = Object.fromEntries(names.map((name) => [name, upload(jax, tensorOf(tensors, name))]));
  await jax.blockUntilReady(inputs);
  const jitted = jax.jit(compute);
  let first;
  const run = async () => {
    const y = jitted(jax.tree.ref(inputs));
    await jax.blockUntilReady(y);
    if (first) y.dispose();
    else first = y;
  };
  return { run, output: async () => new Map([[resultName, await download(first)]]) };
}

function kernel(jax, op) {
  const { lax, numpy: np, vjp } = jax;
  const conv = (x, weight) => lax.convGeneralDilated(x, weight, [1, 1], PADDING);
  const gradient = (f, [x, dy]) => {
    const [y, pullback] = vjp(f, [x]);
    y.dispose();
    const [dx] = pullback(dy);
    pullback.dispose();
    return dx;
  };
  const cases = {
    conv3x3: { names: ['x', 'weight', 'bias'], compute: ({ x, weight, bias }) => conv(x, weight).add(bias.reshape([1, -1, 1, 1])) },
    // The convolution is linear in either argument: its value at zero costs nothing, jit drops it.
    'conv3x3-grad-input': {
      names: ['weight', 'dy'],
      compute: ({ weight, dy }) => gradient((x) => conv(x, weight), [np.zeros(dy.shape), dy]),
    },
    'conv3x3-grad-weight': {
      names: ['x', 'weight', 'dy'],
      compute: ({ x, weight, dy }) => gradient((w) => conv(x, w), [weight, dy]),
    },
    'bilinear-x4': { names: ['small'], compute: ({ small }) => upsample(np, small, 4) },
    'max-pool-2': { names: ['x'], compute: ({ x }) => maxPool(np, x, 2) },
  };
  return cases[op];
}

function maxPool(np, x, size) {
  const [n, c, h, w] = x.shape;
  return np.max(x.reshape([n, c, h / size, size, w / size, size]), [3, 5]);
}

/** jax-js has no image resize. The factor is whole, so an output pixel is a weighted sum of one row (column) and its neighbours. */
function upsample(np, x, factor) {
  return enlarge(np, enlarge(np, x, factor, 2), factor, 3);
}

/** Bilinear enlargement along one axis, with half-pixel centres: constant weights per source pixel and phase, no index arithmetic. */
function enlarge(np, x, factor, axis) {
  const size = x.shape[axis];
  const { before, own, after } = phaseWeights(size, factor);
  const shape = x.shape.toSpliced(axis + 1, 0, 1);
  const constant = (data) => np.array(data, { shape: [size, factor, ...shape.slice(axis + 2).map(() => 1)] });
  const shifted = (array, by) => {
    const width = array.shape.map((_, i) => (i === axis ? (by > 0 ? [1, 0] : [0, 1]) : [0, 0]));
    const kept = array.shape.map((_, i) => (i === axis ? (by > 0 ? [0, size - 1] : [1, size]) : []));
    return np.pad(array.slice(...kept), width);
  };
  const centre = x.ref.reshape(shape).mul(constant(own));
  const lower = shifted(x.ref, 1).reshape(shape).mul(constant(before));
  const upper = shifted(x, -1).reshape(shape).mul(constant(after));
  return centre
    .add(lower)
    .add(upper)
    .reshape(x.shape.with(axis, size * factor));
}

/** Weights [size, factor] of the pixel before, the pixel itself and the pixel after; at the edges the pixel itself stands in. */
function phaseWeights(size, factor) {
  const [before, own, after] = Array.from({ length: 3 }, () => new Float32Array(size * factor));
  for (let i = 0; i < size * factor; i++) {
    const source = Math.floor(i / factor);
    const offset = (i + 0.5) / factor - 0.5 - source; // in (-0.5, 0.5)
    const neighbour = source + Math.sign(offset);
    const inside = neighbour >= 0 && neighbour < size;
    own[i] = inside ? 1 - Math.abs(offset) : 1;
    if (inside) (offset < 0 ? before : after)[i] = Math.abs(offset);
  }
  return { before, own, after };
}

/**
 * Network S over jax-js. Arrays stay owned by `held`, and every use is a new reference: a map is read by up to five layers.
 * `parameters` are read, not consumed.
 */
function networkOps(jax, parameters, { fold }) {
  const { lax, nn, numpy: np } = jax;
  const held = [];
  const hold = (array) => (held.push(array), array);
  const channels = (name) => parameters[name].ref.reshape([1, -1, 1, 1]);
  const conv = (x, name) => lax.convGeneralDilated(x.ref, parameters[`${name}.weight`].ref, [1, 1], PADDING).add(channels(`${name}.bias`));
  const batchNorm = (z, name) => {
    const axes = { keepdims: true };
    const centred = z.ref.sub(np.mean(z, [0, 2, 3], axes));
    const variance = np.mean(np.square(centred.ref), [0, 2, 3], axes);
    const scale = channels(`${name}.weight`).div(np.sqrt(variance.add(BATCH_NORM_EPS)));
    return centred.mul(scale).add(channels(`${name}.bias`));
  };
  const ops = {
    convBnRelu: (x, name, bn) => hold(nn.relu(fold ? conv(x, name) : batchNorm(conv(x, name), bn))),
    conv: (x, name) => hold(conv(x, name)),
    maxPool: (x, size) => hold(maxPool(np, x.ref, size)),
    upsample: (x, factor) => hold(upsample(np, x.ref, factor)),
    concat: (maps) => hold(np.concatenate(maps.map((m) => m.ref), 1)), // prettier-ignore
  };
  return { ops, release: () => jax.tree.dispose(held) };
}

function inference(jax, input) {
  const names = ['x', ...foldedConvolutions(input).keys()].filter((name) => !/^head\.[1-4]/.test(name));
  const compute = (arrays) => {
    const { ops, release } = networkOps(jax, arrays, { fold: true });
    const [logits] = forwardS(ops, arrays.x, 1);
    const result = logits.ref;
    release();
    jax.tree.dispose(arrays);
    return result;
  };
  return { names, compute };
}

/** Mean over the heads of binary cross-entropy with logits. Consumes its arguments. */
function lossOf(jax, parameters, x, target) {
  const { nn, numpy: np } = jax;
  const { ops, release } = networkOps(jax, parameters, { fold: false });
  const heads = forwardS(ops, x, 5);
  const losses = heads.map((z) =>
    np.mean(
      nn
        .relu(z.ref)
        .sub(z.ref.mul(target.ref))
        .add(np.log1p(np.exp(np.abs(z.ref).neg()))),
    ),
  );
  const loss = losses.reduce((sum, l) => sum.add(l)).div(heads.length);
  release();
  jax.tree.dispose([parameters, x, target]);
  return loss;
}

async function trainStep(jax, input) {
  const { numpy: np, tree } = jax;
  const names = parameterNames();
  const upAll = (make) => Object.fromEntries(names.map((name) => [name, make(tensorOf(input, name))]));
  let parameters = upAll((t) => upload(jax, t));
  let moments = upAll(({ shape }) => ({ mean: np.zeros(shape), square: np.zeros(shape) }));
  const x = upload(jax, tensorOf(input, 'x'));
  const target = upload(jax, tensorOf(input, 'target'));
  const step = jax.jit((parameters, moments, rate, x, target) => {
    const lossAndGradients = jax.valueAndGrad((p, x, target) => lossOf(jax, p, x, target));
    const [loss, gradients] = lossAndGradients(tree.ref(parameters), x, target);
    const updated = names.map((name) => adam(np, parameters[name], gradients[name].ref, moments[name], rate));
    tree.dispose(rate);
    const byName = (pick) => Object.fromEntries(names.map((name, i) => [name, pick(updated[i])]));
    return { loss, gradients, parameters: byName((u) => u.parameter), moments: byName((u) => u.moments) };
  });
  await jax.blockUntilReady([parameters, moments, x, target]);
  let count = 0;
  const results = new Map();
  const run = async () => {
    count++;
    const { learningRate, beta1, beta2 } = ADAM;
    // Bias corrections of Kingma and Ba's section 2, as a step size and a scale of the root.
    const rate = { step: np.array(learningRate / (1 - beta1 ** count)), root: np.array(1 / Math.sqrt(1 - beta2 ** count)) };
    const done = step(parameters, moments, rate, x.ref, target.ref);
    ({ parameters, moments } = done);
    await jax.blockUntilReady(done);
    if (results.size > 0) return void tree.dispose([done.loss, done.gradients]);
    results.set('loss', done.loss);
    for (const name of names) results.set(`grad.${name}`, done.gradients[name]);
  };
  const output = async () => {
    const tensors = new Map();
    for (const [name, array] of results) tensors.set(name, await download(array));
    return tensors.set('loss', { shape: [1], data: tensors.get('loss').data });
  };
  return { run, output };
}

/** One parameter's Adam update; consumes all but `rate`. */
function adam(np, parameter, gradient, { mean, square }, rate) {
  const { beta1, beta2, epsilon } = ADAM;
  const m = mean.mul(beta1).add(gradient.ref.mul(1 - beta1));
  const v = square.mul(beta2).add(np.square(gradient).mul(1 - beta2));
  const root = np.sqrt(v.ref).mul(rate.root.ref).add(epsilon);
  return { parameter: parameter.sub(m.ref.mul(rate.step.ref).div(root)), moments: { mean: m, square: v } };
}
