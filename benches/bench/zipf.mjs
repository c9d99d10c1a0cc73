/** Ranks by Zipf's law: the k-th most popular of `count` is drawn with a weight of 1 / k^exponent. */
export function zipf(count, exponent, next) {
  // Outside V8's heap, so that a measured heap does not hold it.
  const cumulated = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank++) {
    sum += 1 / (rank + 1) ** exponent;
    cumulated[rank] = sum;
  }
  return () => {
    const wanted = next() * sum;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (cumulated[middle] < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}
