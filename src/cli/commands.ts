import type { Command } from 'commander';

export interface CommandEntry {
  readonly name: string;
  /** The same words as in the command's own description. */
  readonly summary: string;
  /** Loads the command's module only when it is used, so that `mcgpu --help` loads no GPU, image or DICOM code. */
  readonly load: () => Promise<(program: Command) => void>;
}

export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'demo',
    summary: 'the whole job on generated phantoms: train from nothing, detect, print figures, write overlays and a training curve',
    load: async () => (await import('./demo.js')).registerDemo,
  },
  {
    name: 'synth',
    summary: 'draw synthetic training samples to look at: 16-bit images, masks, mcs.json, a contact sheet',
    load: async () => (await import('./synth.js')).registerSynth,
  },
  {
    name: 'train',
    summary: 'train on unlabelled mammograms (or generated phantoms) with synthetic microcalcifications',
    load: async () => (await import('./train.js')).registerTrain,
  },
  {
    name: 'experiment',
    summary: 'train and test every row of a table under one protocol: ablations, comparisons; resumable run by run',
    load: async () => (await import('./experiment.js')).registerExperiment,
  },
  {
    name: 'detect',
    summary: 'find microcalcifications on mammograms: findings.json, overlays, probability maps',
    load: async () => (await import('./detect.js')).registerDetect,
  },
  {
    name: 'evaluate',
    summary: 'measure a model on annotated mammograms: FROC, AUC, segmentation, calibration, sub-groups; metrics.json and report.html',
    load: async () => (await import('./evaluate.js')).registerEvaluate,
  },
  {
    name: 'explain',
    summary: 'show what in a mammogram speaks for a class: a Grad-CAM heat map, alone and over the image',
    load: async () => (await import('./explain.js')).registerExplain,
  },
  {
    name: 'calibrate',
    summary: 'fit the scores and the threshold of a model anew, on calcifications drawn into held-back mammograms',
    load: async () => (await import('./calibrate.js')).registerCalibrate,
  },
  {
    name: 'import',
    summary: 'make a model file of weights trained elsewhere (safetensors with the names of a PyTorch module built alike)',
    load: async () => (await import('./import.js')).registerImport,
  },
  {
    name: 'data',
    summary: 'check an annotated data set before it is used',
    load: async () => (await import('./data.js')).registerData,
  },
  {
    name: 'bench',
    summary: 'measure speed and memory of the engine, and compare it with others on the same adapter',
    load: async () => (await import('./bench.js')).registerBench,
  },
  {
    name: 'info',
    summary: 'print what a model file holds: architecture, working pixel spacing, threshold, training, model card',
    load: async () => (await import('./info.js')).registerInfo,
  },
  {
    name: 'doctor',
    summary: 'show the WebGPU adapter, test that it computes correctly, and say what is slow and what to do',
    load: async () => (await import('./doctor.js')).registerDoctor,
  },
];
