import { locate, type Shader } from './shader.js';

interface CompiledShader {
  readonly module: GPUShaderModule;
  readonly layout: GPUBindGroupLayout;
  readonly pipelineLayout: GPUPipelineLayout;
}

interface ReadyPipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/** A shader with the values of all its override constants. */
export interface UsedShader {
  readonly shader: Shader;
  readonly constants: Readonly<Record<string, number>>;
}

/** Shader modules, explicit layouts and pipelines of one device, each made once. */
export class PipelineCache {
  private readonly shaders = new Map<Shader, Promise<CompiledShader>>();
  private readonly pipelines = new Map<string, Promise<ReadyPipeline>>();

  private readonly asked: UsedShader[] = [];

  constructor(private readonly gpu: GPUDevice) {}

  /** What was compiled so far, in the order of the first use. */
  used(): readonly UsedShader[] {
    return this.asked;
  }

  /** Compiles (or finds) the pipeline of a shader with these overrides; many calls compile in parallel. */
  get(shader: Shader, overrides: Readonly<Record<string, number>>): Promise<ReadyPipeline> {
    const constants = { ...shader.overrides, ...overrides };
    const key = `${shader.name} ${JSON.stringify(Object.entries(constants).sort())}`;
    let entry = this.pipelines.get(key);
    if (entry) return entry;
    this.pipelines.set(key, (entry = this.compile(shader, constants, key)));
    this.asked.push({ shader, constants });
    return entry;
  }

  private async compile(shader: Shader, constants: Record<string, number>, label: string): Promise<ReadyPipeline> {
    let compiled = this.shaders.get(shader);
    if (!compiled) this.shaders.set(shader, (compiled = this.compileModule(shader)));
    const { module, layout, pipelineLayout } = await compiled;
    const pipeline = await this.gpu.createComputePipelineAsync({
      label,
      layout: pipelineLayout,
      compute: { module, entryPoint: 'main', constants },
    });
    return { pipeline, layout };
  }

  private async compileModule(shader: Shader): Promise<CompiledShader> {
    this.gpu.pushErrorScope('validation'); // the messages below say it better than the device's own error would
    const module = this.gpu.createShaderModule({ label: shader.name, code: shader.source });
    const [info] = await Promise.all([module.getCompilationInfo(), this.gpu.popErrorScope()]);
    const errors = info.messages.filter((m) => m.type === 'error');
    if (errors.length > 0) throw new Error(errors.map((m) => describe(shader, m)).join('\n'));
    const entries = shader.bindings.map(({ binding, access }) => layoutEntry(binding, access));
    if (shader.params) entries.push(layoutEntry(shader.params.binding, 'uniform'));
    const layout = this.gpu.createBindGroupLayout({ label: shader.name, entries });
    return { module, layout, pipelineLayout: this.gpu.createPipelineLayout({ bindGroupLayouts: [layout] }) };
  }
}

function layoutEntry(binding: number, access: string): GPUBindGroupLayoutEntry {
  const type = access === 'uniform' ? 'uniform' : access === 'read' ? 'read-only-storage' : 'storage';
  return { binding, visibility: 0x4 /* GPUShaderStage.COMPUTE */, buffer: { type } };
}

/** The message with the .wgsl file and line, the line itself, and a caret under the column. */
function describe(shader: Shader, message: GPUCompilationMessage): string {
  const { file, line } = locate(shader, message.lineNum);
  const text = shader.source.split('\n')[message.lineNum - 1] ?? '';
  return `${file}:${line}:${message.linePos}: ${message.message}\n  ${text}\n  ${' '.repeat(Math.max(0, message.linePos - 1))}^`;
}
