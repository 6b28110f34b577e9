/** A view [outer, length, inner] of an array: softmax runs along `length`. */
export interface SoftmaxView {
  readonly length: number;
  readonly inner: number;
  readonly logarithm: boolean;
}

function eachRow(size: number, { length, inner }: SoftmaxView, visit: (indices: number[]) => void): void {
  for (let outer = 0; outer < size; outer += length * inner) {
    for (let i = 0; i < inner; i++) visit(Array.from({ length }, (_, k) => outer + k * inner + i));
  }
}

/** Softmax or its logarithm, float64. */
export function softmax(x: Float64Array, view: SoftmaxView): Float64Array {
  const y = new Float64Array(x.length);
  eachRow(x.length, view, (row) => {
    const largest = Math.max(...row.map((i) => x[i]!));
    const sum = row.reduce((total, i) => total + Math.exp(x[i]! - largest), 0);
    for (const i of row) y[i] = view.logarithm ? x[i]! - largest - Math.log(sum) : Math.exp(x[i]! - largest) / sum;
  });
  return y;
}

/** Gradient of sum(y * dy) by x. */
export function softmaxGrad(x: Float64Array, dy: Float64Array, view: SoftmaxView): Float64Array {
  const p = softmax(x, { ...view, logarithm: false });
  const dx = new Float64Array(x.length);
  eachRow(x.length, view, (row) => {
    const sum = row.reduce((total, i) => total + dy[i]! * (view.logarithm ? 1 : p[i]!), 0);
    for (const i of row) dx[i] = view.logarithm ? dy[i]! - p[i]! * sum : p[i]! * (dy[i]! - sum);
  });
  return dx;
}
