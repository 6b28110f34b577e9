// The ops that can be run in several ways, and what the ways are called. Without a tuning table the first that runs is taken.
import type { Device } from '../runtime/device.js';
import type { Recorder } from '../runtime/recorder.js';
import type { OpShape } from '../runtime/tuning.js';

export interface Tunable<V = unknown> {
  readonly op: string;
  /** By name, in order of preference. */
  readonly candidates: ReadonlyMap<string, V>;
  /** Where the preference depends on the shape or the device: the usual candidate; undefined leaves it to the order. */
  usual?(shape: OpShape, device: Device): string | undefined;
  /** Whether a candidate computes this shape on this device. */
  runs(candidate: V, device: Device, shape: OpShape): boolean;
}

/** Invocations per workgroup; WebGPU allows 256 everywhere. */
const WORKGROUPS = [64, 32, 128, 256];

/** Forward, and with swapped channels the gradient by the input. `subgroup` needs a padding of 1; `tile` shares pixels through workgroup memory. */
export const CONV_3X3: Tunable<{ readonly kernel: 'subgroup' | 'strip' | 'tile'; readonly WG: number }> = {
  op: 'conv3x3',
  candidates: named(
    [
      ...WORKGROUPS.flatMap((WG) => [{ kernel: 'subgroup' as const, WG }, { kernel: 'strip' as const, WG }]), // prettier-ignore
      ...[64, 128, 256].map((WG) => ({ kernel: 'tile' as const, WG })),
    ],
    ({ kernel, WG }) => `${kernel} wg${WG}`,
  ),
  runs: ({ kernel, WG }, device) => kernel !== 'subgroup' || fillsSubgroups(device, WG),
};

/** `tiles`: workgroups (strip) or groups of eight invocations (subgroup) that keep the adapter busy; the sums are cut into so many. */
export const CONV_3X3_GRAD_WEIGHT: Tunable<{ readonly kernel: 'subgroup' | 'strip'; readonly WG: number; readonly tiles: number }> = {
  op: 'conv3x3-grad-weight',
  candidates: named(
    [
      { kernel: 'subgroup', WG: 64, tiles: 512 },
      { kernel: 'strip', WG: 16, tiles: 128 },
      ...WORKGROUPS.flatMap((WG) => [512, 2048, 8192].map((tiles) => ({ kernel: 'subgroup' as const, WG, tiles }))),
      // WG * 288 bytes of workgroup memory, of 16 KiB
      ...[16, 32].flatMap((WG) => [128, 512, 2048].map((tiles) => ({ kernel: 'strip' as const, WG, tiles }))),
    ],
    ({ kernel, WG, tiles }) => `${kernel} wg${WG} tiles${tiles}`,
  ),
  // Measured: small workgroups and few tiles are the fastest on software adapters, but would leave a GPU idle.
  usual: (_, device) => (device.adapter.isFallbackAdapter ? undefined : 'strip wg32 tiles512'),
  // Few input channels or narrow maps would leave most of the eight columns and channels of the subgroup's kernel idle.
  runs: ({ kernel, WG }, device, { inChannels, width }) =>
    kernel === 'strip' || (fillsSubgroups(device, WG) && inChannels >= 3 && width >= 8),
};

/** `subgroup` needs a stride of 1. */
export const CONV_1X1: Tunable<{ readonly kernel: 'subgroup' | 'quarter'; readonly WG: number }> = {
  op: 'conv1x1',
  candidates: named(
    WORKGROUPS.flatMap((WG) => [{ kernel: 'subgroup' as const, WG }, { kernel: 'quarter' as const, WG }]), // prettier-ignore
    ({ kernel, WG }) => `${kernel} wg${WG}`,
  ),
  runs: ({ kernel, WG }, device) => kernel === 'quarter' || fillsSubgroups(device, WG),
};

/**
 * Names of the candidates that compute a shape here, the usual one first. Handing values round in a subgroup saves loads, which decide on a
 * software adapter, at the price of shuffles, which on a GPU cost more than loads out of its caches: there it is not the usual way.
 */
export function candidatesHere<V>(device: Device, tunable: Tunable<V>, shape: OpShape): [string, ...string[]] {
  const preferred = tunable.usual?.(shape, device);
  const rank = (name: string): number => {
    if (name === preferred) return 0;
    return name.startsWith('subgroup') && !device.adapter.isFallbackAdapter ? 2 : 1;
  };
  const here = [...tunable.candidates].filter(([, candidate]) => tunable.runs(candidate, device, shape)).map(([name]) => name);
  const [first, ...others] = here.sort((a, b) => rank(a) - rank(b));
  if (first === undefined) throw new Error('Every op has a candidate that runs anywhere.');
  return [first, ...others];
}

/** What the device's tuning table says, or the usual candidate. */
export function chosen<V>({ device, maps }: Recorder, tunable: Tunable<V>, shape: OpShape): V {
  const name = device.tuning.choose({ op: tunable.op, shape, maps }, candidatesHere(device, tunable, shape));
  return tunable.candidates.get(name)!;
}

/** Invocations of one subgroup must not be spread over workgroups, nor a part of it be missing. */
export function fillsSubgroups(device: Device, WG: number): boolean {
  return device.subgroups && WG >= device.adapter.subgroupMaxSize;
}

function named<V>(candidates: readonly V[], nameOf: (candidate: V) => string): ReadonlyMap<string, V> {
  return new Map(candidates.map((candidate) => [nameOf(candidate), candidate]));
}
