// Weights that another program trained, by the names of the network's own arrays (those of a PyTorch module built alike).
import { UserError } from '../errors.js';
import { fromHalves } from '../runtime/half.js';
import type { LayerSet } from './layers.js';
import { assertFinite, type StoredTensor } from './safetensors.js';

/** What wrappers put before every name: torch.compile, DataParallel. */
const WRAPPERS = ['_orig_mod.', 'module.'] as const;
/** PyTorch's batch norms count their batches; nothing here reads that. */
const COUNTER = /(^|\.)num_batches_tracked$/;
/** More differences than these are counted, not listed. */
const MOST_LISTED = 12;

export interface Renaming {
  readonly from: string;
  readonly to: string;
}

/**
 * The arrays of a network, float32, from a file's tensors.
 *
 * @param renamings the first whose `from` a name begins with puts `to` in its place
 * @throws UserError listing what is missing, of another shape or type, and unknown; for values that are not finite
 */
export function importWeights(
  tensors: ReadonlyMap<string, StoredTensor>,
  { parameters, buffers }: LayerSet,
  file: string,
  renamings: readonly Renaming[] = [],
): Map<string, Float32Array> {
  const named = new Map<string, StoredTensor>();
  const expected = new Map([...parameters, ...buffers].map(({ name, shape }) => [name, shape]));
  const problems: string[] = [];
  for (const [given, tensor] of tensors) {
    const name = renamed(withoutWrappers(given), renamings);
    if (COUNTER.test(name)) continue;
    if (named.has(name)) problems.push(`'${name}' is there twice`);
    named.set(name, tensor);
  }
  const arrays = new Map<string, Float32Array>();
  for (const [name, shape] of expected) {
    const tensor = named.get(name);
    const values = tensor && asFloats(tensor);
    if (!tensor) problems.push(`'${name}' is missing, expected [${shape.join(', ')}]`);
    else if (tensor.shape.join() !== shape.join())
      problems.push(`'${name}' is [${tensor.shape.join(', ')}], expected [${shape.join(', ')}]`);
    else if (!values) problems.push(`'${name}' is ${tensor.dtype}, expected numbers with a fraction (F64, F32, F16, BF16)`);
    else arrays.set(name, values);
  }
  for (const name of named.keys()) if (!expected.has(name)) problems.push(`'${name}' is not part of the network`);
  if (problems.length > 0) throw new UserError(describe(problems, file));
  assertFinite(named, file);
  return arrays;
}

function describe(problems: readonly string[], file: string): string {
  const listed = problems.slice(0, MOST_LISTED).map((problem) => `\n  ${problem}`);
  const more = problems.length > MOST_LISTED ? `\n  and ${problems.length - MOST_LISTED} more` : '';
  const repair = 'Give the configuration of the network that the weights are of, or --rename FROM=TO where only names differ.';
  return `${file}: ${problems.length} differences from the network of the configuration:${listed.join('')}${more}\n${repair}`;
}

function withoutWrappers(name: string): string {
  const wrapper = WRAPPERS.find((w) => name.startsWith(w));
  return wrapper === undefined ? name : withoutWrappers(name.slice(wrapper.length));
}

function renamed(name: string, renamings: readonly Renaming[]): string {
  const found = renamings.find(({ from }) => name.startsWith(from));
  return found ? found.to + name.slice(found.from.length) : name;
}

/** Null for what is no floating-point tensor. */
function asFloats({ dtype, data }: StoredTensor): Float32Array | null {
  if (dtype === 'F32') return data;
  if (dtype === 'F64') return Float32Array.from(data);
  if (dtype === 'F16') return fromHalves(data);
  if (dtype === 'BF16') return new Float32Array(Uint32Array.from(data, (bits) => bits << 16).buffer);
  return null;
}
