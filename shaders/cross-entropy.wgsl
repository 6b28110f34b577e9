// Cross-entropy of class logits, first stage: sums over fixed pieces of the rows (n, p). With classes c, weights w, smoothing s:
//   t[c] = 1 at the target's class, or the given probability;  k[c] = w[c] * ((1 - s) t[c] + s / C)
//   term = sum over c of k[c] * (log of sum of exp(z) - z[c])
//   partials[piece] = sum of mask * term, sum of mask * divisor; divisor = w[target], or 1 with probabilities, as PyTorch
// Rows whose target is `ignored` count nowhere.
// One workgroup per piece; grid = pieces.
// requires: lib/map.wgsl
// requires: lib/workgroup-sum.wgsl
// requires: lib/class-target.wgsl
override WG: u32 = 64;                // invocations per workgroup, a power of two
struct Params {
  rows: u32,                          // N*P
  piece: u32,                         // rows per workgroup
  classes: u32,                       // C
  inner: u32,                         // P = H*W, 1 for [N,C]
  smoothing: f32,
  ignored: f32,                       // class index that leaves a row out
  probabilities: u32,                 // 0: labels are class indices [N,P]; 1: [N,C,P]
  weighted: u32, masked: u32,         // 0: that array is bound to something else and not read
}
@group(0) @binding(0) var<storage, read> logits: array<Map>;           // [N,C,P]
@group(0) @binding(1) var<storage, read> labels: array<f32>;           // [N,P] or [N,C,P]
@group(0) @binding(2) var<storage, read> weight: array<f32>;           // [C]
@group(0) @binding(3) var<storage, read> mask: array<f32>;             // [N,P]
@group(0) @binding(4) var<storage, read_write> partials: array<vec2f>; // [pieces]
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u) {
  let first = group.x * params.piece;
  let end = min(first + params.piece, params.rows);
  var sum = vec2f();
  for (var row = first + lane; row < end; row += WG) { sum += rowTerm(row); }
  let total = workgroupSum(lane, vec4f(sum, 0.0, 0.0));
  if (lane == 0u) { partials[group.x] = total.xy; }
}

fn rowTerm(row: u32) -> vec2f {
  let m = rowMask(row);
  if (m == 0.0) { return vec2f(); }
  let start = rowStart(row);
  let norm = rowNorm(start);
  var term = 0.0;
  var divisor = 0.0;
  for (var c = 0u; c < params.classes; c++) {
    let z = f32(logits[start + c * params.inner]) - norm.x;
    term += classShare(row, start, c) * (norm.y - z);
    if (params.probabilities == 0u && labels[row] == f32(c)) { divisor = classWeight(c); }
  }
  return m * vec2f(term, select(divisor, 1.0, params.probabilities == 1u));
}
