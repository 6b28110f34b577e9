import { sum } from '../kernels/sum.js';
import type { Recorder } from '../runtime/recorder.js';
import type { ElementType } from '../runtime/storage.js';
import { detach, Tensor } from '../runtime/tensor.js';

/** Receives the gradient of the output, returns that of each input (undefined for those without one). */
type Backward = (dy: Tensor) => readonly (Tensor | undefined)[];

interface Node {
  readonly y: Tensor;
  readonly inputs: readonly Tensor[];
  readonly backward: Backward;
}

/** A persistent tensor that is learnt; its gradient has a fixed place, next to those of the other parameters. */
export class Parameter<A extends string = string> extends Tensor<A> {
  constructor(
    data: Tensor<A>,
    readonly gradient: Tensor<A>,
    label: string,
  ) {
    super(data.axes, data.shape, data.blocks, label);
    this.requiresGrad = true;
  }
}

function isParameter(x: Tensor): x is Parameter {
  return x instanceof Parameter;
}

/** Option of ops whose result may be a part of a larger map. */
export interface Placed {
  /** Where to write the result, e.g. a channel slice of what a concatenation will be; default: memory of its own. */
  readonly into?: Tensor<'NCHW'> | undefined;
}

export interface TapeOptions {
  /** Gradients will be asked for. */
  readonly grad: boolean;
  /** What is recorded ran before in this program (`recompute`): state outside of it, as running statistics, must not move again. */
  readonly again?: boolean;
}

/**
 * Remembers what was computed from what while a program is recorded, and records the gradients in reverse order. It knows no
 * op: each brings its own gradient closure. With `grad: false` (inference) nothing is remembered and memory is freed early.
 */
export class Tape {
  private readonly nodes: Node[] = [];
  private readonly uses = new Map<Tensor, number>();

  constructor(
    readonly recorder: Recorder,
    readonly options: TapeOptions = { grad: true },
  ) {}

  /** A transient tensor for a result; its content is undefined until a kernel writes it. */
  empty<A extends string>(axes: A, shape: readonly number[], label = '', element?: ElementType): Tensor<A> {
    return this.recorder.empty(axes, shape, label, element);
  }

  /** The place of a result: `into` where the caller has one, say a channel slice of the map that a concatenation will be, or memory of its own. */
  placeOf<A extends string>(into: Tensor<A> | undefined, axes: A, shape: readonly number[], label = ''): Tensor<A> {
    if (!into) return this.empty(axes, shape, label);
    if (into.axes !== axes || into.shape.join() !== shape.join())
      throw new RangeError(
        `tape: a result of ${axes} ${shape.join('x')} cannot be written into ${into.toString()}; give a place of its shape.`,
      );
    // A tensor of its own: gradients belong to the result, not to the place.
    return detach(into);
  }

  emptyLike<A extends string>(x: Tensor<A>): Tensor<A> {
    return this.recorder.empty(x.axes, x.shape, x.label, x.element);
  }

  /**
   * Where an op should write the gradient of its input `x`: straight into the parameter's own place when this is the only
   * use of it, otherwise into a transient tensor that the tape sums.
   */
  gradTarget<A extends string>(x: Tensor<A>): Tensor<A> {
    return x instanceof Parameter && this.uses.get(x) === 1 ? (x as Parameter<A>).gradient : this.emptyLike(x);
  }

  /** Registers y = op(inputs). The closure runs during `backward` and only if a gradient reaches y and some input wants one. */
  push<A extends string>(y: Tensor<A>, inputs: readonly Tensor[], backward: Backward): Tensor<A> {
    if (!this.options.grad || !inputs.some((x) => x.requiresGrad)) return y;
    y.requiresGrad = true;
    for (const x of inputs) this.uses.set(x, (this.uses.get(x) ?? 0) + 1);
    this.nodes.push({ y, inputs, backward });
    return y;
  }

  /**
   * A part of the forward pass that keeps nothing but its result: `backward` records it once more to have its intermediate results
   * again, which costs its time and saves their memory (Chen et al. 2016, https://arxiv.org/abs/1604.06174). `inputs` are all tensors
   * that the part reads beside parameters; its parameters must not be used elsewhere.
   */
  recompute<A extends string>(inputs: readonly Tensor[], part: (tape: Tape) => Tensor<A>): Tensor<A> {
    if (!this.options.grad) return part(this);
    const y = part(new Tape(this.recorder, { grad: false }));
    return this.push(y, inputs, (dy) => {
      const tape = new Tape(this.recorder, { grad: true, again: true });
      const gradients = tape.backward(part(tape), dy);
      return inputs.map((x) => gradients.get(x));
    });
  }

  /**
   * Records the gradient of sum(y * dy) for everything that y was computed from. Returns the gradients of tensors that are
   * not the output of an op (inputs and parameters; those of parameters lie in `Parameter.gradient`).
   */
  backward(y: Tensor, dy: Tensor): Map<Tensor, Tensor> {
    const contributions = new Map<Tensor, Tensor[]>([[y, [dy]]]);
    for (const node of this.nodes.toReversed()) {
      const terms = contributions.get(node.y);
      if (!terms) continue;
      contributions.delete(node.y);
      const gradients = node.backward(this.total(terms));
      for (const [i, input] of node.inputs.entries()) {
        const gradient = gradients[i];
        if (!gradient || !input.requiresGrad) continue;
        const list = contributions.get(input);
        if (list) list.push(gradient);
        else contributions.set(input, [gradient]);
      }
    }
    return new Map([...contributions].map(([x, terms]) => [x, this.settle(x, terms)]));
  }

  private total(terms: readonly Tensor[]): Tensor {
    const [first] = terms;
    if (!first) throw new Error('tape: no gradient to sum.');
    if (terms.length === 1) return first;
    const y = this.emptyLike(first);
    sum(this.recorder, terms, y);
    return y;
  }

  /** A parameter's gradient is in its place already, or summed there; a single one comes from ops that hand on what they were given. */
  private settle(x: Tensor, terms: readonly Tensor[]): Tensor {
    if (!isParameter(x)) return this.total(terms);
    if (terms[0] !== x.gradient) sum(this.recorder, terms, x.gradient);
    return x.gradient;
  }
}
