import type { Environment } from '../../src/bench/row.js';
import { findWorkload } from '../../src/bench/suite.js';
import type { Workload } from '../../src/bench/workloads.js';

export const SOMEWHERE: Environment = {
  adapter: 'test adapter',
  driver: 'test driver 1',
  backend: 'vulkan',
  isFallbackAdapter: true,
  precision: 'f32',
  tuning: null,
  engine: 'mcgpu',
  version: '0.0.0',
  commit: null,
  date: '2026-01-01T00:00:00.000Z',
};

/** A standard workload on images of a few pixels. */
export function tiny(name: string): Workload {
  const workload = findWorkload(name);
  switch (workload.kind) {
    case 'operations':
      return { ...workload, channels: 4, side: 16 };
    case 'detect':
      return { ...workload, height: 160, width: 128 };
    default:
      return { ...workload, batch: workload.kind.startsWith('train') ? 2 : 1, side: 32 };
  }
}
