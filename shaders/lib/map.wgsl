// How a feature map, or the gradient of one, is stored: loaded as f32(x[i]), stored as Map(v). All arithmetic, and all else that is
// stored (parameters and their gradients, statistics, partial sums, losses), is f32.
alias Map = f32;
alias Map2 = vec2<Map>;
alias Map3 = vec3<Map>;
alias Map4 = vec4<Map>;
