// Count, mean and sum of squared deviations from that mean, and how two such summaries make one.
// Chan, Golub, LeVeque, Updating formulae and a pairwise algorithm for computing sample variances, 1979.
struct Moments { count: f32, mean: f32, squares: f32 }

fn mergeMoments(a: Moments, b: Moments) -> Moments {
  let count = a.count + b.count;
  let share = b.count / max(count, 1.0);
  let delta = b.mean - a.mean;
  return Moments(count, a.mean + delta * share, a.squares + b.squares + delta * delta * a.count * share);
}
