// What the class gate and its gradients share; the requiring file declares classes [N,K] and params.classes.

// Log odds that an image is of any class but the first.
fn oddsOfAny(image: u32) -> f32 {
  let start = image * params.classes;
  return largestOther(start) + log(sumOfOthers(start)) - classes[start];
}

fn largestOther(start: u32) -> f32 {
  var largest = classes[start + 1u];
  for (var k = 2u; k < params.classes; k++) { largest = max(largest, classes[start + k]); }
  return largest;
}

// Of exp(z - largest)
fn sumOfOthers(start: u32) -> f32 {
  let largest = largestOther(start);
  var sum = 0.0;
  for (var k = 1u; k < params.classes; k++) { sum += exp(classes[start + k] - largest); }
  return sum;
}
